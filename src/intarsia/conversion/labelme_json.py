"""LabelMe JSON: a file beside every image, a shape `mask` (LabelMe 5.2 or newer) for each class.

Source: github.com/wkentaro/labelme (the format; none of its code).
"""

from __future__ import annotations

import base64
import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intarsia.conversion.naming import name_labels
from intarsia.conversion.regions import Region, regions
from intarsia.conversion.shapes import dumped, shape_encoding, shape_labels
from intarsia.conversion.writer import Placed
from intarsia.datasets import Dataset

_VERSION = "5.5.0"  # of the format that is written
_LABELS = "labels.txt"


class LabelmeWriter:
    """`images/x.json` beside `images/x.jpg`, and `labels.txt` for its `--labels`."""

    layout = "LabelMe JSON beside the images"
    images = "images"
    masks = "images"
    shows: frozenset[str] | None = frozenset({"JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"})
    keeps_unlabelled = True
    lacks = frozenset({"splits", "the colours of the classes"})

    def __init__(self, root: Path, data: Dataset) -> None:
        self.naming = name_labels(data.labels, "__ignore__")
        self.labels = shape_labels(data.labels, self.naming)
        self.encoding = shape_encoding()
        self._root = root
        self._ignored = data.labels.ignore_index
        self._files = 0
        self._shapes = 0

    def encode(self, placed: Placed, ids: NDArray[Any]) -> tuple[str, ...]:
        shapes = tuple(
            dumped(_shape(region, self.naming.label(region.value, self._ignored)))
            for region in regions(ids)
            if region.value != self.naming.blank
        )
        height, width = placed.size
        name = PurePosixPath(placed.image).name
        text = (
            f'{{"version": "{_VERSION}", "flags": {{}}, "shapes": ['
            + ",\n".join(shapes)
            + f'], "imagePath": {dumped(name)}, "imageData": null, '
            + f'"imageHeight": {height}, "imageWidth": {width}}}\n'
        )
        file = self._root / self.images / f"{placed.sample.place}.json"
        file.write_text(text, encoding="utf-8")
        return tuple("" for _ in shapes)

    def add(self, placed: Placed, texts: tuple[str, ...] | None) -> None:
        self._files += texts is not None
        self._shapes += len(texts or ())

    def finish(self) -> tuple[str, ...]:
        drawn = [name for at, name in enumerate(self.naming.labels) if at != self.naming.blank]
        # in this order labelme's own scripts count them from -1
        lines = [self.naming.ignored, "_background_", *drawn]
        text = "".join(f"{line}\n" for line in lines)
        (self._root / _LABELS).write_text(text, encoding="utf-8")
        return (f"{self._files} JSON files beside their images, {self._shapes} masks",)


def _shape(region: Region, label: str) -> dict[str, object]:
    height, width = region.inside.shape
    buffer = io.BytesIO()
    Image.fromarray(region.inside.astype(np.uint8)).save(buffer, format="PNG")
    # the two corners are pixels, both inside
    corners = [
        [region.left, region.top],
        [region.left + width - 1, region.top + height - 1],
    ]
    return {
        "label": label,
        "points": corners,
        "group_id": None,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": base64.b64encode(buffer.getvalue()).decode("ascii"),
    }
