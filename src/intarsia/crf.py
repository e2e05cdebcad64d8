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
from scipy import sparse

from intarsia.errors import DataError, ImageError, RecipeError

Floats = NDArray[np.float32]
Keys = NDArray[np.int64]

_POINTS_AT_ONCE = 1 << 15  # temporaries of this many points stay in the cache
_TAILS = 4.0  # standard deviations after which the smoothness kernel is cut: 3e-4 of its peak
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


class Lattice:
    """A Gaussian filter of standard deviation 1 over N scattered points, on their lattice.

    `features` is (N, d) float32, in units of the standard deviation. Points are spread over the
    d + 1 corners of the simplex around them (splat, S^T), the corners are blurred with (1, 2, 1)
    along each of the d + 1 directions (B), and read back (slice, S). As in the original, corners
    that no point touches are left out, and the blur does not pass through them.

    Raises RecipeError where features span too many cells for 64-bit keys.

    >>> nearly = Lattice(np.array([[0.0], [0.01], [9.0]], np.float32))
    >>> nearly.apply(np.array([[1.0], [0.0], [0.0]], np.float32)).round(1).ravel().tolist()
    [0.5, 0.5, 0.0]
    """

    def __init__(self, features: Floats) -> None:
        count, dimensions = features.shape
        corners = dimensions + 1
        strides, origin = _strides(features)
        keys = np.empty((count, corners), np.int64)
        shares = np.empty((count, corners), np.float32)
        for first in range(0, count, _POINTS_AT_ONCE):
            some = slice(first, first + _POINTS_AT_ONCE)
            keys[some], shares[some] = _simplices(features[some], strides, origin)
        vertices = np.unique(keys)
        columns = np.searchsorted(vertices, keys.ravel()).astype(np.int32)
        del keys
        rows = np.arange(0, columns.size + 1, corners, dtype=np.int32)
        self._slice = sparse.csr_array((shares.ravel(), columns, rows), (count, len(vertices)))
        self._splat = self._slice.T
        # the step in direction j adds 1 to every coordinate, and takes d + 1 from the j-th
        steps = strides.sum() - corners * np.append(strides, 0)
        self._blurs = [_blur(vertices, int(step)) for step in steps]
        sums = self._filter(np.ones((count, 1), np.float32))
        scale = 1 / np.sqrt(sums.ravel() + np.float32(1e-20))
        self._slice.data *= np.repeat(scale, corners)  # shared with the splat

    @property
    def vertices(self) -> int:
        """How many lattice points there are."""
        return int(self._slice.shape[1])

    def apply(self, values: Floats) -> Floats:
        """(N, K) float32 filtered with the symmetrically normalised kernel, (N, K) float32."""
        return self._filter(values)

    def _filter(self, values: Floats) -> Floats:
        found = self._splat @ values
        for blur in self._blurs:
            found += blur @ found
        return np.asarray(self._slice @ found)


class PlaneFilter:
    """The Gaussian filter of a pixel grid: exact within four standard deviations, separable.

    `deviation` is in pixels. The kernel of the plane is the product of those of its axes, and so
    are its row sums: each axis is normalised alone.

    >>> PlaneFilter(1, 2, 100.0).apply(np.array([[1.0], [0.0]], np.float32)).round(2).tolist()
    [[0.5], [0.5]]
    """

    def __init__(self, height: int, width: int, deviation: float) -> None:
        self._height, self._width = height, width
        self._down = _band(height, deviation)
        self._across = _band(width, deviation)

    def apply(self, values: Floats) -> Floats:
        """(H * W, K) float32, row by row, filtered with the normalised kernel, the same shape."""
        rows = self._down @ values.reshape(self._height, -1)
        turned = rows.reshape(self._height, self._width, -1).swapaxes(0, 1)
        columns = self._across @ turned.reshape(self._width, -1)
        back = columns.reshape(self._width, self._height, -1).swapaxes(0, 1)
        return np.ascontiguousarray(back).reshape(values.shape)


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


def _elevated(features: Floats) -> Floats:
    """(n, d) to (d + 1, n): onto the plane of zero sum, in units where a blur deviates by 1."""
    dimensions = features.shape[1]
    elevated = np.empty((dimensions + 1, len(features)), np.float32)
    above = np.zeros(len(features), np.float32)
    for axis in range(dimensions, 0, -1):
        # splat, blur and slice together have the variance 2 (d + 1)^2 / 3
        unit = math.sqrt(2 / 3) * (dimensions + 1) / math.sqrt(axis * (axis + 1))
        coordinate = features[:, axis - 1] * np.float32(unit)
        elevated[axis] = above - axis * coordinate
        above += coordinate
    elevated[0] = above
    return elevated


