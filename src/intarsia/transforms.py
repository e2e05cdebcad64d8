"""Joint image and mask transforms: NumPy and OpenCV only.

One geometry serves training and prediction: an image is first shrunk by area averaging to at
most twice its fitted size, then warped once, bilinearly. Halving bilinearly is exactly a 2x2
mean, so nothing aliases and both sides see the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.images import Scaling

Fit = Literal["letterbox", "crop", "stretch", "tiles"]
Matrix = NDArray[np.float64]

_OPENCV_CHANNELS = 4  # warpAffine takes a border value of at most four channels


@dataclass(frozen=True)
class Preprocessing:
    """Everything between a file's pixels and the network's input.

    `size` is the (height, width) of a sample; `fit` says how an image comes to it: `letterbox`
    (whole image, aspect kept, padded), `stretch` (aspect given up), `crop` and `tiles` (native
    resolution). `mean` and `std` apply per channel to values already scaled to 0..1.
    """

    size: tuple[int, int]
    fit: Fit
    scaling: Scaling
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def native(self) -> bool:
        """True where pixels keep their own resolution."""
        return self.fit in ("crop", "tiles")

    @property
    def fill(self) -> tuple[float, ...]:
        """The value of padding, per channel, in the file's own units: 0 once normalised."""
        span = self.scaling.high - self.scaling.low
        return tuple(self.scaling.low + m * span for m in self.mean)

    def normalise(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """(H, W, C) in the file's own units to (C, H, W) float32 for the network."""
        scaled = self.scaling.apply(image)
        normalised = (scaled - np.float32(self.mean)) / np.float32(self.std)
        return np.ascontiguousarray(normalised.transpose(2, 0, 1), dtype=np.float32)

    def to_json(self) -> dict[str, object]:
        return {
            "size": list(self.size),
            "fit": self.fit,
            "scaling": self.scaling.to_json(),
            "mean": list(self.mean),
            "std": list(self.std),
        }


def fitted_rectangle(
    height: int, width: int, preprocessing: Preprocessing
) -> tuple[int, int, int, int]:
    """Where an image of this size lies in a sample: (top, left, height, width) in pixels."""
    rows, columns = preprocessing.size
    if preprocessing.fit == "stretch":
        return 0, 0, rows, columns
    if preprocessing.native:
        return 0, 0, height, width
    scale = min(rows / height, columns / width)
    fitted_h = min(rows, max(1, round(height * scale)))
    fitted_w = min(columns, max(1, round(width * scale)))
    return (rows - fitted_h) // 2, (columns - fitted_w) // 2, fitted_h, fitted_w


def shrink(
    image: NDArray[np.generic], preprocessing: Preprocessing, *, nearest: bool = False
) -> NDArray[np.generic]:
    """At most twice the fitted size, by area averaging (masks: `nearest`); else unchanged."""
    height, width = image.shape[:2]
    if preprocessing.native:
        return image
    _, _, fitted_h, fitted_w = fitted_rectangle(height, width, preprocessing)
    target_h, target_w = min(height, 2 * fitted_h), min(width, 2 * fitted_w)
    if (target_h, target_w) == (height, width):
        return image
    if nearest:
        # nearest through pixel centres: cv2.INTER_NEAREST takes corners and shifts by half a pixel
        rows = ((np.arange(target_h) + 0.5) * height / target_h).astype(np.intp)
        columns = ((np.arange(target_w) + 0.5) * width / target_w).astype(np.intp)
        return image[rows[:, None], columns[None, :]]
    return _channelwise(
        image, lambda part: cv2.resize(part, (target_w, target_h), interpolation=cv2.INTER_AREA)
    )


def fit_matrix(height: int, width: int, preprocessing: Preprocessing) -> Matrix:
    """(2, 3) affine map from pixel centres of an image of this size to those of a sample."""
    top, left, fitted_h, fitted_w = fitted_rectangle(height, width, preprocessing)
    sx, sy = fitted_w / width, fitted_h / height
    return np.array(
        [[sx, 0.0, (sx - 1) / 2 + left], [0.0, sy, (sy - 1) / 2 + top]], dtype=np.float64
    )


def warp(
    image: NDArray[np.generic], matrix: Matrix, size: tuple[int, int], fill: tuple[float, ...]
) -> NDArray[np.generic]:
    """One bilinear affine warp of (H, W, C) pixels of any depth to (size[0], size[1], C)."""
    shape = (size[1], size[0])

    def one(part: NDArray[np.generic], start: int = 0) -> NDArray[np.generic]:
        count = part.shape[2] if part.ndim == 3 else 1
        return cv2.warpAffine(
            part,
            matrix,
            shape,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=fill[start : start + count],
        )

    channels = image.shape[2]
    if channels <= _OPENCV_CHANNELS:
        return one(image).reshape(*size, channels)
    parts = [
        one(image[:, :, i : i + _OPENCV_CHANNELS], i).reshape(*size, -1)
        for i in range(0, channels, _OPENCV_CHANNELS)
    ]
    return np.concatenate(parts, axis=2)


def warp_mask(
    mask: NDArray[np.generic], matrix: Matrix, size: tuple[int, int], fill: int
) -> NDArray[np.generic]:
    """The same warp for a (H, W) mask: nearest, so that no id is invented."""
    return cv2.warpAffine(
        mask,
        matrix,
        (size[1], size[0]),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )
