"""One pair of files, decoded in full and reduced to what the rules need."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset, Sample
from intarsia.datasets.encodings import Value, pack, unpack_color
from intarsia.datasets.formats.masks import DRAWN, read_mask
from intarsia.datasets.perceptual import perceptual_hash, thumbnail
from intarsia.datasets.scan import count_values
from intarsia.errors import ImageError, IntarsiaError
from intarsia.images import Capture, RawMask, read_capture

_STRAY_SHARE = 0.005  # a smoothed border gives each value in between very few pixels
_FEWEST_STRAYS = 3


@dataclass(frozen=True)
class ImageFacts:
    """`fingerprint` is a hash of the decoded pixels, `thumbnail` (12, 16) uint8 grey.

    `look` is the perceptual hash, None where nothing is to be seen; `capture` time and place.
    `low` and `high` are the least and the greatest value, in the file's own units.
    """

    size: tuple[int, int]  # height, width
    dtype: str
    blank: bool
    fingerprint: bytes
    thumbnail: NDArray[np.uint8]
    look: bytes | None
    capture: Capture
    low: float
    high: float


@dataclass(frozen=True)
class MaskFacts:
    """`counts` (K,) pixels of every class; `unknown` pixels of every value that is no class.

    `strays` are values that look like the work of smoothing: rare, only on borders and, for
    grey masks, between the values of their neighbours.
    """

    size: tuple[int, int]
    format: str
    kind: str
    distinct: int
    counts: NDArray[np.int64]
    ignored: int
    unknown: dict[Value, int]
    strays: tuple[Value, ...]


@dataclass(frozen=True)
class Inspection:
    """What is known of one sample; a fault stands where facts could not be had."""

    sample: Sample
    image: ImageFacts | IntarsiaError
    mask: MaskFacts | IntarsiaError | None


def inspect(data: Dataset, sample: Sample) -> Inspection:
    """Decode image and mask of one sample in full. Never raises for a bad file."""
    image: ImageFacts | IntarsiaError
    mask: MaskFacts | IntarsiaError | None = None
    try:
        image = _image_facts(data.read_image(sample), _capture(sample))
    except IntarsiaError as fault:
        image = fault
    if sample.mask is not None:
        try:
            mask = _mask_facts(read_mask(sample.mask), data)
        except IntarsiaError as fault:
            mask = fault
    return Inspection(sample, image, mask)


def _capture(sample: Sample) -> Capture:
    try:
        return read_capture(sample.image)
    except ImageError:  # a format without EXIF, such as DICOM
        return Capture()


def _image_facts(image: NDArray[Any], capture: Capture) -> ImageFacts:
    solid = np.ascontiguousarray(image)
    digest = hashlib.blake2b(f"{solid.shape} {solid.dtype}".encode(), digest_size=16)
    digest.update(solid.data)
    blank = bool((solid == solid[:1, :1]).all()) if (solid[0] == solid[0, 0]).all() else False
    size = (int(image.shape[0]), int(image.shape[1]))
    return ImageFacts(
        size=size,
        dtype=str(image.dtype),
        blank=blank,
        fingerprint=digest.digest(),
        thumbnail=thumbnail(solid),
        look=perceptual_hash(solid),
        capture=capture,
        low=float(solid.min()),
        high=float(solid.max()),
    )


def _mask_facts(raw: RawMask, data: Dataset) -> MaskFacts:
    ids, unknown = data.encoding.decode(raw, data.labels)
    classes = len(data.labels)
    counts = np.bincount(ids.reshape(-1), minlength=data.labels.ignore_index + 1)
    strange = sum(unknown.values())
    distinct, strays = _strays(raw)
    return MaskFacts(
        size=(int(ids.shape[0]), int(ids.shape[1])),
        format=raw.format,
        kind=raw.kind,
        distinct=distinct,
        counts=counts[:classes].astype(np.int64),
        ignored=int(counts[data.labels.ignore_index]) - strange,
        unknown=unknown,
        strays=strays,
    )


def _strays(raw: RawMask) -> tuple[int, tuple[Value, ...]]:
    """How many values there are, and those that only smoothing can have made."""
    colors = raw.kind == "colors"
    numbers = pack(raw.values) if colors else raw.values
    values, pixels = count_values(numbers)
    distinct = len(values)
    if raw.format == DRAWN:  # what is painted here has no smooth borders
        return distinct, ()
    if distinct < _FEWEST_STRAYS + 2 or distinct > np.iinfo(np.uint16).max:
        return distinct, ()
    index = np.searchsorted(values, numbers).astype(np.uint16)
    window = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(index, window), cv2.dilate(index, window)
    inside = np.bincount(index[low == high], minlength=distinct)
    suspect = (inside == 0) & (pixels < _STRAY_SHARE * numbers.size)
    if not colors:  # smoothing makes values between those of the two sides
        between = np.bincount(index[(low < index) & (index < high)], minlength=distinct)
        suspect &= between >= 0.5 * pixels
    found = values[suspect].tolist()
    if len(found) < max(_FEWEST_STRAYS, distinct / 2):
        return distinct, ()
    return distinct, tuple(unpack_color(v) if colors else v for v in found)
