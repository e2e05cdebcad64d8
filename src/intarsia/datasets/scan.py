"""What values the masks of a data set hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.drawings.drawing import Drawing
from intarsia.datasets.encodings import Value, count_ids, pack, unpack_color
from intarsia.datasets.formats.masks import paint, source_of
from intarsia.errors import ImageError
from intarsia.file_cache import FileCache, Question, answers
from intarsia.images import RawKind, read_mask
from intarsia.labels import Color

MOST_VALUES = 256  # a mask of more colours than this is a photograph, or was compressed with loss
_MOST_IDS = 4096
_MOST_KEPT = 1_000_000  # values of all masks together: past them a mask gives its first few
_FEW_VALUES = 64
_FACTS = 2  # raised when a scan comes to hold something else


@dataclass(frozen=True)
class MaskScan:
    """The values of one mask and how many pixels hold each.

    Only the most frequent are kept, `MOST_VALUES` colours or 4096 ids; `distinct` counts all.
    `palette` gives the colours of the indices in use. `error` is set, and everything else empty,
    where the file cannot be read. `overlapping` counts the pixels of a drawing that more than one
    object covers.
    """

    path: Path
    kind: RawKind = "ids"
    format: str = ""
    counts: dict[Value, int] = field(default_factory=dict)
    distinct: int = 0
    palette: dict[int, Color] = field(default_factory=dict)
    error: ImageError | None = None
    overlapping: int = 0


def scan_masks(
    masks: Iterable[Path | Drawing],
    cache: FileCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[MaskScan]:
    """Scan every mask, in order, on all cores; `cache` remembers files of earlier commands."""
    some = list(masks)
    settings = str(_FACTS)
    questions = (
        Question(mask if isinstance(mask, Path) else None, "scan", settings, partial(_answer, mask))
        for mask in some
    )
    kept = 0
    for at, (mask, found) in enumerate(zip(some, answers(questions, cache), strict=True), start=1):
        if progress is not None:
            progress(at, len(some))
        scan = _from_json(source_of(mask), found)
        kept += len(scan.counts)
        if kept > _MOST_KEPT:
            scan = replace(scan, counts=dict(list(scan.counts.items())[:_FEW_VALUES]))
        yield scan


def scan_mask(mask: Path | Drawing) -> MaskScan:
    """The values of one mask; a file that cannot be read is no exception but an `error`."""
    path, overlapping = source_of(mask), 0
    try:
        if isinstance(mask, Path):
            raw = read_mask(mask)
        else:
            raw, overlapping = paint(mask)
    except ImageError as error:
        return MaskScan(path, error=error)
    numbers = pack(raw.values) if raw.kind == "colors" else raw.values
    values, pixels = count_values(numbers)
    distinct = len(values)
    most = MOST_VALUES if raw.kind == "colors" else _MOST_IDS
    if distinct > most:
        top = np.argsort(-pixels, kind="stable")[:most]
        values, pixels = values[top], pixels[top]
    counts: dict[Value, int] = {}
    for value, count in zip(values.tolist(), pixels.tolist(), strict=True):
        counts[unpack_color(value) if raw.kind == "colors" else value] = count
    palette: dict[int, Color] = {}
    if raw.palette is not None:
        for index in values.tolist():
            if 0 <= index < len(raw.palette):
                red, green, blue = raw.palette[index].tolist()
                palette[index] = (red, green, blue)
    return MaskScan(path, raw.kind, raw.format, counts, distinct, palette, overlapping=overlapping)


def _answer(mask: Path | Drawing) -> dict[str, Any]:
    return _to_json(scan_mask(mask))


def _to_json(scan: MaskScan) -> dict[str, Any]:
    if scan.error is not None:
        return {"fault": scan.error.to_json()}
    return {
        "kind": scan.kind,
        "format": scan.format,
        "counts": list(scan.counts.items()),
        "distinct": scan.distinct,
        "palette": list(scan.palette.items()),
        "overlapping": scan.overlapping,
    }


def _from_json(path: Path, item: dict[str, Any]) -> MaskScan:
    if "fault" in item:
        return MaskScan(path, error=ImageError.from_json(item["fault"], where=path))
    counts = {v if isinstance(v, int) else _color(v): n for v, n in item["counts"]}
    palette = {index: _color(color) for index, color in item["palette"]}
    return MaskScan(
        path,
        item["kind"],
        item["format"],
        counts,
        item["distinct"],
        palette,
        overlapping=item["overlapping"],
    )


def _color(values: Sequence[int]) -> Color:
    red, green, blue = values
    return (red, green, blue)


def count_values(numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The distinct values of an array, ascending, and how often each occurs."""
    if numbers.dtype == np.uint8:
        counts = count_ids(numbers, 256)
        found = np.flatnonzero(counts)
        return found, counts[found]
    # Masks are made of long runs: sorting one value a run is far cheaper than one a pixel.
    flat = np.ascontiguousarray(numbers).reshape(-1)
    if not flat.size:
        return flat, np.zeros(0, np.int64)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths = np.diff(np.append(starts, flat.size))
    found, where = np.unique(flat[starts], return_inverse=True)
    return found, np.bincount(where, weights=lengths, minlength=len(found)).astype(np.int64)


def total(scans: Iterable[MaskScan]) -> Counter[Value]:
    """The pixel counts of all scans together."""
    counts: Counter[Value] = Counter()
    for scan in scans:
        counts.update(scan.counts)
    return counts
