"""COCO JSON: a file a split, one run-length mask for each class of an image, as COCO-Stuff has.

Source: cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.conversion.naming import name_labels
from intarsia.conversion.regions import regions, runs_of_values
from intarsia.conversion.shapes import dumped, shape_encoding, shape_labels
from intarsia.conversion.writer import Placed
from intarsia.datasets import Dataset

_FIVE = 31
_MORE = 32


class CocoWriter:
    """`annotations/instances_SPLIT.json` beside `images/`."""

    layout = "COCO JSON: annotations/instances_*.json with images/"
    images = "images"
    masks = "annotations"
    shows: frozenset[str] | None = None
    keeps_unlabelled = False
    lacks = frozenset({"the colours of the classes"})

    def __init__(self, root: Path, data: Dataset) -> None:
        self.naming = name_labels(data.labels)
        self.labels = shape_labels(data.labels, self.naming)
        self.encoding = shape_encoding()
        drawn = [label for at, label in enumerate(self.naming.labels) if at != self.naming.blank]
        self._categories = {label: at for at, label in enumerate([*drawn, self.naming.ignored], 1)}
        self._folder = root / self.masks
        self._folder.mkdir()
        self._images: dict[str, list[str]] = {}
        self._annotations: dict[str, int] = {}
        self._ignored = data.labels.ignore_index

    def encode(self, placed: Placed, ids: NDArray[Any]) -> tuple[str, ...]:
        runs = runs_of_values(ids.T.reshape(-1))
        texts = []
        for region in regions(ids):
            if region.value == self.naming.blank:
                continue
            height, width = region.inside.shape
            annotation = {
                "category_id": self._categories[self.naming.label(region.value, self._ignored)],
                "bbox": [region.left, region.top, width, height],
                "area": int(region.inside.sum()),
                "iscrowd": 0,
                "segmentation": {"size": list(ids.shape), "counts": pack(runs[region.value])},
            }
            texts.append(dumped(annotation)[1:])
        return tuple(texts)

    def add(self, placed: Placed, texts: tuple[str, ...] | None) -> None:
        if texts is None:
            return
        split = placed.sample.split or "default"
        images = self._images.setdefault(split, [])
        number = len(images) + 1
        height, width = placed.size
        item = {"id": number, "file_name": placed.image, "height": height, "width": width}
        images.append(dumped(item))
        if split not in self._annotations:
            self._annotations[split] = 0
            self._file(split).write_text(self._head(), encoding="utf-8")
        with self._file(split).open("a", encoding="utf-8") as file:
            for text in texts:
                comma = "," if self._annotations[split] else ""
                self._annotations[split] += 1
                start = f'{{"id": {self._annotations[split]}, "image_id": {number}, '
                file.write(f"{comma}\n{start}{text}")

    def finish(self) -> tuple[str, ...]:
        notes = []
        for split, images in self._images.items():
            with self._file(split).open("a", encoding="utf-8") as file:
                file.write('\n],\n"images": [\n' + ",\n".join(images) + "\n]}\n")
            notes.append(
                f"{self.masks}/{self._file(split).name}: {len(images)} images, "
                f"{self._annotations[split]} masks"
            )
        return tuple(notes)

    def _file(self, split: str) -> Path:
        return self._folder / f"instances_{split}.json"

    def _head(self) -> str:
        categories: Iterable[str] = (
            dumped({"id": at, "name": label, "supercategory": ""})
            for label, at in self._categories.items()
        )
        info = json.dumps({"description": "written by Intarsia"})
        listed = ",\n".join(categories)
        return f'{{"info": {info},\n"categories": [\n{listed}\n],\n"annotations": ['


def pack(lengths: NDArray[np.int64]) -> str:
    """Run lengths as the compressed text of COCO (`rleToString` of the COCO API).

    The inverse of `intarsia.datasets.formats.coco.unpack`.

    >>> pack(np.array([11, 2, 3, 2, 3, 2, 12]))
    ';230009'
    """
    rest = lengths.astype(np.int64)
    rest[3:] -= lengths[1:-2]
    going = np.ones(len(rest), np.bool_)
    columns = []
    while going.any():
        five = rest & _FIVE
        rest = rest >> 5
        more = np.where(five & 16, rest != -1, rest != 0)
        columns.append(np.where(going, (five | more * _MORE) + 48, 0))
        going &= more
    table = np.stack(columns, axis=1)
    return table[table > 0].astype(np.uint8).tobytes().decode("ascii")
