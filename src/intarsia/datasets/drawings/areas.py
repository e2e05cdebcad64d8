"""The forms that annotations have, and exactly which pixels each covers.

Pixel (row, column) is the square from column to column + 1 and from row to row + 1. A form with
an outline covers the pixels whose centre (column + 0.5, row + 0.5) lies inside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]


class Cover(NamedTuple):
    """The covered pixels of a box inside the image whose first pixel is (top, left)."""

    top: int
    left: int
    inside: NDArray[np.bool_]


class Area(Protocol):
    """A form that knows which pixels of an image it covers."""

    def cover(self, size: Size) -> Cover | None:
        """What it covers of an image of (height, width); None where that is nothing."""

    def signature(self) -> bytes:
        """Bytes that differ where the form differs."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """Closed rings of (x, y), each (N, 2) float64, filled by the even-odd rule: holes are rings.

    A centre exactly on an outline counts where the inside is to its right, or below it: polygons
    that share an edge neither overlap nor leave a gap. With `unit`, x and y are shares of the
    image's width and height.

    >>> square = Polygon((np.array([[1, 0], [3, 0], [3, 2], [1, 2]], float),))
    >>> cover = square.cover((2, 4))
    >>> cover.top, cover.left, cover.inside.astype(int).tolist()
    (0, 1, [[1, 1], [1, 1]])
    """

    rings: tuple[NDArray[np.float64], ...]
    unit: bool = False

    def cover(self, size: Size) -> Cover | None:
        height, width = size
        scale = np.array([width, height] if self.unit else [1, 1], np.float64)
        rings = [ring * scale for ring in self.rings]
        corners = np.concatenate(rings)
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        box = _box(float(x0), float(y0), float(x1), float(y1), size)
        if box is None:
            return None
        top, left, bottom, right = box
        columns = right - left + 1
        turns = np.zeros((bottom - top) * columns, np.int64)
        for ring in rings:
            rows, xs = _crossings(ring, top, bottom)
            at = np.clip(np.ceil(xs - 0.5), left, right).astype(np.int64) - left
            turns += np.bincount((rows - top) * columns + at, minlength=turns.size)
        # left of a pixel's centre lies an odd number of outlines: the centre is inside
        odd = np.cumsum(turns.reshape(bottom - top, columns), axis=1)[:, :-1] % 2 == 1
        return Cover(top, left, odd)

    def signature(self) -> bytes:
        return b"polygon" + bytes([self.unit]) + b"|".join(ring.tobytes() for ring in self.rings)


def _crossings(
    ring: NDArray[np.float64], top: int, bottom: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where the outline crosses the middle of rows top to bottom - 1: the rows, and x in each."""
    start, end = ring, np.roll(ring, -1, axis=0)
    # from the upper end to the lower, so that both owners of an edge compute the same x
    down = (start[:, 1] <= end[:, 1])[:, np.newaxis]
    upper, lower = np.where(down, start, end), np.where(down, end, start)
    first = np.clip(np.ceil(upper[:, 1] - 0.5), top, bottom).astype(np.int64)
    last = np.clip(np.ceil(lower[:, 1] - 0.5), top, bottom).astype(np.int64)
    lengths = last - first
    edge = np.repeat(np.arange(len(ring)), lengths)
    rows = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + first[edge]
    (x0, y0), (x1, y1) = upper[edge].T, lower[edge].T
    return rows, x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)


@dataclass(frozen=True)
class Ellipse:
    """Centre, radii along x and y, and a turn in degrees, clockwise as the image is seen."""

    x: float
    y: float
    rx: float
    ry: float
    turn: float = 0.0

    def cover(self, size: Size) -> Cover | None:
        reach = max(self.rx, self.ry)
        box = _box(self.x - reach, self.y - reach, self.x + reach, self.y + reach, size)
        if box is None or min(self.rx, self.ry) <= 0:
            return None
        top, left, bottom, right = box
        y = np.arange(top, bottom)[:, np.newaxis] + 0.5 - self.y
        x = np.arange(left, right)[np.newaxis] + 0.5 - self.x
        cos, sin = math.cos(math.radians(self.turn)), math.sin(math.radians(self.turn))
        along, across = (x * cos + y * sin) / self.rx, (y * cos - x * sin) / self.ry
        return Cover(top, left, along**2 + across**2 <= 1)

    def signature(self) -> bytes:
        return repr(self).encode()


@dataclass(frozen=True, eq=False)
class Runs:
    """Lengths of runs, uncovered first, of a box of pixels read by rows or by columns."""

    lengths: NDArray[np.int64]
    height: int
    width: int
    top: int = 0
    left: int = 0
    by_columns: bool = False

    def cover(self, size: Size) -> Cover | None:
        flat = np.repeat(np.arange(len(self.lengths)) % 2 == 1, self.lengths)
        if self.by_columns:
            inside = flat.reshape(self.width, self.height).T
        else:
            inside = flat.reshape(self.height, self.width)
        return placed(inside, self.top, self.left, size)

    def signature(self) -> bytes:
        place = (self.height, self.width, self.top, self.left, self.by_columns)
        return repr(place).encode() + self.lengths.tobytes()


@dataclass(frozen=True, eq=False)
class Stamp:
    """Pixels that are packed some other way: `unpack` gives (H, W) bool from `packed`."""

    packed: bytes
    unpack: Callable[[bytes], NDArray[np.bool_]]
    top: int = 0
    left: int = 0

    def cover(self, size: Size) -> Cover | None:
        return placed(self.unpack(self.packed), self.top, self.left, size)

    def signature(self) -> bytes:
        return f"stamp {self.top} {self.left} ".encode() + self.packed


def rectangle(left: float, top: float, right: float, bottom: float, turn: float = 0.0) -> Polygon:
    """A box as a polygon, turned about its centre by degrees, clockwise as the image is seen."""
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
    if turn:
        middle = corners.mean(axis=0)
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        corners = (corners - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    return Polygon((corners,))


def placed(inside: NDArray[np.bool_], top: int, left: int, size: Size) -> Cover | None:
    """A box of pixels, cut to the image."""
    height, width = size
    cut = inside[max(0, -top) : max(0, height - top), max(0, -left) : max(0, width - left)]
    return Cover(max(0, top), max(0, left), cut) if cut.size else None


def _box(
    x0: float, y0: float, x1: float, y1: float, size: Size
) -> tuple[int, int, int, int] | None:
    """top, left, bottom, right of the whole pixels that coordinates span inside the image."""
    height, width = size
    top, bottom = (int(min(max(v, 0), height)) for v in (math.floor(y0), math.ceil(y1)))
    left, right = (int(min(max(v, 0), width)) for v in (math.floor(x0), math.ceil(x1)))
    return (top, left, bottom, right) if top < bottom and left < right else None
