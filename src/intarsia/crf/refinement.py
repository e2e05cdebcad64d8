"""Probabilities that follow the edges of the image: a fully connected CRF, without training.

Mean-field inference of Krähenbühl & Koltun, "Efficient Inference in Fully Connected CRFs with
Gaussian Edge Potentials" (NIPS 2011): every pixel talks to every other one, the more the closer
they are in place and color (appearance kernel) or in place alone (smoothness kernel), and pairs of
different labels cost (Potts). The appearance kernel, Gaussian in five dimensions, is applied on
the permutohedral lattice of Adams, Baek & Davis, "Fast High-Dimensional Filtering Using the
Permutohedral Lattice" (Eurographics 2010), held as sparse matrices. The smoothness kernel is
separable in the plane: two banded matrices give it exactly, and in less time than a lattice.

As in the authors' own program (densecrf), kernels are normalised symmetrically: K becomes
D^-1/2 K D^-1/2 with D the diagonal of K's row sums; and a pixel's message to itself is not taken
out, which the formulas of the paper do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from intarsia.crf.lattice import Lattice
from intarsia.crf.plane import PlaneFilter
from intarsia.errors import DataError, ImageError, RecipeError

Floats = NDArray[np.float32]

_LEAST = 1e-8  # a probability of 0 is a very improbable class, not an impossible one
_TILE_PIXELS = 2_500_000  # with the margins


def refine(
    probabilities: Floats,
    image: NDArray[np.uint8],
    *,
    iterations: int = 5,
    appearance_weight: float = 2.0,
    appearance_position: float = 15.0,
    appearance_color: float = 6.0,
    smoothness_weight: float = 1.0,
    smoothness_position: float = 1.0,
) -> Floats:
    """(K, H, W) float32 marginals of the fully connected CRF, summing to 1 over K.

    `probabilities` is (K, H, W) float32, a network's softmax; its -log is the unary potential.
    `image` is (H, W, 3) uint8, the pixels the labels shall follow. `appearance_position` and
    `smoothness_position` are standard deviations in pixels, `appearance_color` one in grey levels
    (0..255); as the kernels are normalised, a weight is about the cost of a label that the whole
    neighbourhood of a pixel has not. A weight of 0 leaves its kernel out; with both 0, or no
    iterations, the probabilities come back as given.
    The defaults were chosen on CamVid train images; densecrf's own (10, 80, 13, 3, 3, in the order
    of the arguments) remove what is thin from the masks of a good network: docs/crf.md.

    Kernels and normalisation: the module's text. Krähenbühl & Koltun (2011), on the lattice of
    Adams et al. (2010). Images of more than 2.5 million pixels are cut into tiles that overlap by
    two standard deviations on each side: some 600 bytes a pixel of a tile, at 12 classes.

    Raises:
        DataError: probabilities of another shape or type, not finite, negative or not summing to 1.
        ImageError: an image that is not uint8 (H, W, 3), or not of the probabilities' size.
        RecipeError: iterations or weights below 0, sizes not above 0, or too small for the lattice.

    >>> speck = np.full((2, 9, 9), 0.2, np.float32)
    >>> speck[0] = 0.8
    >>> speck[:, 4, 4] = 0.4, 0.6
    >>> refine(speck, np.zeros((9, 9, 3), np.uint8)).argmax(axis=0).max()
    np.int64(0)
    """
    _check_pixels(probabilities, image)
    sizes = {
        "appearance_position": appearance_position,
        "appearance_color": appearance_color,
        "smoothness_position": smoothness_position,
    }
    weights = {"appearance_weight": appearance_weight, "smoothness_weight": smoothness_weight}
    _check_settings(iterations, weights, sizes)
    if iterations == 0 or (appearance_weight == 0 and smoothness_weight == 0):
        return probabilities.copy()
    refined = np.empty_like(probabilities, order="C")
    widest = max(
        appearance_position if appearance_weight else 0.0,
        smoothness_position if smoothness_weight else 0.0,
    )
    for seen, kept, inside in _tiles(image.shape[0], image.shape[1], math.ceil(2 * widest)):
        part, pixels = probabilities[:, *seen], image[seen]
        height, width = pixels.shape[:2]
        filters: list[tuple[float, Lattice | PlaneFilter]] = []
        if appearance_weight:
            features = _appearance_features(pixels, appearance_position, appearance_color)
            filters.append((appearance_weight, Lattice(features)))
        if smoothness_weight:
            plane = PlaneFilter(height, width, smoothness_position)
            filters.append((smoothness_weight, plane))
        marginals = _mean_field(part.reshape(len(part), -1).T, filters, iterations)
        refined[:, *kept] = marginals.T.reshape(part.shape)[:, *inside]
    return refined


def _mean_field(
    probabilities: Floats, filters: list[tuple[float, Lattice | PlaneFilter]], iterations: int
) -> Floats:
    """(N, K) probabilities to (N, K) marginals."""
    unary = np.log(np.maximum(probabilities, np.float32(_LEAST), order="C"))
    marginals = np.ascontiguousarray(probabilities)
    for _ in range(iterations):
        # Potts: what all other labels cost is a constant less what the own label does not cost
        logits = unary.copy()
        for weight, kernel in filters:
            message = kernel.apply(marginals)
            message *= np.float32(weight)
            logits += message
        logits -= logits.max(axis=1, keepdims=True)
        marginals = np.exp(logits, out=logits)
        marginals /= marginals.sum(axis=1, keepdims=True)
    return marginals


def _appearance_features(image: NDArray[np.uint8], position: float, color: float) -> Floats:
    """(H * W, 5) float32: row, column, red, green and blue in standard deviations."""
    height, width = image.shape[:2]
    features = np.empty((height, width, 5), np.float32)
    features[:, :, 0] = (np.arange(height) / position)[:, None]
    features[:, :, 1] = np.arange(width) / position
    features[:, :, 2:] = image / np.float32(color)
    return features.reshape(-1, 5)


def _tiles(
    height: int, width: int, margin: int
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice], tuple[slice, slice]]]:
    """What each tile sees, what of it is kept, and where that lies within what is seen."""
    if height * width <= _TILE_PIXELS:
        whole = (slice(0, height), slice(0, width))
        yield whole, whole, whole
        return
    # wide margins must not leave a tile without a core
    core = max(256, math.isqrt(_TILE_PIXELS) - 2 * margin)
    for top, left in product(range(0, height, core), range(0, width, core)):
        bottom, right = min(height, top + core), min(width, left + core)
        above, before = max(0, top - margin), max(0, left - margin)
        seen = (
            slice(above, min(height, bottom + margin)),
            slice(before, min(width, right + margin)),
        )
        kept = (slice(top, bottom), slice(left, right))
        inside = (slice(top - above, bottom - above), slice(left - before, right - before))
        yield seen, kept, inside


def _check_pixels(probabilities: Floats, image: NDArray[np.uint8]) -> None:
    if probabilities.ndim != 3 or probabilities.dtype != np.float32 or 0 in probabilities.shape:
        raise DataError(
            f"the probabilities are {probabilities.dtype} {probabilities.shape}",
            expected="float32 (classes, height, width)",
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(
            f"the image is {image.dtype} {image.shape}",
            expected="uint8 (height, width, 3)",
            hint="the CRF needs 8-bit colors: leave predict.crf off for other images",
        )
    if image.shape[:2] != probabilities.shape[1:]:
        raise ImageError(
            f"the image has {image.shape[0]} x {image.shape[1]} pixels, "
            f"the probabilities {probabilities.shape[1]} x {probabilities.shape[2]}",
            expected="one size",
        )
    # the negation catches what is not finite, too
    if not (probabilities.min() >= 0 and np.abs(probabilities.sum(axis=0) - 1).max() <= 1e-3):
        raise DataError(
            "the probabilities are negative, not finite, or do not sum to 1",
            expected="values of 0..1 whose sum over the classes is 1 at every pixel",
            hint="give the softmax of the network, not its logits",
        )


def _check_settings(iterations: int, weights: dict[str, float], sizes: dict[str, float]) -> None:
    if iterations < 0:
        raise RecipeError(f"iterations is {iterations}", expected="0 or more")
    for name, value in weights.items():
        if not (0 <= value < math.inf):
            raise RecipeError(f"{name} is {value}", expected="0 or more")
    for name, value in sizes.items():
        if not (0 < value < math.inf):
            raise RecipeError(f"{name} is {value}", expected="more than 0")
