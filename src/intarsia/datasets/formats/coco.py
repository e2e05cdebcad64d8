"""COCO JSON: polygons and run-length masks of objects (cocodataset.org/#format-data)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.drawings.areas import Area, Polygon, Runs
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
    runs,
)
from intarsia.errors import DataError

_BOXES = "annotations without a segmentation (boxes only) are left out"


def parse(source: Path) -> Annotations:
    """Every image of the file; larger objects lie below smaller ones, else as listed.

    An image without annotations is all background; crowds (`iscrowd`) count as their class.

    Raises:
        DataError: not COCO JSON, unknown categories or images, or damaged masks; all at once.
    """
    content = read_json(source)
    lists = [content.get(k) for k in _KEYS] if isinstance(content, dict) else []
    if not lists or not all(isinstance(part, list) for part in lists):
        raise DataError(
            "not a COCO file of objects",
            where=source,
            expected=f"a JSON object with the lists {', '.join(_KEYS)}",
            hint="export the annotations as COCO instances (segmentation)",
        )
    faults: list[str] = []
    images, annotations, categories = (
        [i for i in part or [] if isinstance(i, dict)] for part in lists
    )
    names = _categories(categories, faults)
    sizes = _images(images, faults)
    oddities = Oddities()
    drawn: dict[object, list[tuple[float, Stroke]]] = {}
    used: set[object] = set()
    for at, item in enumerate(annotations):
        name = f"annotation {item.get('id', at)}"
        image, category = item.get("image_id"), item.get("category_id")
        if _key(image) not in sizes:
            faults.append(f"{name}: there is no image with the id {image!r}")
            continue
        if _key(category) not in names:
            known = ", ".join(str(k) for k in list(names)[:12])
            faults.append(f"{name}: unknown category_id {category!r} (there are {known})")
            continue
        picture, size = sizes[_key(image)]
        try:
            weighed = _areas(item.get("segmentation"), size, picture, oddities)
        except ValueError as error:
            faults.append(f"{name} of {picture}: {error}")
            continue
        if weighed is not None:
            used.add(_key(category))
            stroke = Stroke(str(category), weighed[1])
            drawn.setdefault(_key(image), []).append((weighed[0], stroke))
    if faults:
        raise refused(faults, source, "correct these entries, or export the annotations again")
    sheets = {}
    for id_, (picture, size) in sizes.items():
        ordered = sorted(drawn.get(id_, []), key=lambda pair: -pair[0])
        sheets[str(id_)] = Sheet(picture, size, tuple(stroke for _, stroke in ordered))
    labels = {str(id_): name for id_, name in names.items() if id_ in used}
    notes = oddities.notes(source)
    unused = [name for id_, name in names.items() if id_ not in used]
    if unused:
        notes += (
            f"{source.name}: nothing is drawn for {', '.join(unused[:8])}"
            + (f" and {len(unused) - 8} more" if len(unused) > 8 else ""),
        )
    return Annotations(sheets, labels, notes)


_KEYS = ("images", "annotations", "categories")


def _key(id_: object) -> object:
    """Ids may be numbers or text; anything else is none."""
    return id_ if type(id_) in (int, str) else None


def _categories(items: list[dict[str, Any]], faults: list[str]) -> dict[object, str]:
    names: dict[object, str] = {}
    for item in sorted(items, key=_by_id):
        id_, name = _key(item.get("id")), item.get("name")
        if id_ is None or not isinstance(name, str) or not name.strip():
            faults.append(f"the category {item!r} lacks an id or a name")
        elif id_ in names:
            faults.append(f"two categories have the id {id_}: {names[id_]}, {name}")
        else:
            names[id_] = name.strip()
    return names


def _by_id(item: dict[str, Any]) -> tuple[bool, int, str]:
    id_ = item.get("id")
    return (type(id_) is not int, id_ if type(id_) is int else 0, str(id_))


def _images(
    items: list[dict[str, Any]], faults: list[str]
) -> dict[object, tuple[str, tuple[int, int]]]:
    sizes: dict[object, tuple[str, tuple[int, int]]] = {}
    for item in items:
        id_, name = _key(item.get("id")), item.get("file_name")
        if id_ is None or not isinstance(name, str) or not name:
            faults.append(f"the image {str(item)[:80]} lacks an id or a file_name")
            continue
        if id_ in sizes:
            faults.append(f"two images have the id {id_}: {sizes[id_][0]}, {name}")
            continue
        try:
            sizes[id_] = (name, image_size(item.get("height"), item.get("width")))
        except ValueError as error:
            faults.append(f"image {name}: {error}")
    return sizes


def _areas(
    segmentation: object, size: tuple[int, int], picture: str, oddities: Oddities
) -> tuple[float, tuple[Area, ...]] | None:
    """The area in pixels, and the forms; None (and an oddity) where there is nothing to paint."""
    if isinstance(segmentation, dict):
        return _run_length(segmentation, size)
    if not segmentation:
        oddities.add(_BOXES, picture)
        return None
    if not isinstance(segmentation, list):
        raise ValueError("its segmentation is neither polygons nor RLE")
    # some writers leave out the list around a single polygon
    parts = segmentation if isinstance(segmentation[0], list) else [segmentation]
    if isinstance(parts[0], list) and parts[0] and isinstance(parts[0][0], list):
        raise ValueError("its polygons are nested; COCO has flat lists [x, y, x, y, ...]")
    rings = []
    for part in parts:
        points = ring(part)
        if len(points) < 3:
            oddities.add(TOO_FEW if len(points) else EMPTY, picture)
            continue
        if beyond(points, size):
            oddities.add(OUTSIDE, picture)
        rings.append(points)
    if not rings:
        return None
    # the parts of one object are painted together: where they overlap, they make no hole
    return sum(_enclosed(points) for points in rings), tuple(Polygon((r,)) for r in rings)


def _enclosed(points: NDArray[np.float64]) -> float:
    x, y = points.T
    closing = x[-1] * y[0] - x[0] * y[-1]
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]) + closing)) / 2


def _run_length(
    segmentation: Mapping[str, Any], size: tuple[int, int]
) -> tuple[float, tuple[Area, ...]]:
    counts, declared = segmentation.get("counts"), segmentation.get("size")
    if not isinstance(declared, list) or len(declared) != 2:
        raise ValueError("its RLE has no size [height, width]")
    height, width = image_size(*declared)
    if (height, width) != size:
        raise ValueError(
            f"its RLE is {width} x {height}, and the image {size[1]} x {size[0]} (width x height)"
        )
    if isinstance(counts, str):
        counts = unpack(counts)
    lengths = runs(counts, height * width)
    return float(lengths[1::2].sum()), (Runs(lengths, height, width, by_columns=True),)


def unpack(text: str) -> list[int]:
    """The run lengths of a compressed COCO RLE (`rleFrString` of the COCO API).

    Five bits a character, least first; from the third on, what is stored is the difference to
    the length before last. pycocotools does not notice a string that is cut short and returns
    whatever was in memory, hence not used here; the tests compare with it.

    Raises:
        ValueError: other characters, or the text ends inside a number.

    >>> unpack(";230009")
    [11, 2, 3, 2, 3, 2, 12]
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError(f"its compressed RLE holds {character!r}")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("its compressed RLE is cut short")
    return lengths
