"""One image with its mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intarsia.datasets.drawings.drawing import Drawing


@dataclass(frozen=True)
class Sample:
    """One image, its mask, and where it belongs.

    `name` is unique in its data set: the relative path without extension, with forward slashes.
    `group` says which images belong together (a drive, a patient) and must not be split; None
    where every image is its own unit. `mask` is a file, a drawing out of a file of annotations, or
    None where nobody has labelled the image. `more_channels` are the files whose channels follow
    those of `image`, where one image is several files of equal size (nnU-Net). `fold` is the part
    of a cross-validation, `sha256` the hash of the image's files that a saved split gives.
    """

    name: str
    image: Path
    mask: Path | Drawing | None
    split: str | None = None
    group: str | None = None
    more_channels: tuple[Path, ...] = ()
    fold: int | None = None
    sha256: str | None = None

    @property
    def image_files(self) -> tuple[Path, ...]:
        """Every file of the image, in the order of its channels."""
        return (self.image, *self.more_channels)
