"""Label Studio JSON: a task an image, a brush for each class, and the labelling configuration.

Source: labelstud.io/guide/task_format and the brush format of its converter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from intarsia.conversion.naming import name_labels
from intarsia.conversion.regions import runs_of_values
from intarsia.conversion.shapes import dumped, hexadecimal, shape_encoding, shape_labels
from intarsia.conversion.writer import Placed
from intarsia.datasets import Dataset
from intarsia.labels import IGNORED_COLOR

_CONFIG = "label_config.xml"
_URL = "/data/local-files/?d="
_CHANNELS = 4  # a brush is stored as the bytes of an RGBA picture
_SIZES = (3, 4, 8, 16)  # bits that the length of a run may take
_WORD = 8


class LabelStudioWriter:
    """`tasks.json` and `label_config.xml` beside `images/`."""

    layout = "Label Studio JSON: tasks.json with images/"
    images = "images"
    masks = "tasks.json"
    shows: frozenset[str] | None = frozenset({"JPEG", "PNG", "BMP", "GIF", "WEBP"})
    keeps_unlabelled = True
    lacks = frozenset({"splits"})

    def __init__(self, root: Path, data: Dataset) -> None:
        self.naming = name_labels(data.labels)
        self.labels = shape_labels(data.labels, self.naming)
        self.encoding = shape_encoding()
        self._root = root
        self._file = root / self.masks
        self._ignored = data.labels.ignore_index
        self._tasks = 0
        self._brushes = 0

    def encode(self, placed: Placed, ids: NDArray[Any]) -> tuple[str, ...]:
        height, width = placed.size
        texts = []
        for value, runs in runs_of_values(ids.reshape(-1)).items():
            if value == self.naming.blank:
                continue
            label = self.naming.label(value, self._ignored)
            result = {
                "id": f"brush-{value}",
                "from_name": "label",
                "to_name": "image",
                "type": "brushlabels",
                "origin": "manual",
                "original_width": width,
                "original_height": height,
                "image_rotation": 0,
                "value": {"format": "rle", "rle": list(pack_brush(runs)), "brushlabels": [label]},
            }
            texts.append(dumped(result))
        return tuple(texts)

    def add(self, placed: Placed, texts: tuple[str, ...] | None) -> None:
        self._tasks += 1
        number = self._tasks
        start = "[" if number == 1 else ","
        results = ",\n".join(texts or ())
        done = f'{{"id": {number}, "was_cancelled": false, "result": [{results}]}}'
        image = dumped(_URL + quote(placed.image))
        with self._file.open("a", encoding="utf-8") as file:
            file.write(
                f'{start}\n{{"id": {number}, "data": {{"image": {image}}}, "annotations": '
                f"[{'' if texts is None else done}]}}"
            )
        self._brushes += len(texts or ())

    def finish(self) -> tuple[str, ...]:
        with self._file.open("a", encoding="utf-8") as file:
            file.write("\n]\n")
        colors = [(c.name, c.color) for at, c in enumerate(self.labels.classes)]
        labels = "".join(
            f"    <Label value={quoteattr(name)} background={quoteattr(hexadecimal(color))}/>\n"
            for name, color in [*colors, (self.naming.ignored, IGNORED_COLOR)]
        )
        (self._root / _CONFIG).write_text(
            '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
            f'  <BrushLabels name="label" toName="image">\n{labels}  </BrushLabels>\n</View>\n',
            encoding="utf-8",
        )
        return (
            f"{self.masks}: {self._tasks} tasks, {self._brushes} brushes; it looks for the images "
            "below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT: let that be the new folder",
        )


def pack_brush(lengths: NDArray[np.int64]) -> bytes:
    """Run lengths of a mask, outside first, as the brush of Label Studio.

    The inverse of `intarsia.datasets.formats.label_studio.brush_runs`, which describes it.

    >>> pack_brush(np.array([1, 1])).hex()
    '00000008391bfc6011ff80'
    """
    words = np.where(np.arange(len(lengths)) % 2, 255, 0)
    # a run of pixels is one of bytes four times as long; none may be longer than its size allows
    longest = 1 << _SIZES[-1]
    total = lengths * _CHANNELS
    parts = -(-total // longest)
    runs = np.full(int(parts.sum()), longest, np.int64)
    filled = parts > 0
    runs[np.cumsum(parts)[filled] - 1] = (total - (parts - 1) * longest)[filled]
    words = np.repeat(words, parts)
    kind = np.searchsorted([1 << size for size in _SIZES[:-1]], runs)
    size = np.array(_SIZES)[kind]
    # a bit that says "one word for all", two for the size, the length less 1, the word
    codes = (((1 << 2 | kind) << size) | (runs - 1)) << _WORD | words
    bits = 3 + size + _WORD
    ends = np.cumsum(bits)
    run = np.repeat(np.arange(len(runs)), bits)
    shift = ends[run] - 1 - np.arange(int(ends[-1]))
    body = (codes[run] >> shift) & 1
    head = int(total.sum())
    for value, width in ((_WORD - 1, 5), *((size - 1, 4) for size in _SIZES)):
        head = head << width | value
    start = np.array([head >> at & 1 for at in reversed(range(32 + 5 + 16))])
    return np.packbits(np.concatenate((start, body)).astype(np.uint8)).tobytes()