def _strides(features: Floats) -> tuple[Keys, Keys]:
    """What one step in each of the first d coordinates adds to a key, and where keys start."""
    corners = features.shape[1] + 1
    low = np.full(corners - 1, np.inf)
    high = -low
    for first in range(0, len(features), _POINTS_AT_ONCE):
        elevated = _elevated(features[first : first + _POINTS_AT_ONCE])[:-1]
        low = np.minimum(low, elevated.min(axis=1))
        high = np.maximum(high, elevated.max(axis=1))
    # corners lie less than d + 1 away from the point, their neighbors d + 1 further
    origin = np.floor(low) - 2 * corners
    spans = [int(span) for span in np.ceil(high) + 2 * corners - origin + 1]
    if math.prod(spans) >= 1 << 62:
        raise RecipeError(
            "the kernel's sizes are too small for this image",
            expected=f"fewer than 2^62 lattice cells, not 2^{math.log2(math.prod(spans)):.0f}",
            hint="raise predict.crf_sizes; 1 px and 1 grey level are small already",
        )
    strides = [math.prod(spans[axis + 1 :]) for axis in range(len(spans))]
    return np.array(strides, np.int64), origin.astype(np.int64)


def _simplices(features: Floats, strides: Keys, origin: Keys) -> tuple[Keys, Floats]:
    """The keys of the d + 1 corners around each point, and their barycentric shares: (n, d + 1).

    The last coordinate is the negative sum of the others: keys are made of the first d.
    """
    elevated = _elevated(features)
    corners, count = elevated.shape
    # the nearest point of the sub-lattice whose coordinates are multiples of d + 1 ...
    cells = np.rint(elevated / np.float32(corners)).astype(np.int32)
    rest = elevated - corners * cells
    rank = np.zeros((corners, count), np.int32)
    for one in range(corners):
        for other in range(one + 1, corners):
            less = rest[one] < rest[other]
            rank[one] += less
            rank[other] += ~less
    # ... but for its sum, which need not be 0: the coordinates rounded furthest are turned back
    rank += cells.sum(axis=0, dtype=np.int32)
    turn = (rank < 0).astype(np.int32) - (rank >= corners)
    rank += corners * turn
    cells += turn
    rest -= (corners * turn).astype(np.float32)
    # rest and key step of each coordinate, in the order of rank
    ordered = np.empty_like(rest)
    np.put_along_axis(ordered, rank, rest, axis=0)
    step = np.zeros((corners, count), np.int64)
    np.put_along_axis(step, rank, np.append(strides, 0)[:, None], axis=0)
    shares = np.empty((count, corners), np.float32)
    shares[:, 0] = 1 + (ordered[-1] - ordered[0]) / corners
    keys = np.empty((count, corners), np.int64)
    keys[:, 0] = (corners * strides) @ cells[:-1] - strides @ origin
    for remainder in range(1, corners):
        # corner k has k added to every coordinate, and d + 1 taken from the k last ranked
        last = corners - remainder
        shares[:, remainder] = (ordered[last - 1] - ordered[last]) / corners
        keys[:, remainder] = keys[:, remainder - 1] + strides.sum() - corners * step[last]
    return keys, shares


def _blur(vertices: Keys, step: int) -> sparse.csr_array:
    """Half of both neighbors in one direction, (M, M): to be added to the vertex itself."""
    found = np.searchsorted(vertices, vertices + step)
    found[found == len(vertices)] = 0
    here = np.flatnonzero(vertices[found] == vertices + step)
    there = found[here]
    halves = np.full(2 * len(here), 0.5, np.float32)
    rows = np.concatenate([here, there]).astype(np.int32)
    columns = np.concatenate([there, here]).astype(np.int32)
    shape = (len(vertices), len(vertices))
    return sparse.csr_array(sparse.coo_array((halves, (rows, columns)), shape))


def _band(length: int, deviation: float) -> sparse.csr_array:
    """(length, length): the normalised Gaussian kernel of one axis."""
    reach = min(length - 1, math.ceil(_TAILS * deviation))
    offsets = np.arange(-reach, reach + 1)
    taps = np.exp(-0.5 * (offsets / deviation) ** 2)
    diagonals = np.repeat(taps[:, None], length, axis=1)
    kernel = sparse.csr_array(sparse.dia_array((diagonals, offsets), (length, length)))
    scale = sparse.diags_array(1 / np.sqrt(kernel.sum(axis=1)))
    return sparse.csr_array((scale @ kernel @ scale).astype(np.float32))


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
