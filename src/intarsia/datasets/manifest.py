"""A data set as JSON: what a run keeps of its data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from intarsia.datasets.dataset import Dataset
from intarsia.datasets.encodings import MaskEncoding
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError
from intarsia.images import Scaling
from intarsia.labels import LabelMap

SCHEMA = 1


def write_manifest(data: Dataset) -> dict[str, Any]:
    """JSON of a data set; see `Dataset.manifest`."""
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        samples = list(pool.map(lambda sample: _sample(sample, data.root), data.samples))
    return {
        "schema": SCHEMA,
        "name": data.name,
        "root": data.root.as_posix(),
        "layout": data.layout,
        "labels": data.labels.to_json(),
        "encoding": data.encoding.to_json(),
        "channels": data.channels,
        "channel_names": list(data.channel_names),
        "page": data.page,
        "scaling": data.scaling.to_json(),
        "ignored": list(data.ignored),
        "notes": list(data.notes),
        "ignored_masks": sorted(data.ignored_masks),
        "unpaired_images": [_relative(path, data.root) for path in data.unpaired_images],
        "unpaired_masks": [_relative(path, data.root) for path in data.unpaired_masks],
        "samples": samples,
    }


def _sample(sample: Sample, root: Path) -> dict[str, Any]:
    size, digest = fingerprint(sample.image)
    item: dict[str, Any] = {
        "name": sample.name,
        "image": _relative(sample.image, root),
        "mask": None if sample.mask is None else _relative(sample.mask, root),
        "split": sample.split,
        "group": sample.group,
        "bytes": size,
        "sha256": digest,
        "mask_sha256": None if sample.mask is None else fingerprint(sample.mask)[1],
    }
    if sample.more_channels:
        item["more_channels"] = [
            {"file": _relative(file, root), "sha256": fingerprint(file)[1]}
            for file in sample.more_channels
        ]
    return item


def fingerprint(path: Path) -> tuple[int, str]:
    """Bytes of a file and its SHA-256."""
    try:
        if not path.is_file():  # reading a pipe would wait for ever
            raise DataError("there is no such file", where=path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=path) from error


def _relative(path: Path, root: Path) -> str:
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def read_manifest(manifest: Mapping[str, Any]) -> Dataset:
    """The data set of a manifest; see `Dataset.from_manifest`."""
    schema = manifest.get("schema")
    if schema != SCHEMA:
        raise DataError(
            f"the manifest has schema {schema!r}",
            expected=f"{SCHEMA}",
            hint="it was written by another version of Intarsia: update, or train again",
        )
    try:
        root = Path(manifest["root"])
        return Dataset(
            root=root,
            samples=tuple(
                Sample(
                    item["name"],
                    root / item["image"],
                    None if item["mask"] is None else root / item["mask"],
                    item["split"],
                    item["group"],
                    tuple(root / part["file"] for part in item.get("more_channels", ())),
                )
                for item in manifest["samples"]
            ),
            labels=LabelMap.from_json(manifest["labels"]),
            encoding=MaskEncoding.from_json(manifest["encoding"]),
            channels=manifest["channels"],
            scaling=Scaling.from_json(manifest["scaling"]),
            layout=manifest["layout"],
            notes=tuple(manifest["notes"]),
            unpaired_images=tuple(root / path for path in manifest["unpaired_images"]),
            unpaired_masks=tuple(root / path for path in manifest["unpaired_masks"]),
            ignored=tuple(manifest["ignored"]),
            channel_names=tuple(manifest["channel_names"]),
            page=manifest["page"],
            ignored_masks=frozenset(manifest.get("ignored_masks", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the manifest is damaged: {error!r}", hint="train again") from error
