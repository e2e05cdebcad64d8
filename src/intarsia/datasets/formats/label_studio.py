"""Label Studio JSON: brushes, bitmasks, polygons, boxes, ellipses (labelstud.io/guide)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.drawings.areas import Area, Ellipse, Polygon, Runs, rectangle
from intarsia.datasets.drawings.sheet import Annotations, Sheet, Stroke
from intarsia.datasets.formats.source import (
    OUTSIDE,
    TOO_FEW,
    Oddities,
    beyond,
    image_size,
    number,
    read_json,
    refused,
    ring,
)
from intarsia.datasets.formats.stamp import png_stamp
from intarsia.errors import DataError

_LABELS = (
    *("brushlabels", "bitmasklabels", "polygonlabels", "rectanglelabels", "ellipselabels"),
    "labels",
)
_NO_AREA = "key points and vectors, which have no area, are left out"
_NO_LABEL = "shapes without a label are left out"
_SEVERAL = "shapes with several labels count as the first"
_SKIPPED = "skipped tasks are left out, as not annotated"
_UNDONE = "tasks without an annotation are left out, as not annotated"
_ANNOTATORS = "tasks with several annotations use one: the ground truth, else the last by date"
_IMAGE = re.compile(r"\.(jpe?g|png|tiff?|bmp|webp|gif)(\?|$)", re.IGNORECASE)
_BITMASK = "imageDataURL"
_CHANNELS = 4  # a brush is stored as the bytes of an RGBA picture


def parse(source: Path) -> Annotations:
    """Every task by its id; shapes lie in the order of the file.

    Of several annotations of a task, the one marked as ground truth counts, else the last one
    by date that was not skipped. An annotation without shapes means that there is nothing.

    Raises:
        DataError: another export of Label Studio, or results that cannot be read; all at once.
    """
    content = read_json(source)
    tasks = content if isinstance(content, list) else []
    if not tasks or not all(isinstance(t, dict) and isinstance(t.get("data"), dict) for t in tasks):
        raise DataError(
            "this is not the full JSON export of Label Studio",
            where=source,
            expected='a list of tasks with "data" and "annotations"',
            hint='export as "JSON" (not JSON-MIN, CSV or Brush labels to PNG)',
        )
    faults: list[str] = []
    oddities = Oddities()
    sheets: dict[str, Sheet] = {}
    for at, task in enumerate(tasks):
        key = str(task.get("id", at))
        picture = _picture(task)
        if picture is None or key in sheets:
            faults.append(
                f"task {key}: " + ("its id stands twice" if picture else "it names no image")
            )
            continue
        chosen = _chosen(task, key, oddities)
        strokes, size = [], None
        for result in chosen or ():
            try:
                size = _size(result, size)
                stroke = _stroke(result, f"task {key}", oddities)
            except ValueError as error:
                faults.append(f"task {key} ({picture}), result {result.get('id', '?')}: {error}")
                continue
            if stroke is not None:
                strokes.append(stroke)
        sheets[key] = Sheet(picture, size, tuple(strokes), chosen is not None)
    if faults:
        raise refused(faults, source, "correct these tasks in Label Studio and export them again")
    used = dict.fromkeys(s.label for sheet in sheets.values() for s in sheet.strokes)
    return Annotations(sheets, {label: label for label in used}, oddities.notes(source))


def _picture(task: Mapping[str, Any]) -> str | None:
    """The image of a task; an upload is called by its stored name."""
    data = task["data"]
    named = [data.get("image"), *data.values()]
    texts = [value for value in named if isinstance(value, str) and value]
    texts.sort(key=lambda text: _IMAGE.search(text) is None)
    upload = task.get("file_upload")
    if isinstance(upload, str) and upload and not texts:
        return upload
    return texts[0] if texts else None


def _chosen(task: Mapping[str, Any], key: str, oddities: Oddities) -> list[dict[str, Any]] | None:
    """The results that count, None where nobody has annotated the task."""
    listed = task.get("annotations", task.get("completions"))
    every = [a for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []
    kept = [a for a in every if not a.get("was_cancelled")]
    if not kept:
        oddities.add(_SKIPPED if every else _UNDONE, f"task {key}")
        return None
    if len(kept) > 1:
        oddities.add(_ANNOTATORS, f"task {key}")
    best = max(
        enumerate(kept),
        key=lambda pair: (
            bool(pair[1].get("ground_truth")),
            str(pair[1].get("updated_at") or pair[1].get("created_at") or ""),
            pair[0],
        ),
    )[1]
    results = best.get("result")
    return [r for r in results if isinstance(r, dict)] if isinstance(results, list) else []


def _size(result: Mapping[str, Any], known: tuple[int, int] | None) -> tuple[int, int] | None:
    if "original_height" not in result:
        return known
    size = image_size(result["original_height"], result.get("original_width"))
    if known is not None and size != known:
        raise ValueError(
            f"its image is {size[1]} x {size[0]}, that of the results before it "
            f"{known[1]} x {known[0]} (width x height)"
        )
    return size


def _stroke(result: Mapping[str, Any], where: str, oddities: Oddities) -> Stroke | None:
    value = result.get("value")
    if not isinstance(value, dict):
        return None
    if "keypointlabels" in value or "vectorlabels" in value:
        oddities.add(_NO_AREA, where)
        return None
    shaped = any(key in value for key in ("rle", _BITMASK, "points", "radiusX"))
    if not shaped and not ("width" in value and "x" in value):
        return None
    labels = next((value[key] for key in _LABELS if value.get(key)), None)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        oddities.add(_NO_LABEL, where)
        return None
    if len(labels) > 1:
        oddities.add(_SEVERAL, where)
    size = _size(result, None)
    if size is None:
        raise ValueError("it has no original_width and original_height")
    if turned := result.get("image_rotation"):
        raise ValueError(
            f"it was drawn on a picture turned by {turned} degrees: turn it back in Label Studio, "
            "or turn the file itself and draw anew"
        )
    area = _area(value, size, where, oddities)
    return None if area is None else Stroke(labels[0], (area,))


def _area(
    value: Mapping[str, Any], size: tuple[int, int], where: str, oddities: Oddities
) -> Area | None:
    height, width = size
    if "rle" in value:
        packed = _bytes(value["rle"])
        pixels = int.from_bytes(packed[:4])
        if pixels != height * width * _CHANNELS:
            raise ValueError(
                f"its brush has {pixels} bytes, not the {height * width * _CHANNELS} of "
                f"{width} x {height} pixels"
            )
        return Runs(brush_runs(packed, height * width), height, width)
    if _BITMASK in value:
        return png_stamp(str(value[_BITMASK]).partition("base64,")[2], size)
    percent = np.array([width, height], np.float64) / 100
    if "points" in value:
        points = ring(value["points"]) * percent
        if len(points) < 3:
            oddities.add(TOO_FEW, where)
            return None
        if beyond(points, size):
            oddities.add(OUTSIDE, where)
        return Polygon((points,))
    x, y = (number(value, key) for key in ("x", "y"))
    turn = number({"rotation": 0, **value}, "rotation")
    if "radiusX" in value:
        rx, ry = (number(value, key) for key in ("radiusX", "radiusY"))
        return Ellipse(x * percent[0], y * percent[1], rx * percent[0], ry * percent[1], turn)
    w, h = number(value, "width") * percent[0], number(value, "height") * percent[1]
    x, y = x * percent[0], y * percent[1]
    # a box turns about its upper left corner here, and about its centre in `rectangle`
    angle = np.radians(turn)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    middle_x, middle_y = x + (w * cos - h * sin) / 2, y + (w * sin + h * cos) / 2
    box = rectangle(middle_x - w / 2, middle_y - h / 2, middle_x + w / 2, middle_y + h / 2, turn)
    if beyond(box.rings[0], size):
        oddities.add(OUTSIDE, where)
    return box


def _bytes(rle: object) -> bytes:
    try:
        packed = bytes(rle) if isinstance(rle, list) else b""
    except (TypeError, ValueError) as error:
        raise ValueError("its rle is not a list of bytes") from error
    if len(packed) < 8:
        raise ValueError("its rle is not a list of bytes")
    return packed


def brush_runs(packed: bytes, pixels: int) -> NDArray[np.int64]:
    """Lengths of runs, row by row, of pixels whose alpha is 0 and is not 0 in turn.

    The run-length packing of @thi.ng/rle-pack, as label-studio-converter describes it: 32 bits
    of length, 5 bits of word size less 1, four times 4 bits of run-length size less 1; then a
    bit (1: one word for all, 0: a word each), 2 bits that choose the size, the length less 1 and
    the words. The words are the bytes of an RGBA picture.

    Raises:
        ValueError: it is cut short.
    """
    position = 0

    def take(count: int) -> int:
        nonlocal position
        first, last = position // 8, (position + count + 7) // 8
        position += count
        if last > len(packed):
            raise ValueError("its brush is cut short")
        return int.from_bytes(packed[first:last]) >> (8 * last - position) & (1 << count) - 1

    total, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.bool_)
    at = 0
    while at < total:
        repeated = take(1)
        end = at + 1 + take(sizes[take(2)])
        if repeated:
            values[at:end] = take(word) > 0
        else:
            for place in range(at, min(end, total)):
                values[place] = take(word) > 0
        at = end
    alpha = values.reshape(pixels, _CHANNELS)[:, _CHANNELS - 1]
    changes = np.flatnonzero(alpha[1:] != alpha[:-1]) + 1
    edges = np.concatenate(([0] if not alpha[0] else [0, 0], changes, [pixels]))
    return np.diff(edges).astype(np.int64)
