"""One image's annotation in a file of annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Values = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Drawing:
    """A reference to one image's shapes: where they are, how large the image is, what they mean.

    `format` is the reader ("coco", "cvat", ...), `key` the entry of `source` that is meant.
    `size` is (height, width). `values` gives every label of the data set its whole number in
    the mask; pixels that no shape covers hold `blank`. The shapes stay in the file: it is
    parsed once and kept (`intarsia.datasets.formats.masks`).
    """

    source: Path
    format: str
    key: str
    size: tuple[int, int]
    values: Values
    blank: int = 0

    def __str__(self) -> str:
        return f"{self.source} ({self.key})" if self.key else str(self.source)
