"""Folders with one mask file an object, as in the Data Science Bowl of 2018."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intarsia.datasets.drawings.areas import Cover, Size, placed
from intarsia.datasets.drawings.sheet import Annotations, Sheet, Stroke
from intarsia.datasets.pairing import entries, is_image
from intarsia.errors import DataError, ImageError
from intarsia.images import read_mask

LABEL = "foreground"
_NUMBERED = re.compile(r"(.+?)[_-]\d+")


@dataclass(frozen=True)
class ObjectFile:
    """One object: the pixels of a mask file that are not 0 (black)."""

    path: Path

    def cover(self, size: Size) -> Cover | None:
        """Raises ImageError where the file cannot be read, or has another size."""
        raw = read_mask(self.path)
        if raw.format == "JPEG":
            raise ImageError(
                "the mask of an object is a JPEG, which blurs its border",
                where=self.path,
                expected="PNG or TIFF",
                hint="export the masks again from where they were drawn",
            )
        inside = raw.values != 0
        flat = np.asarray(inside.any(axis=2) if inside.ndim == 3 else inside, np.bool_)
        if flat.shape != size:
            raise ImageError(
                f"the mask of an object is {flat.shape[0]} x {flat.shape[1]} (height x width)",
                where=self.path,
                expected=f"{size[0]} x {size[1]}, as its image",
                hint="scale it with nearest-neighbour, or pair it with its own image",
            )
        return placed(flat, 0, 0, size)

    def signature(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise DataError(
                f"cannot be read: {error.strerror or error}", where=self.path
            ) from error


def parse(source: Path) -> Annotations:
    """The objects of a folder: all of it with the key "", those of x_0.png, x_1.png with "x".

    Raises:
        DataError: the folder cannot be listed.
    """
    files = [p for p in entries(source) if is_image(p) and not p.name.startswith(".")]
    groups: dict[str, list[Path]] = {"": files}
    for file in files:
        stem = numbered(file.stem)
        if stem is not None:
            groups.setdefault(stem, []).append(file)
    sheets = {
        key: Sheet(key, None, tuple(Stroke(LABEL, (ObjectFile(p),)) for p in members))
        for key, members in groups.items()
    }
    return Annotations(sheets, {LABEL: LABEL})


def numbered(stem: str) -> str | None:
    """The name before a number, None without one.

    >>> numbered("cell_3_12"), numbered("cell")
    ('cell_3', None)
    """
    match = _NUMBERED.fullmatch(stem)
    return None if match is None else match[1]
