"""One pair of files, decoded in full and reduced to what the rules need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Sample
from intarsia.datasets.encodings import Value
from intarsia.datasets.perceptual import THUMBNAIL
from intarsia.errors import ImageError
from intarsia.images import Capture
from intarsia.labels import Color

SIDES = (128, 256, 512, 1024)  # training sizes that objects are measured against
SMALLEST_OBJECT = 4  # pixels: the root of the area below which a network hardly sees it
SPECK = 4  # pixels: what so small a region is, nobody drew


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """`fingerprint` is a hash of the decoded pixels, `thumbnail` (12, 16) uint8 grey.

    `look` is the perceptual hash, None where nothing is to be seen; `capture` time and place.
    `low` and `high` are the least and the greatest value, `mean` and `deviation` those of up to
    three channels, all in the file's own units. `mode` is the file's own ("CMYK", "RGBA", ...),
    `orientation` that of its EXIF, 1 to 8.
    """

    size: tuple[int, int]  # height, width
    dtype: str
    blank: bool
    fingerprint: bytes
    pixels: bytes
    look: bytes | None
    capture: Capture
    low: float
    high: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    mode: str
    orientation: int

    @property
    def thumbnail(self) -> NDArray[np.uint8]:
        """(12, 16) uint8, read-only."""
        return np.frombuffer(self.pixels, np.uint8).reshape(THUMBNAIL[::-1])


@dataclass(frozen=True, slots=True)
class Objects:
    """Connected regions of the classes in one mask, a row a class that is present.

    `classes` (P,) ids; `count` (P,) regions of more than `SPECK` pixels; `under` (P, 5) those of
    fewer than 4 px, as the root of their area, where the longer side is shrunk to each of
    `SIDES`, and at the image's own size; `specks` (P,) smaller regions. `holes` counts specks of
    background or of ignored pixels.
    """

    classes: NDArray[np.int32]
    count: NDArray[np.int32]
    under: NDArray[np.int32]
    specks: NDArray[np.int32]
    holes: int


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """`counts` (K,) pixels of every class; `unknown` pixels of the values that are no class.

    Of many unknown values the most frequent are kept; `unknown_values` and `unknown_pixels` count
    all. `strays` are values that look like the work of smoothing: rare, only on borders and, for
    grey masks, between the values of their neighbours. `palette` has the colours of the indices
    in use.
    """

    size: tuple[int, int]
    format: str
    kind: str
    dtype: str
    lossy: bool
    distinct: int
    counts: NDArray[np.int64]
    ignored: int
    unknown: dict[Value, int]
    unknown_values: int
    unknown_pixels: int
    strays: tuple[Value, ...]
    palette: tuple[tuple[int, Color], ...]
    objects: Objects
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of one sample; a fault stands where facts could not be had."""

    sample: Sample
    image: ImageFacts | ImageError
    mask: MaskFacts | ImageError | None
