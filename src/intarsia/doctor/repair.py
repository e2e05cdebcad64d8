"""A corrected copy of a data set: what can be mended without guessing, and a log of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset, Drawing, Sample
from intarsia.datasets.declaration import describe
from intarsia.datasets.encodings import MaskEncoding, Value
from intarsia.datasets.formats.masks import read_mask
from intarsia.datasets.pairing import EXTENSIONS
from intarsia.datasets.split_table import FILE_NAME, rows_of, write_rows
from intarsia.doctor.files import printable, shown
from intarsia.doctor.findings import Report
from intarsia.doctor.question import unknown_pixels
from intarsia.errors import DataError, ImageError
from intarsia.images import (
    RawMask,
    copy_file,
    read_header,
    whole_folder,
    write_atomic,
    write_mask,
)
from intarsia.images.header import upright

_SAME_SHAPE = 0.02  # of the aspect ratio: beyond it, a mask of another size is another picture's
_FAR_APART = 48.0  # classes nearer than this cannot be told apart after a compression with loss
_HALF = 128


@dataclass(frozen=True)
class Change:
    """One thing that was done: to which file, for which finding, what, and where it is now."""

    file: str
    code: str
    what: str
    written: str | None


def write_repaired(
    data: Dataset,
    report: Report,
    out: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Change, ...]:
    """Write a corrected copy of `data` to `out`, a new or an empty folder; nothing else is touched.

    `images/` and `masks/` by the samples' names, `dataset.yaml`, `splits.csv` with splits, folds
    and groups, `fixes.json` and `fixes.txt`. Images are copied byte for byte; those that nobody
    has labelled go to `unlabelled/`. Masks become PNG with class ids: turned as the EXIF
    orientation of their photo says, scaled by nearest neighbour where only the size differs,
    cleared of smoothing and loss where the classes lie far enough apart. Of copies of one image
    with one mask one stays, that outside train. What cannot be mended without guessing comes
    along as it is, and a check of the copy reports it again.

    Raises:
        DataError: `out` is not empty, or lies inside the data set, or its images are several files
            each.
        IntarsiaError: a file cannot be copied, or the disk is full.
    """
    if any(sample.more_channels for sample in data.samples):
        raise DataError(
            "a corrected copy of images in several files each cannot be written yet",
            where=data.root,
            hint="mend the files that the check names by hand",
        )
    with whole_folder(out, apart_from=[data.root], flag="--fix OUT") as part:
        changes = tuple(_written(data, report, part, progress))
        (part / "fixes.json").write_bytes(_as_json(data, report, changes))
        (part / "fixes.txt").write_text(_as_text(data, changes), encoding="utf-8")
    return changes


def _written(
    data: Dataset, report: Report, out: Path, progress: Callable[[int, int], None] | None
) -> Iterator[Change]:
    dropped = _copies(data, report)
    kept: list[Sample] = []
    for done, sample in enumerate(data.samples, start=1):
        name = shown(sample.image, data)
        if sample.name in dropped:
            code, twin = dropped[sample.name]
            yield Change(name, code, f"left out: the same image and mask as {twin}", None)
        elif sample.mask is None and sample.split is None:
            image = _copied(sample.image, out / "unlabelled", sample.place)
            where = printable(image.relative_to(out).as_posix())
            yield Change(name, "unlabelled", "nobody has labelled it: kept apart", where)
        else:
            image = _copied(sample.image, out / "images", sample.place)
            mask = None
            if sample.mask is not None:
                mask = out / "masks" / f"{sample.place}.png"
                mask.parent.mkdir(parents=True, exist_ok=True)
                for code, what in _mended(data, sample, mask):
                    where = printable(mask.relative_to(out).as_posix())
                    yield Change(shown(sample.mask, data), code, what, where)
                mask = mask if mask.exists() else _copied(sample.mask, out / "masks", sample.place)
            kept.append(replace(sample, image=image, mask=mask))
        if progress is not None:
            progress(done, len(data.samples))
    for kind, files in (("images", data.unpaired_images), ("masks", data.unpaired_masks)):
        for path in files:
            _copied_alone([path], out / kind)
    for two in data.doubled:
        _copied_alone(two, out / _kind_of(two[0], data))
    table: dict[Value, int | None] = {label.id: label.id for label in data.labels.classes}
    table[data.labels.ignore_index] = None
    corrected = replace(
        data,
        root=out,
        samples=tuple(kept),
        encoding=MaskEncoding("ids", table),
        layout="images/ with masks/",
        notes=(f"a corrected copy of {data.name}: see fixes.txt",),
        ignored=(),
        groups_given=False,
    )
    rows = rows_of(corrected.samples, out)
    write_atomic(out / FILE_NAME, write_rows(rows, folds=corrected.folds > 0))
    write_atomic(out / "dataset.yaml", describe(corrected, table=FILE_NAME).encode())


def _kind_of(path: Path, data: Dataset) -> str:
    masks = {s.mask.parent for s in data.samples if isinstance(s.mask, Path)}
    return "masks" if path.parent in masks else "images"


def _copied(path: Path | Drawing, folder: Path, name: str) -> Path:
    """The file itself; one that cannot be opened is remade as unreadable as it is: empty."""
    target = folder / f"{name}{path.suffix if isinstance(path, Path) else '.png'}"
    if isinstance(path, Path) and path.is_file() and os.access(path, os.R_OK):
        copy_file(path, target)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"")
    return target


def _copied_alone(paths: Sequence[Path], folder: Path) -> None:
    """Files of one name by that, in folders of their own where another has the name by now."""
    first = paths[0]
    name, endings = first.stem, EXTENSIONS | {path.suffix for path in paths}
    while any((folder / f"{name}{ending}").exists() for ending in endings):
        name = f"{first.parent.name}/{name}"
    for path in paths:
        _copied(path, folder, name)


def _copies(data: Dataset, report: Report) -> dict[str, tuple[str, str]]:
    """Samples to leave out: the copy in train where one is held out, else the later one."""
    by_file = {shown(s.image, data): s for s in data.samples}
    unsure = {f.file for f in report.findings if f.code == "conflicting-masks"}
    dropped: dict[str, tuple[str, str]] = {}
    for finding in report.findings:
        if not finding.code.startswith("identical-") or finding.file in unsure:
            continue
        one, other = by_file.get(finding.file or ""), by_file.get(finding.other or "")
        if one is None or other is None:
            continue
        gone, stays = (other, one) if other.split == "train" != one.split else (one, other)
        if stays.name not in dropped and gone.name not in dropped:
            dropped[gone.name] = (finding.code, shown(stays.image, data))
    return dropped


def _mended(data: Dataset, sample: Sample, target: Path) -> Iterator[tuple[str, str]]:
    """Write the mask as class ids; says what was done to it. Nothing is written where it fails."""
    if sample.mask is None:
        return
    try:
        raw = read_mask(sample.mask)
    except ImageError:
        return
    ids, strange = data.encoding.decode(raw, data.labels)
    done: list[tuple[str, str]] = []
    if strange or raw.format == "JPEG":
        snapped = _snapped(data, raw)
        if snapped is not None and _is_smoothed(raw, strange):
            ids, strange = snapped, {}
            code = "lossy-mask" if raw.format == "JPEG" else "blurred-mask"
            done.append((code, "each pixel took the value of the nearest class"))
    if strange:
        if len(data.labels) == data.labels.ignore_index:
            return
        # What is no class stays no class, past the others, so that the next check finds it.
        ids = np.where(unknown_pixels(data, raw), ids.dtype.type(len(data.labels)), ids)
    ids = _fitted(sample, ids, done)
    write_mask(target, ids, data.labels)
    if isinstance(sample.mask, Drawing):
        done.append(("remapped", "the shapes were painted as class ids"))
        yield from done
        return
    identity = all(v == i for v, i in data.encoding.map.items() if i is not None)
    if not identity or data.encoding.kind != "ids" or raw.kind == "colors":
        done.append(("remapped", "values became class ids"))
    yield from done


def _is_smoothed(raw: RawMask, strange: dict[Value, int]) -> bool:
    """Smoothing and loss make many values; a class that was forgotten makes one."""
    return raw.format == "JPEG" or len(strange) >= 3


def _snapped(data: Dataset, raw: RawMask) -> NDArray[Any] | None:
    """The nearest class of every pixel, None where classes lie too near to each other."""
    colors = raw.values if raw.kind == "colors" else raw.values[:, :, None]
    known = [
        (value, id_)
        for value, id_ in data.encoding.map.items()
        if raw.kind == "colors" or isinstance(value, int)
    ]
    rows = [value if isinstance(value, tuple) else (value,) * colors.shape[2] for value, _ in known]
    if not rows or any(len(row) != colors.shape[2] for row in rows):
        return None
    table = np.array(rows, np.float32)
    apart = np.linalg.norm(table[:, None] - table[None], axis=2)
    if len(table) > 1 and apart[np.triu_indices(len(table), 1)].min() < _FAR_APART:
        return None
    best = np.zeros(colors.shape[:2], np.int64)
    least = np.full(colors.shape[:2], np.inf, np.float32)
    for at, row in enumerate(table):
        distance = np.square(colors.astype(np.float32) - row).sum(axis=2)
        nearer = distance < least
        best[nearer], least[nearer] = at, distance[nearer]
    targets = np.array([data.labels.ignore_index if i is None else i for _, i in known])
    return np.asarray(targets[best].astype(data.labels.dtype))


def _fitted(sample: Sample, ids: NDArray[Any], done: list[tuple[str, str]]) -> NDArray[Any]:
    """The mask at its image's size, where it is clear how it comes to it."""
    try:
        header = read_header(sample.image)
    except ImageError:
        return ids
    size = (header.height, header.width)
    if ids.shape == size:
        return ids
    # Of a drawing nobody knows which is turned: the shapes, or only the size that its file gives.
    known = not isinstance(sample.mask, Drawing)
    if known and ids.shape == size[::-1] and header.orientation >= 5:
        done.append(("exif-mismatch", f"turned as EXIF orientation {header.orientation} says"))
        return upright(ids, header.orientation)
    ratio = (ids.shape[0] * size[1]) / (ids.shape[1] * size[0])
    if abs(ratio - 1) <= _SAME_SHAPE:
        done.append(
            (
                "size-mismatch",
                f"scaled from {ids.shape[0]} x {ids.shape[1]} to {size[0]} x {size[1]} "
                "by nearest neighbour",
            )
        )
        return np.asarray(cv2.resize(ids, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT))
    return ids


def _as_json(data: Dataset, report: Report, changes: Iterable[Change]) -> bytes:
    return json.dumps(
        {
            "schema": 1,
            "data": data.name,
            "errors_before": len(report.errors),
            "changes": [asdict(change) for change in changes],
        },
        indent=1,
    ).encode()


def _as_text(data: Dataset, changes: Iterable[Change]) -> str:
    lines = [f"A corrected copy of {data.name}. The originals were not touched.", ""]
    lines += [f"{c.file}: [{c.code}] {c.what}" for c in changes]
    return "\n".join([*lines, ""])
