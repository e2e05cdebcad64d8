"""Portrait mode: the subject stays sharp, what is around it blurs."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError, RecipeError
from intarsia.inference.fitting import enlarged_bands

_STRIP_PIXELS = 2_000_000  # of full size at once: 32 MB as float32 with the weight
_FINEST = 4.0  # standard deviations of the blur, in pixels of the shrunk background
_LEAST = 1e-3  # what a subject pixel weighs: the middle of the subject needs some color, too


def portrait(
    image: NDArray[np.uint8], alpha: NDArray[np.float32], sigma: float
) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: `image` where `alpha` is 1, blurred where it is 0, between them a mixture.

    `image` is (H, W, 3) uint8, `alpha` (H, W) float32 of 0..1, `sigma` the standard deviation of
    the Gaussian blur in pixels. The background is blurred by normalised convolution (Knutsson &
    Westin 1993) with the weights 1 - alpha, so that the subject's colors do not bleed into it,
    nor black from beyond the borders. It is blurred in a copy shrunk so far that `sigma` is 4 to
    8 pixels there, the subject and the edges stay at full resolution. At sigmas of a percent of
    the longer side and above, this needs 120 MB beside the image, alpha and the result (measured
    at 12,000 x 9,000 pixels).

    Raises ImageError where shapes or types differ from these, RecipeError for a sigma not above 0.

    >>> image = np.zeros((9, 12, 3), np.uint8)
    >>> image[:, 6:] = 200
    >>> alpha = np.zeros((9, 12), np.float32)
    >>> alpha[:, 6:] = 1
    >>> portrait(image, alpha, 3.0)[4, ::3, 0].tolist()
    [0, 0, 200, 200]
    """
    _check(image, alpha, sigma)
    height, width = alpha.shape
    factor = max(1, int(sigma / _FINEST))
    background = _blurred(image, alpha, sigma, factor)
    result = np.empty_like(image, order="C")
    # the enlarged background reaches as far as the last whole block does
    for band in enlarged_bands(background, *(factor * n for n in background.shape[1:])):
        rows = slice(band.top, min(height, band.top + band.probabilities.shape[1]))
        if rows.start >= height:
            break
        around = band.probabilities[:, : rows.stop - rows.start, :width].transpose(1, 2, 0)
        share = alpha[rows, :, None]
        mixed = image[rows] * share
        mixed += around * (1 - share)
        mixed += 0.5
        result[rows] = mixed
    return result


def _blurred(
    image: NDArray[np.uint8], alpha: NDArray[np.float32], sigma: float, factor: int
) -> NDArray[np.float32]:
    """(3, h, w) float32: the background, `factor` times smaller, blurred."""
    sums = _shrunk(image, alpha, factor)
    # beyond the borders nothing weighs anything
    spread = cv2.GaussianBlur(sums, (0, 0), sigma / factor, borderType=cv2.BORDER_CONSTANT)
    colors = spread[:, :, :3] / np.maximum(spread[:, :, 3:], np.float32(1e-12))
    return np.ascontiguousarray(colors.transpose(2, 0, 1), np.float32)


def _shrunk(
    image: NDArray[np.uint8], alpha: NDArray[np.float32], factor: int
) -> NDArray[np.float32]:
    """(h, w, 4) float32 means of blocks: the weighted colors, and the weights."""
    height, width = alpha.shape
    rows, columns = -(-height // factor), -(-width // factor)
    means = np.empty((rows, columns, 4), np.float32)
    step = max(1, _STRIP_PIXELS // (factor * factor * columns))
    for first in range(0, rows, step):
        last = min(rows, first + step)
        some = slice(first * factor, min(height, last * factor))
        # blocks that the image does not fill are filled with what weighs nothing
        strip = np.zeros(((last - first) * factor, columns * factor, 4), np.float32)
        inside = strip[: some.stop - some.start, :width]
        inside[:, :, 3] = (1 - alpha[some]) * (1 - _LEAST) + _LEAST
        np.multiply(image[some], inside[:, :, 3:], out=inside[:, :, :3])
        means[first:last] = cv2.resize(strip, (columns, last - first), interpolation=cv2.INTER_AREA)
    return means


def _check(image: NDArray[np.uint8], alpha: NDArray[np.float32], sigma: float) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ImageError(
            f"the image is {image.dtype} {image.shape}", expected="uint8 (height, width, 3)"
        )
    if alpha.shape != image.shape[:2] or alpha.dtype != np.float32:
        raise ImageError(
            f"alpha is {alpha.dtype} {alpha.shape}", expected=f"float32 {image.shape[:2]}"
        )
    # the negation catches what is not finite, too
    if not (alpha.min() >= 0 and alpha.max() <= 1 + 1e-4):
        raise ImageError(f"alpha is {alpha.min()} to {alpha.max()}", expected="0 to 1")
    if not 0 < sigma < math.inf:
        raise RecipeError(f"the blur's sigma is {sigma}", expected="more than 0 pixels")
