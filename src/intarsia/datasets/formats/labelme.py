"""LabelMe JSON: one file an image (github.com/wkentaro/labelme)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.drawings.areas import Area, Ellipse, Polygon, rectangle
from intarsia.datasets.drawings.sheet import Annotations, Sheet, Stroke
from intarsia.datasets.formats.source import (
    EMPTY,
    OUTSIDE,
    TOO_FEW,
    Oddities,
    beyond,
    image_size,
    read_json,
    refused,
    ring,
)
from intarsia.datasets.formats.stamp import png_stamp
from intarsia.errors import DataError

_KINDS = ("polygon", "rectangle", "rotation", "circle", "mask")
_NO_AREA = "points and lines, which cover nothing, are left out"


def parse(source: Path) -> Annotations:
    """The one image of the file, with the key ""; shapes lie in the order of the file.

    A circle is given by its centre and a point on it; a `mask` is a PNG for the box of its two
    points, both included. `imageData` is not looked at.

    Raises:
        DataError: not LabelMe JSON, or shapes that cannot be read; all at once.
    """
    content = read_json(source)
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise DataError(
            "not a LabelMe file", where=source, expected='a JSON object with the list "shapes"'
        )
    faults: list[str] = []
    size = None
    height, width = content.get("imageHeight"), content.get("imageWidth")
    if height is not None or width is not None:
        try:
            size = image_size(height, width)
        except ValueError as error:
            faults.append(f"imageHeight and imageWidth: {error}")
    oddities = Oddities()
    strokes = []
    for at, shape in enumerate(content["shapes"], 1):
        try:
            stroke = _stroke(shape, size, source.name, oddities)
        except ValueError as error:
            faults.append(f"shape {at}: {error}")
            continue
        if stroke is not None:
            strokes.append(stroke)
    if faults:
        raise refused(faults, source, "correct the shapes in LabelMe, or the file")
    picture = content.get("imagePath")
    name = picture if isinstance(picture, str) and picture else source.stem
    labels = {stroke.label: stroke.label for stroke in strokes}
    return Annotations({"": Sheet(name, size, tuple(strokes))}, labels, oddities.notes(source))


def _stroke(
    shape: object, size: tuple[int, int] | None, name: str, oddities: Oddities
) -> Stroke | None:
    if not isinstance(shape, dict):
        raise ValueError("it is not a JSON object")
    label, kind = shape.get("label"), shape.get("shape_type") or "polygon"
    if not isinstance(label, str) or not label.strip():
        raise ValueError(f"its label is {label!r}")
    if kind not in _KINDS:
        oddities.add(_NO_AREA, name)
        return None
    points = ring(shape.get("points"))
    if not len(points):
        oddities.add(EMPTY, name)
        return None
    if size is not None and kind != "circle" and beyond(points, size):
        oddities.add(OUTSIDE, name)
    if kind in ("circle", "mask") or (kind == "rectangle" and len(points) != 4):
        if len(points) != 2:
            raise ValueError(f"a {kind} has 2 points, not {len(points)}")
        return Stroke(label.strip(), (_of_two(kind, points, shape),))
    if len(points) < 3:
        oddities.add(TOO_FEW, name)
        return None
    return Stroke(label.strip(), (Polygon((points,)),))


def _of_two(kind: str, points: NDArray[np.float64], shape: Mapping[str, Any]) -> Area:
    (x0, y0), (x1, y1) = points.tolist()
    if kind == "circle":
        radius = float(np.hypot(x1 - x0, y1 - y0))
        return Ellipse(x0, y0, radius, radius)
    if kind == "rectangle":
        return rectangle(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    left, top, right, bottom = (int(v) for v in (x0, y0, x1, y1))
    return png_stamp(shape.get("mask"), (bottom - top + 1, right - left + 1), top, left)
