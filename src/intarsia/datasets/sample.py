"""One image with its mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One image, its mask, and where it belongs.

    `name` is unique in its data set: the relative path without extension, with forward slashes.
    `group` says which images belong together (a drive, a patient) and must not be split; None
    where every image is its own unit. `fold` is the part of a cross-validation, `sha256` the hash
    of the image file that a saved split gives.
    """

    name: str
    image: Path
    mask: Path | None
    split: str | None = None
    group: str | None = None
    fold: int | None = None
    sha256: str | None = None
