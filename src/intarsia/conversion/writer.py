"""What a format has to say about itself, and the image that it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from intarsia.conversion.naming import Naming
from intarsia.datasets import MaskEncoding, Sample
from intarsia.labels import LabelMap


@dataclass(frozen=True)
class Placed:
    """One image at its new place: `image` is its path below the new folder, `size` (H, W)."""

    sample: Sample
    image: str
    size: tuple[int, int]


class Writer(Protocol):
    """One format, writing into one folder.

    `images` and `masks` are what dataset.yaml names as such: folders, or the file of annotations.
    `labels` and `encoding` are how the masks hold the classes; `naming` what shapes are called,
    None where masks are files. `shows` are the image formats that the format's program can show,
    None where any will do. `keeps_unlabelled` where an image may be listed without a mask.
    `lacks` is what other programs do not find in it.
    """

    layout: str
    images: str
    masks: str
    labels: LabelMap
    encoding: MaskEncoding
    keeps_unlabelled: bool

    @property
    def naming(self) -> Naming | None: ...

    @property
    def shows(self) -> frozenset[str] | None: ...

    @property
    def lacks(self) -> frozenset[str]: ...

    def encode(self, placed: Placed, ids: NDArray[Any]) -> tuple[str, ...]:
        """The texts for one mask; files of its own are written here. Called in any thread."""

    def add(self, placed: Placed, texts: tuple[str, ...] | None) -> None:
        """Put the texts where they belong, in the order of the images; None: not labelled."""

    def finish(self) -> tuple[str, ...]:
        """Complete the files; what there is to say about them."""
