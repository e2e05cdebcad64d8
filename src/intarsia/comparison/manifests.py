"""Whether two trainings saw the same data, and what each saw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

Manifest = Mapping[str, Any]
Rows = tuple[tuple[str, ...], ...]


def image_hash(item: Mapping[str, Any]) -> str:
    """Of a sample in a manifest, as `datasets.content.content_hash` gives it of its files."""
    digests = [item["sha256"], *(part["sha256"] for part in item.get("more_channels", ()))]
    if len(digests) == 1:
        return str(digests[0])
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def rows(manifest: Manifest) -> Rows:
    """What decides a training, wherever the files lie: contents, splits, folds."""
    return tuple(
        sorted(
            (
                item["name"],
                str(item["split"]),
                str(item.get("fold")),
                image_hash(item),
                str(item["mask_sha256"]),
            )
            for item in manifest["samples"]
        )
    )


def same_data(one: Manifest, other: Manifest) -> bool:
    """True where two manifests hold the same images and masks in the same splits."""
    return rows(one) == rows(other)


def split_sizes(manifest: Manifest) -> dict[str, int]:
    """How many images each split holds.

    >>> split_sizes({"samples": [{"split": "train"}, {"split": "val"}, {"split": "train"}]})
    {'train': 2, 'val': 1}
    """
    names = [item["split"] for item in manifest["samples"]]
    return {name: names.count(name) for name in ("train", "val", "test") if name in names}


def listed(manifests: Iterable[Manifest]) -> list[dict[str, Any]]:
    """What was trained on, as JSON, each data set once."""
    found: dict[Rows, dict[str, Any]] = {}
    for each in manifests:
        item = {"data": each["name"], "root": each["root"], "images": split_sizes(each)}
        found.setdefault(rows(each), item)
    return list(found.values())
