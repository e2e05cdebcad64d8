"""How one trained network is used on images."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError, RecipeError
from intarsia.inference.band import Band, Ids
from intarsia.inference.fitting import (
    enlarged_bands,
    enlarged_blocks,
    fitted_planes,
    grid_bands,
)
from intarsia.inference.probabilities import Network, apply_network
from intarsia.inference.tiling import mirrored, tiled_bands
from intarsia.metrics import tempered
from intarsia.transforms import Pixels, Preprocessing, kept_size, shrink

Refine = Callable[[NDArray[np.float32], NDArray[np.uint8]], NDArray[np.float32]]
"""(K, H, W) probabilities and the (H, W, 3) uint8 picture to better probabilities."""


@dataclass(frozen=True)
class Inference:
    """A network with everything between an image and its mask.

    `flip` averages with the mirrored image, `scales` over copies of what the network sees (the
    image, its sample or its tiles) with the sides times each of them. `letterbox` and `stretch`
    bring the whole image to `preprocessing.size` and the result back; `grid` does so with each of
    its cells. `crop` shows the network the image as it is (shrunk to
    `preprocessing.longest_side`), while its largest copy has at most `max_pixels` pixels; larger
    images, and with `tiles` every image larger than `preprocessing.size`, go through tiles of that
    size which overlap by the share `overlap` and are blended smoothly; with `preprocessing.tile`
    the image is shrunk by that factor before, and the result enlarged. One logit (K = 1) gives two
    classes; of two classes, `threshold` chooses the second where its probability is above it.

    `refine` sees the probabilities of the whole image at once and gives better ones. Last, their
    logarithms are divided by `temperature`. Of one network at its own size these are its logits;
    where probabilities are means (copies, tiles, networks) it is the mean that is tempered, so
    that the most probable class never changes (Rahaman & Thiery, NeurIPS 2021: pool, then
    calibrate).

    Every method takes an image (H, W, C) in the file's own units and raises ImageError where its
    channels do not fit, ModelError where the network gives another shape or values that are not
    finite. The constructor raises RecipeError for an overlap outside 0..1, scales outside 0.25..4
    and a temperature of 0 or less.

    >>> from intarsia.images import Scaling
    >>> plain = Preprocessing((4, 4), "crop", Scaling(0, 255, "8 bit"), (0.0,), (1.0,))
    >>> image = np.full((2, 3, 1), 255, np.uint8)
    >>> Inference(lambda x: x, plain).probabilities(image).round(3)[:, 0, 0].tolist()
    [0.26899999380111694, 0.7310000061988831]
    """

    network: Network
    preprocessing: Preprocessing
    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    overlap: float = 0.5
    max_pixels: int = 2_000_000
    threshold: float | None = None
    refine: Refine | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < 1:
            raise RecipeError(
                f"predict.overlap is {self.overlap}",
                expected="0 or more, and less than 1 (0.5: half)",
            )
        if not self.scales or not all(0.25 <= scale <= 4 for scale in self.scales):
            raise RecipeError(f"predict.scales is {self.scales}", expected="factors of 0.25 to 4")
        if not 0 < self.temperature < math.inf:
            raise RecipeError(f"predict.temperature is {self.temperature}", expected="more than 0")

    def probabilities(self, image: Pixels) -> NDArray[np.float32]:
        """(K, H, W) float32 probabilities, summing to 1 over K, at the image's own size."""
        parts = [band.probabilities for band in self.bands(image)]
        return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]

    def mask(self, image: Pixels) -> Ids:
        """(H, W) ids, uint8 (uint16 past 255 classes), in the memory of the mask and one band."""
        parts = [self.decide(band)[0] for band in self.bands(image)]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def decide(self, band: Band) -> tuple[Ids, NDArray[np.float32]]:
        """(rows, W) ids of a band and the probability of each."""
        return band.decide(self.threshold)

    def tiles(self, height: int, width: int) -> bool:
        """Whether an image of this size goes through overlapping tiles."""
        preprocessing = self.preprocessing
        if not preprocessing.native:
            return False
        return not self._fits(*kept_size(height, width, preprocessing))

    def bands(self, image: Pixels) -> Iterator[Band]:
        """The probabilities from top to bottom, band by band."""
        self._check(image)
        if self.alike(image.shape) is not None:
            yield from self._finished(self._together([image])[0], image)
        else:
            yield from self._finished(self._apart(image), image)

    def alike(self, shape: tuple[int, ...]) -> Hashable | None:
        """What images (H, W, C) must share to be a `batch`; None where each must go alone."""
        height, width = shape[:2]
        if self.preprocessing.fit == "grid" or self.tiles(height, width):
            return None
        return (height, width) if self.preprocessing.native else self.preprocessing.size

    def at_once(self, shape: tuple[int, ...]) -> int:
        """How many images of this shape a `batch` may hold: `max_pixels` of samples, or one."""
        rows, columns = self.preprocessing.size
        if self.preprocessing.native:
            height, width = kept_size(shape[0], shape[1], self.preprocessing)
            rows, columns = max(height, rows), max(width, columns)
        return max(1, self._most_pixels // (rows * columns))

    def batch(self, images: Sequence[Pixels]) -> list[Iterator[Band]]:
        """The bands of each of several images whose `alike` is one and the same, not None.

        They go through the network together. On most hardware a network gives an image the same
        logits in any company but for the last bits.
        """
        for image in images:
            self._check(image)
        return [
            self._finished(bands, image)
            for bands, image in zip(self._together(images), images, strict=True)
        ]

    def _finished(self, bands: Iterator[Band], image: Pixels) -> Iterator[Band]:
        if self.refine is not None:
            whole = np.concatenate([band.probabilities for band in bands], axis=1)
            bands = iter([Band(0, self.refine(whole, self._picture(image)))])
        if self.temperature == 1:
            yield from bands
            return
        for band in bands:
            yield Band(band.top, tempered(band.probabilities, self.temperature))

    def _together(self, images: Sequence[Pixels]) -> list[Iterator[Band]]:
        """Bands of images that the network sees in one piece, and in one size."""
        preprocessing = self.preprocessing
        if not preprocessing.native:
            planes = fitted_planes(self.network, images, preprocessing, self.flip, self.scales)
            return [
                enlarged_bands(inside, *image.shape[:2])
                for inside, image in zip(planes, images, strict=True)
            ]
        smaller = [shrink(image, preprocessing) for image in images]
        return [
            self._enlarged(iter([band]), small, image)
            for band, small, image in zip(self._whole(smaller), smaller, images, strict=True)
        ]

    def _apart(self, image: Pixels) -> Iterator[Band]:
        """Bands of an image that goes through the network in pieces: cells, or tiles."""
        preprocessing = self.preprocessing
        if preprocessing.fit == "grid":
            return grid_bands(self.network, image, preprocessing, self.flip, self.scales)
        small = shrink(image, preprocessing)
        bands = tiled_bands(
            self.network,
            small,
            preprocessing,
            self.flip,
            self.scales,
            self.overlap,
            self.max_pixels,
        )
        return self._enlarged(bands, small, image)

    def _enlarged(self, bands: Iterator[Band], small: Pixels, image: Pixels) -> Iterator[Band]:
        """Bands of `small`, at the resolution of the training, as bands of `image`."""
        if small.shape == image.shape:
            return bands
        if self.preprocessing.tile is not None:
            return enlarged_blocks(bands, self.preprocessing.factor, *image.shape[:2])
        whole = np.concatenate([band.probabilities for band in bands], axis=1)
        return enlarged_bands(whole, *image.shape[:2])

    @property
    def _most_pixels(self) -> int:
        # a copy must not need more memory than the image may
        return int(self.max_pixels / max(1.0, *self.scales) ** 2)

    def _fits(self, height: int, width: int) -> bool:
        """Whether the network sees an image of the training's resolution in one piece."""
        rows, columns = self.preprocessing.size
        if self.preprocessing.fit == "crop":
            return height * width <= self._most_pixels
        return height <= rows and width <= columns

    def _whole(self, images: Sequence[Pixels]) -> list[Band]:
        """A band each of images of one size, which go through the network together."""
        height, width = images[0].shape[:2]
        rows, columns = self.preprocessing.size
        # smaller than a sample: mirrored up to one, so that it is not all border
        samples = [
            mirrored(image, (0, max(height, rows)), (0, max(width, columns))) for image in images
        ]
        batch = np.stack([self.preprocessing.normalise(sample) for sample in samples])
        probabilities = apply_network(self.network, batch, self.flip, self.scales)
        return [Band(0, np.ascontiguousarray(p[:, :height, :width])) for p in probabilities]

    def _picture(self, image: Pixels) -> NDArray[np.uint8]:
        """The image as 8-bit red, green and blue: three channels, or the first one thrice."""
        scaled = self.preprocessing.scaling.apply(image)
        chosen = scaled[:, :, :3] if scaled.shape[2] >= 3 else scaled[:, :, [0, 0, 0]]
        return (chosen * 255 + 0.5).astype(np.uint8)

    def _check(self, image: Pixels) -> None:
        channels = len(self.preprocessing.mean)
        if image.ndim != 3 or image.shape[2] != channels:
            found = image.shape[2] if image.ndim == 3 else f"no (shape {image.shape})"
            raise ImageError(
                f"the image has {found} channels, the model takes {channels}",
                expected=f"(height, width, {channels}) pixels",
                hint="use images of the kind the model was trained on",
            )
        if 0 in image.shape:
            raise ImageError(f"the image has no pixels: {image.shape}")
