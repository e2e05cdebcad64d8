"""The permutohedral lattice of Adams, Baek & Davis (2010), as sparse matrices."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from intarsia.errors import RecipeError

Floats = NDArray[np.float32]
Keys = NDArray[np.int64]

_POINTS_AT_ONCE = 1 << 15  # temporaries of this many points stay in the cache


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
        sums = self.apply(np.ones((count, 1), np.float32))
        scale = 1 / np.sqrt(sums.ravel() + np.float32(1e-20))
        self._slice.data *= np.repeat(scale, corners)  # shared with the splat

    def apply(self, values: Floats) -> Floats:
        """(N, K) float32 filtered with the symmetrically normalised kernel, (N, K) float32."""
        found = self._splat @ values
        for blur in self._blurs:
            found += blur @ found
        return np.asarray(self._slice @ found)


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
