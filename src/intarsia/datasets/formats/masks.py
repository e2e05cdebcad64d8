"""A mask, whether file or drawing, to the values that it stands for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.drawings.drawing import Drawing
from intarsia.datasets.drawings.raster import rasterise
from intarsia.datasets.drawings.sheet import Annotations, Sheet
from intarsia.datasets.formats import coco, cvat, label_studio, labelme, objects, yolo
from intarsia.errors import DataError, ImageError, IntarsiaError
from intarsia.images import RawMask, Window
from intarsia.images import read_mask as read_mask_file

DRAWN = "drawing"  # what RawMask.format says of a mask that was drawn from shapes

_PARSERS: Mapping[str, Callable[[Path], Annotations]] = {
    "blank": yolo.parse_blank,
    "coco": coco.parse,
    "cvat": cvat.parse,
    "label-studio": label_studio.parse,
    "labelme": labelme.parse,
    "objects": objects.parse,
    "yolo": yolo.parse,
}
_MOST_SOURCES = 64
_parsing = threading.Lock()


def read_mask(mask: Path | Drawing, *, window: Window | None = None) -> RawMask:
    """The values of a mask file, or of a drawing painted at its image's size, or of a window.

    Raises:
        ImageError: the file cannot be read; the annotation is gone or damaged.
    """
    if isinstance(mask, Path):
        return read_mask_file(mask, window=window)
    raw = paint(mask)[0]
    if window is None:
        return raw
    return replace(raw, values=np.array(raw.values[slice(*window[0]), slice(*window[1])]))


def paint(drawing: Drawing) -> tuple[RawMask, int]:
    """The values of a drawing, and how many pixels more than one of its objects covers.

    Raises:
        ImageError: the annotation is gone or damaged.
    """
    try:
        values, overlapping = _paint(drawing)
    except IntarsiaError as error:
        raise ImageError(
            error.what, where=error.where or drawing, expected=error.expected, hint=error.hint
        ) from error
    return RawMask(values, "ids", None, DRAWN), overlapping


def _paint(drawing: Drawing) -> tuple[NDArray[np.unsignedinteger], int]:
    sheet = _sheet(drawing)
    values = dict(drawing.values)
    strange = {stroke.label for stroke in sheet.strokes} - values.keys()
    if strange:
        raise DataError(
            f'"{min(strange)}" has come to the annotation since the data set was opened',
            where=drawing,
            hint="open the data set again",
        )
    return rasterise(sheet.strokes, drawing.size, values, drawing.blank)


def drawing_digest(drawing: Drawing) -> str:
    """SHA-256 of what is drawn on this one image.

    Raises:
        DataError: the annotation is gone, or cannot be read.
    """
    return _sheet(drawing).digest()


def source_of(mask: Path | Drawing) -> Path:
    """The file that a mask comes from."""
    return mask if isinstance(mask, Path) else mask.source


def read_annotations(format: str, source: Path) -> Annotations:
    """A file of annotations, parsed once and kept until it changes.

    Raises:
        DataError: it cannot be read, or holds faults: all of them.
    """
    if format not in _PARSERS:
        raise DataError(
            f'unknown format of annotations "{format}"', expected=", ".join(_PARSERS), where=source
        )
    try:
        status = source.stat()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=source) from error
    with _parsing:  # eight threads would parse the same large file eight times
        return _parsed(format, source, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=_MOST_SOURCES)
def _parsed(format: str, source: Path, changed: int, size: int) -> Annotations:
    return _PARSERS[format](source)


def _sheet(drawing: Drawing) -> Sheet:
    sheet = read_annotations(drawing.format, drawing.source).sheets.get(drawing.key)
    if sheet is None:
        raise DataError(
            f'the annotation of "{drawing.key}" is no longer there',
            where=drawing.source,
            hint="restore the file, or open the data set again",
        )
    return sheet
