"""YOLO segmentation labels: a text file an image (docs.ultralytics.com/datasets/segment)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intarsia.datasets.drawings.areas import Polygon, rectangle
from intarsia.datasets.drawings.sheet import Annotations, Sheet, Stroke
from intarsia.datasets.formats.source import Oddities, read_text, refused

_BOX = 4
_SLACK = 0.01
_BOXES = "boxes among the polygons are painted as rectangles"


def parse(source: Path) -> Annotations:
    """The one image of the file, with the key ""; shapes lie in the order of the file.

    A line is `class x1 y1 x2 y2 ...` in shares of the image's width and height, or `class x y
    width height` for a box; labels are the numbers of the classes.

    Raises:
        DataError: lines of another form, or numbers that are no shares; all at once.
    """
    faults: list[str] = []
    oddities = Oddities()
    boxes = 0
    strokes = []
    for at, line in enumerate(read_text(source).splitlines(), 1):
        if not line.strip():
            continue
        try:
            stroke, box = _stroke(line.split())
        except ValueError as error:
            faults.append(f"line {at}: {error}")
            continue
        if box:
            boxes += 1
            oddities.add(_BOXES, f"line {at}")
        strokes.append(stroke)
    if faults:
        raise refused(
            faults, source, "a line is `class x1 y1 x2 y2 x3 y3 ...`, 0 to 1; export them again"
        )
    labels = {stroke.label: stroke.label for stroke in strokes}
    sheet = Sheet(source.stem, None, tuple(strokes))
    return Annotations({"": sheet}, labels, oddities.notes(source), boxes)


def parse_blank(source: Path) -> Annotations:
    """The sheet of an image that has no label file: nothing is to be found on it."""
    return Annotations({"": Sheet(source.stem, None, ())}, {})


def _stroke(words: list[str]) -> tuple[Stroke, bool]:
    if not words[0].isdigit():
        raise ValueError(f"{words[0]!r} is not the number of a class")
    try:
        shares = np.array([float(word) for word in words[1:]], np.float64)
    except ValueError as error:
        raise ValueError("it holds something else than numbers") from error
    if len(shares) < _BOX or len(shares) % 2:
        raise ValueError(
            f"{len(shares)} numbers behind the class, not pairs x y of 3 points or more"
        )
    if not (shares >= -_SLACK).all() or not (shares <= 1 + _SLACK).all():
        worst = shares[np.argmax(np.abs(shares - 0.5))]
        raise ValueError(f"{worst:g} is not a share of the image, 0 to 1")
    label = str(int(words[0]))
    if len(shares) == _BOX:
        x, y, width, height = shares.tolist()
        box = rectangle(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return Stroke(label, (Polygon(box.rings, unit=True),)), True
    return Stroke(label, (Polygon((shares.reshape(-1, 2),), unit=True),)), False
