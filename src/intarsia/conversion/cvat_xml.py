"""CVAT for images 1.1: one XML, a run-length mask for each class of an image.

Source: docs.cvat.ai, "XML annotation format".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from numpy.typing import NDArray

from intarsia.conversion.naming import name_labels
from intarsia.conversion.regions import Region, regions, run_lengths
from intarsia.conversion.shapes import hexadecimal, shape_encoding, shape_labels
from intarsia.conversion.writer import Placed
from intarsia.datasets import Dataset
from intarsia.errors import DataError
from intarsia.labels import IGNORED_COLOR, Color

_LABELS = "labels.json"
# What XML 1.0 cannot hold in any form; line breaks and tabs are escaped.
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class CvatWriter:
    """`annotations.xml` and `labels.json` beside `images/`; without a shape is not annotated."""

    layout = "CVAT for images 1.1: annotations.xml with images/"
    images = "images"
    masks = "annotations.xml"
    shows: frozenset[str] | None = frozenset({"JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"})
    keeps_unlabelled = True
    lacks: frozenset[str] = frozenset()

    def __init__(self, root: Path, data: Dataset) -> None:
        odd = [s.name for s in data.samples if _NOT_XML.search(s.name)]
        if odd:
            raise DataError(
                f"{len(odd)} names cannot stand in XML, such as {odd[0]!a}",
                where=data.root,
                hint="rename the files that `intarsia check` calls odd-name",
            )
        self.naming = name_labels(data.labels)
        self.labels = shape_labels(data.labels, self.naming)
        self.encoding = shape_encoding()
        self._ignored = data.labels.ignore_index
        self._file = root / self.masks
        self._count = 0
        self._shapes = 0
        self._file.write_text(self._head(data), encoding="utf-8")

    def encode(self, placed: Placed, ids: NDArray[Any]) -> tuple[str, ...]:
        found = regions(ids)
        # what nobody drew would count as not annotated, were there nothing else
        drawn = [r for r in found if r.value != self.naming.blank] or found
        return tuple(
            _mask(region, self.naming.label(region.value, self._ignored)) for region in drawn
        )

    def add(self, placed: Placed, texts: tuple[str, ...] | None) -> None:
        height, width = placed.size
        name = placed.image.removeprefix(f"{self.images}/")
        head: dict[str, object] = {"id": self._count, "name": name}
        if placed.sample.split is not None:
            head["subset"] = placed.sample.split
        head |= {"width": width, "height": height}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"  <image {_attributes(head)}>\n{''.join(texts or ())}  </image>\n")
        self._count += 1
        self._shapes += len(texts or ())

    def finish(self) -> tuple[str, ...]:
        with self._file.open("a", encoding="utf-8") as file:
            file.write("</annotations>\n")
        raw = [{"name": n, "color": hexadecimal(c), "attributes": []} for n, c in self._colors()]
        text = json.dumps(raw, ensure_ascii=False, indent=1)
        (self._file.parent / _LABELS).write_text(text, encoding="utf-8")
        return (
            f"{self.masks}: {self._count} images, {self._shapes} masks; {_LABELS} is for the raw "
            "label constructor of a new task",
        )

    def _colors(self) -> list[tuple[str, Color]]:
        colors = [(label.name, label.color) for label in self.labels.classes]
        return [*colors, (self.naming.ignored, IGNORED_COLOR)]

    def _head(self, data: Dataset) -> str:
        labels = "".join(
            f"        <label><name>{escape(name)}</name><color>{hexadecimal(color)}</color>"
            "<type>any</type><attributes></attributes></label>\n"
            for name, color in self._colors()
        )
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
            "  <meta>\n    <task>\n"
            f"      <name>{escape(_printable(data.name))}</name>\n"
            f"      <size>{len(data.samples)}</size>\n      <mode>annotation</mode>\n"
            f"      <labels>\n{labels}      </labels>\n    </task>\n  </meta>\n"
        )


def _mask(region: Region, label: str) -> str:
    height, width = region.inside.shape
    rle = ", ".join(map(str, run_lengths(region.inside.reshape(-1)).tolist()))
    shape = {
        "label": label,
        "source": "manual",
        "occluded": 0,
        "rle": rle,
        "left": region.left,
        "top": region.top,
        "width": width,
        "height": height,
        "z_order": 0,
    }
    return f"    <mask {_attributes(shape)}></mask>\n"


def _attributes(values: Mapping[str, object]) -> str:
    return " ".join(f"{name}={quoteattr(str(value))}" for name, value in values.items())


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)[1:-1]
