"""Joint image and mask transforms: NumPy and OpenCV only.

One geometry serves training and prediction: an image is first shrunk by area averaging to at
most twice its fitted size, then warped once, bilinearly. Halving bilinearly is exactly a 2x2
mean, so nothing aliases and both sides see the same pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError
from intarsia.images import Scaling

Fit = Literal["letterbox", "crop", "stretch", "tiles", "grid"]
Matrix = NDArray[np.float64]
Pixels = NDArray[np.integer | np.floating]
Mask = NDArray[np.unsignedinteger]

_OPENCV_DEPTHS = (np.uint8, np.uint16, np.int16, np.float32, np.float64)
_OPENCV_CHANNELS = 4  # warpAffine takes a border value of at most four channels


@dataclass(frozen=True)
class Preprocessing:
    """Everything between a file's pixels and the network's input.

    `size` is the (height, width) of a sample; `fit` says how an image comes to it: `letterbox`
    (whole image, aspect kept, padded), `stretch` (aspect given up), `grid` (cut into `grid`
    rows x columns of cells, each stretched), `crop` and `tiles` (native resolution, but for
    images whose longer side is more than `longest_side`, which are shrunk to it). With `tile`, a
    whole multiple of `size`, images are shrunk by exactly that factor, block by block, so that a
    window of an image shrinks to the very pixels it has in the whole image shrunk. `mean` and
    `std` apply per channel to values already scaled to 0..1.
    """

    size: tuple[int, int]
    fit: Fit
    scaling: Scaling
    mean: tuple[float, ...]
    std: tuple[float, ...]
    grid: tuple[int, int] = (1, 1)
    longest_side: int | None = None
    tile: tuple[int, int] | None = None

    @property
    def factor(self) -> int:
        """How many pixels of an image, in each direction, become one of a tile."""
        return 1 if self.tile is None else self.tile[0] // self.size[0]

    @property
    def native(self) -> bool:
        """True where pixels keep their own resolution."""
        return self.fit in ("crop", "tiles")

    @property
    def fill(self) -> tuple[float, ...]:
        """The value of padding, per channel, in the file's own units: 0 once normalised."""
        bounds = map(self.scaling.bounds, range(len(self.mean)))
        return tuple(
            low + m * (high - low) for m, (low, high) in zip(self.mean, bounds, strict=True)
        )

    def normalise(self, image: Pixels) -> NDArray[np.float32]:
        """(H, W, C) in the file's own units to (C, H, W) float32 for the network."""
        return self.standardise(self.scaling.apply(image))

    def standardise(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(H, W, C) float32 in 0..1 to (C, H, W) float32 of mean 0 and deviation 1."""
        planes = np.empty((pixels.shape[2], *pixels.shape[:2]), np.float32)
        # plane by plane: NumPy is ten times slower where the innermost axis is three long
        for plane, mean, std, channel in zip(
            planes, self.mean, self.std, np.moveaxis(pixels, 2, 0), strict=True
        ):
            np.multiply(channel, np.float32(1.0 / std), out=plane)
            plane -= np.float32(mean / std)
        return planes

    def to_json(self) -> dict[str, object]:
        return {
            "size": list(self.size),
            "fit": self.fit,
            "scaling": self.scaling.to_json(),
            "mean": list(self.mean),
            "std": list(self.std),
            "grid": list(self.grid),
            "longest_side": self.longest_side,
            "tile": None if self.tile is None else list(self.tile),
        }


def fitted_rectangle(
    height: int, width: int, preprocessing: Preprocessing
) -> tuple[int, int, int, int]:
    """Where an image of this size lies in a sample: (top, left, height, width) in pixels."""
    rows, columns = preprocessing.size
    if preprocessing.fit in ("stretch", "grid"):
        return 0, 0, rows, columns
    if preprocessing.native:
        return 0, 0, *_native_size(height, width, preprocessing)
    scale = min(rows / height, columns / width)
    fitted_h = min(rows, max(1, round(height * scale)))
    fitted_w = min(columns, max(1, round(width * scale)))
    return (rows - fitted_h) // 2, (columns - fitted_w) // 2, fitted_h, fitted_w


def grid_bounds(
    shape: tuple[int, ...], grid: tuple[int, int]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(start, stop) of each row and of each column of cells of a (height, width) image.

    They are as equal as whole pixels allow.

    Raises:
        ImageError: fewer pixels than cells.

    >>> grid_bounds((5, 6), (2, 3))
    ([(0, 2), (2, 5)], [(0, 2), (2, 4), (4, 6)])
    """
    height, width = shape
    if height < grid[0] or width < grid[1]:
        raise ImageError(
            f"an image of {height} x {width} pixels cannot be cut into {grid[0]} x {grid[1]} cells",
            hint="a smaller data.grid, or data.fit: stretch",
        )
    rows, columns = (
        list(pairwise(side * i // count for i in range(count + 1)))
        for side, count in ((height, grid[0]), (width, grid[1]))
    )
    return rows, columns


def shrink(image: Pixels, preprocessing: Preprocessing) -> Pixels:
    """(H, W, C) pixels at most twice the fitted size, by area averaging; else unchanged.

    Where pixels keep their own resolution, exactly that size.
    """
    height, width = image.shape[:2]
    target = kept_size(height, width, preprocessing)
    image = _opencv_depth(image)
    if target == (height, width):
        return image
    below, beside = target[0] * preprocessing.factor, target[1] * preprocessing.factor
    if preprocessing.tile is not None and (below, beside) != (height, width):
        # whole blocks, the last of them filled up with what lies at the edge
        image = np.pad(image, ((0, below - height), (0, beside - width), (0, 0)), "edge")
    if preprocessing.tile is not None and image.dtype.kind == "f":
        return _block_means(image, preprocessing.factor)
    return _channelwise(
        image, lambda part: cv2.resize(part, target[::-1], interpolation=cv2.INTER_AREA)
    )


def _block_means(image: Pixels, factor: int) -> Pixels:
    """The mean of each whole block of fractions, summed in the same order wherever it lies.

    OpenCV's order depends on the column, and with it the last bit.
    """
    total: NDArray[Any] = np.zeros(
        (image.shape[0] // factor, image.shape[1] // factor, image.shape[2]), image.dtype
    )
    for y in range(factor):
        for x in range(factor):
            total += image[y::factor, x::factor]
    total /= factor**2
    return total


def shrink_mask(mask: Mask, preprocessing: Preprocessing) -> Mask:
    """The same for a (H, W) mask: nearest, through pixel centres.

    OpenCV's own nearest takes corners, which shifts a mask by up to half a pixel.
    """
    height, width = mask.shape
    target = kept_size(height, width, preprocessing)
    if target == (height, width):
        return mask
    if preprocessing.tile is not None:
        factor = preprocessing.factor
        rows = np.minimum(np.arange(target[0]) * factor + factor // 2, height - 1)
        columns = np.minimum(np.arange(target[1]) * factor + factor // 2, width - 1)
    else:
        rows = ((np.arange(target[0]) + 0.5) * height / target[0]).astype(np.intp)
        columns = ((np.arange(target[1]) + 0.5) * width / target[1]).astype(np.intp)
    smaller: Mask = mask[np.ix_(rows, columns)]
    return smaller


def kept_size(height: int, width: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """(height, width) that `shrink` gives an image of this size."""
    if preprocessing.native:
        return _native_size(height, width, preprocessing)
    _, _, fitted_h, fitted_w = fitted_rectangle(height, width, preprocessing)
    return min(height, 2 * fitted_h), min(width, 2 * fitted_w)


def _native_size(height: int, width: int, preprocessing: Preprocessing) -> tuple[int, int]:
    if preprocessing.tile is not None:
        return -(-height // preprocessing.factor), -(-width // preprocessing.factor)
    longest, longest_side = max(height, width), preprocessing.longest_side
    if longest_side is None or longest <= longest_side:
        return height, width
    scale = longest_side / longest
    return max(1, round(height * scale)), max(1, round(width * scale))


def fit_matrix(height: int, width: int, preprocessing: Preprocessing) -> Matrix:
    """(2, 3) affine map from pixel centres of an image of this size to those of a sample."""
    top, left, fitted_h, fitted_w = fitted_rectangle(height, width, preprocessing)
    sx, sy = fitted_w / width, fitted_h / height
    return np.array(
        [[sx, 0.0, (sx - 1) / 2 + left], [0.0, sy, (sy - 1) / 2 + top]], dtype=np.float64
    )


def warp(image: Pixels, matrix: Matrix, size: tuple[int, int], fill: tuple[float, ...]) -> Pixels:
    """One bilinear affine warp of (H, W, C) pixels of any depth to (size[0], size[1], C)."""
    shape = (size[1], size[0])
    image = _opencv_depth(image)
    parts = []
    for start in range(0, image.shape[2], _OPENCV_CHANNELS):
        part = cv2.warpAffine(
            image[:, :, start : start + _OPENCV_CHANNELS],
            matrix,
            shape,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=fill[start : start + _OPENCV_CHANNELS],
        )
        parts.append(part.reshape(*size, -1))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


def warp_mask(mask: Mask, matrix: Matrix, size: tuple[int, int], fill: int) -> Mask:
    """The same warp for a (H, W) mask: nearest, so that no id is invented."""
    warped = cv2.warpAffine(
        mask,
        matrix,
        (size[1], size[0]),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )
    return warped.astype(mask.dtype, copy=False)


def _opencv_depth(image: Pixels) -> Pixels:
    """The same values in a depth that OpenCV takes; float64 holds every 32-bit integer."""
    return image if image.dtype in _OPENCV_DEPTHS else image.astype(np.float64)


def _channelwise(image: Pixels, change: Callable[[Pixels], Pixels]) -> Pixels:
    """Applies an OpenCV function that takes at most four channels to any number of them."""
    channels = image.shape[2]
    parts = [
        change(image[:, :, i : i + _OPENCV_CHANNELS]) for i in range(0, channels, _OPENCV_CHANNELS)
    ]
    return np.concatenate([p.reshape(*p.shape[:2], -1) for p in parts], axis=2)
