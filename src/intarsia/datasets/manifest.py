"""A data set as JSON: what a run keeps of its data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from intarsia.datasets.content import fingerprint
from intarsia.datasets.dataset import Dataset
from intarsia.datasets.drawings.drawing import Drawing, Values
from intarsia.datasets.encodings import MaskEncoding
from intarsia.datasets.formats.masks import drawing_digest
from intarsia.datasets.primary import Primary
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError
from intarsia.images import Scaling
from intarsia.labels import LabelMap

SCHEMA = 1


def write_manifest(data: Dataset) -> dict[str, Any]:
    """JSON of a data set; see `Dataset.manifest`."""
    drawings = [s.mask for s in data.samples if isinstance(s.mask, Drawing)]
    tables = {values: at for at, values in enumerate(dict.fromkeys(d.values for d in drawings))}
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        samples = list(pool.map(lambda sample: _sample(sample, data.root, tables), data.samples))
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
        "primary": None if data.primary is None else data.primary.to_json(),
        "notes": list(data.notes),
        "ignored_masks": sorted(data.ignored_masks),
        "unpaired_images": [_relative(path, data.root) for path in data.unpaired_images],
        "unpaired_masks": [_relative(path, data.root) for path in data.unpaired_masks],
        "drawn": [[list(pair) for pair in values] for values in tables],
        "samples": samples,
    }


def _sample(sample: Sample, root: Path, tables: Mapping[Values, int]) -> dict[str, Any]:
    size, digest = fingerprint(sample.image)
    item: dict[str, Any] = {
        "name": sample.name,
        "image": _relative(sample.image, root),
        "mask": _mask(sample.mask, root, tables),
        "split": sample.split,
        "group": sample.group,
        "fold": sample.fold,
        "bytes": size,
        "sha256": digest,
        "mask_sha256": mask_digest(sample.mask),
    }
    if sample.more_channels:
        item["more_channels"] = [
            {"file": _relative(file, root), "sha256": fingerprint(file)[1]}
            for file in sample.more_channels
        ]
    return item


def _mask(
    mask: Path | Drawing | None, root: Path, tables: Mapping[Values, int]
) -> str | dict[str, Any] | None:
    """A path, or where the drawing is to be found again; `values` is the place of its table."""
    if not isinstance(mask, Drawing):
        return None if mask is None else _relative(mask, root)
    return {
        "source": _relative(mask.source, root),
        "format": mask.format,
        "key": mask.key,
        "size": list(mask.size),
        "values": tables[mask.values],
        "blank": mask.blank,
    }


def mask_digest(mask: Path | Drawing | None) -> str | None:
    """The SHA-256 of a mask's file, or of a drawing's shapes."""
    if mask is None:
        return None
    return drawing_digest(mask) if isinstance(mask, Drawing) else fingerprint(mask)[1]


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
        tables = [tuple((label, value) for label, value in t) for t in manifest.get("drawn", ())]
        return Dataset(
            root=root,
            samples=tuple(
                Sample(
                    item["name"],
                    root / item["image"],
                    _read_mask(item["mask"], root, tables),
                    item["split"],
                    item["group"],
                    tuple(root / part["file"] for part in item.get("more_channels", ())),
                    fold=item.get("fold"),
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
            primary=Primary.from_json(manifest.get("primary")),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the manifest is damaged: {error!r}", hint="train again") from error


def _read_mask(item: Any, root: Path, tables: Sequence[Values]) -> Path | Drawing | None:
    if not isinstance(item, Mapping):
        return None if item is None else root / item
    height, width = item["size"]
    return Drawing(
        root / item["source"],
        item["format"],
        item["key"],
        (height, width),
        tables[item["values"]],
        item["blank"],
    )
