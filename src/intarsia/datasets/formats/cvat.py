"""CVAT for images 1.1: one XML for many images (docs.cvat.ai, "XML annotation format")."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from intarsia.datasets.drawings.areas import Area, Ellipse, Polygon, Runs, rectangle
from intarsia.datasets.drawings.sheet import Annotations, Sheet, Stroke
from intarsia.datasets.formats.source import (
    OUTSIDE,
    TOO_FEW,
    Oddities,
    beyond,
    image_size,
    number,
    read_text,
    refused,
    ring,
    runs,
)
from intarsia.errors import DataError

_NO_AREA = "points, lines, skeletons and cuboids, which have no area, are left out"
_WITHOUT_AREA = ("points", "polyline", "skeleton", "cuboid")
_WITH_AREA = ("polygon", "box", "ellipse", "mask")


def parse(source: Path) -> Annotations:
    """Every image of the file; shapes lie by their z_order, then as listed.

    An image without a single shape counts as not annotated.

    Raises:
        DataError: not CVAT for images, unknown labels, or shapes that cannot be read; all at once.
    """
    root = _root(source)
    labels = [
        name.strip()
        for label in root.iterfind("./meta/*/labels/label")
        if (name := label.findtext("name")) and not label.findtext("parent")
    ]
    faults: list[str] = []
    oddities = Oddities()
    sheets: dict[str, Sheet] = {}
    for image in root.iterfind("image"):
        name = image.get("name", "")
        if not name or name in sheets:
            faults.append(f"the image name {name!r} " + ("stands twice" if name else "is missing"))
            continue
        try:
            size = image_size(image.get("height"), image.get("width"))
        except ValueError as error:
            faults.append(f"image {name}: {error}")
            continue
        strokes = _strokes(image, name, size, labels, faults, oddities)
        sheets[name] = Sheet(name, size, strokes, bool(strokes), image.get("subset"))
    if faults:
        raise refused(faults, source, "correct these entries, or export the task again")
    used = dict.fromkeys(s.label for sheet in sheets.values() for s in sheet.strokes)
    ordered = [label for label in labels if label in used] or list(used)
    notes = oddities.notes(source)
    unused = [label for label in labels if label not in used]
    if unused:
        notes += (f"{source.name}: nothing is drawn for {', '.join(unused)}",)
    return Annotations(sheets, {label: label for label in ordered}, notes)


def _root(source: Path) -> ElementTree.Element:
    text = read_text(source)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(
            "the XML declares a document type or entities, which CVAT never writes",
            where=source,
            hint="export the task again",
        )
    try:
        root = ElementTree.fromstring(text.encode())
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # or an unknown encoding
        raise DataError(
            f"not valid XML, or cut short: {error}",
            where=source,
            hint="copy it or export the task again",
        ) from error
    if root.tag != "annotations" or root.find("track") is not None:
        video = root.find("track") is not None
        raise DataError(
            "this is CVAT for video" if video else f"this is no CVAT file (<{root.tag}>)",
            where=source,
            expected="CVAT for images 1.1",
            hint='export the task as "CVAT for images 1.1"',
        )
    return root


def _strokes(
    image: ElementTree.Element,
    name: str,
    size: tuple[int, int],
    labels: list[str],
    faults: list[str],
    oddities: Oddities,
) -> tuple[Stroke, ...]:
    found: list[tuple[float, Stroke]] = []
    for shape in image:
        if shape.tag in _WITHOUT_AREA:
            oddities.add(_NO_AREA, name)
        if shape.tag not in _WITH_AREA:
            continue
        label = shape.get("label", "").strip()
        if not label or (labels and label not in labels):
            faults.append(f"image {name}: a {shape.tag} has the unknown label {label!r}")
            continue
        try:
            area = _area(shape.tag, shape.attrib, size, name, oddities)
            order = number({"z_order": "0", **shape.attrib}, "z_order")
        except ValueError as error:
            faults.append(f"image {name}: a {shape.tag} of {label}: {error}")
            continue
        if area is not None:
            found.append((order, Stroke(label, (area,))))
    return tuple(stroke for _, stroke in sorted(found, key=lambda pair: pair[0]))


def _area(
    tag: str, item: Mapping[str, str], size: tuple[int, int], name: str, oddities: Oddities
) -> Area | None:
    turn = number({"rotation": "0", **item}, "rotation")
    if tag == "ellipse":
        x, y, rx, ry = (number(item, key) for key in ("cx", "cy", "rx", "ry"))
        return Ellipse(x, y, rx, ry, turn)
    if tag == "mask":
        top, left, height, width = (
            int(number(item, key)) for key in ("top", "left", "height", "width")
        )
        height, width = image_size(height, width)
        if top < 0 or left < 0 or top + height > size[0] or left + width > size[1]:
            oddities.add(OUTSIDE, name)
        lengths = runs(item.get("rle", "").split(","), height * width)
        return Runs(lengths, height, width, top, left)
    if tag == "box":
        x0, y0, x1, y1 = (number(item, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        outline = rectangle(x0, y0, x1, y1, turn)
        points = outline.rings[0]
    else:
        points = ring([pair.split(",") for pair in item.get("points", "").split(";") if pair])
        if len(points) < 3:
            oddities.add(TOO_FEW, name)
            return None
        outline = Polygon((points,))
    if beyond(points, size):
        oddities.add(OUTSIDE, name)
    return outline
