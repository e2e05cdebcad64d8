"""The Gaussian filter of a pixel grid, as banded matrices."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float32]

_TAILS = 4.0  # standard deviations after which the smoothness kernel is cut: 3e-4 of its peak


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


def _band(length: int, deviation: float) -> sparse.csr_array:
    """(length, length): the normalised Gaussian kernel of one axis."""
    reach = min(length - 1, math.ceil(_TAILS * deviation))
    offsets = np.arange(-reach, reach + 1)
    taps = np.exp(-0.5 * (offsets / deviation) ** 2)
    diagonals = np.repeat(taps[:, None], length, axis=1)
    kernel = sparse.csr_array(sparse.dia_array((diagonals, offsets), (length, length)))
    scale = sparse.diags_array(1 / np.sqrt(kernel.sum(axis=1)))
    return sparse.csr_array((scale @ kernel @ scale).astype(np.float32))
