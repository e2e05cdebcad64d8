"""Windows of large images: where tiles lie, and which part of an image a random one shows.

Everything here counts in pixels of the image as it is kept, that is after `transforms.shrink`.
"""

from __future__ import annotations

import numpy as np

from intarsia.augmentation import Augmentation, random_turn
from intarsia.images import Window
from intarsia.transforms import Matrix, Preprocessing


def tile_starts(length: int, tile: int, overlap: float) -> list[int]:
    """First pixels of tiles that cover `length`, evenly spread; each repeats about `overlap`.

    >>> tile_starts(100, 40, 0.25), tile_starts(30, 40, 0.25)
    ([0, 30, 60], [0])
    """
    if length <= tile:
        return [0]
    stride = max(1, round(tile * (1 - overlap)))
    count = -(-(length - tile) // stride) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def tile_matrix(
    corner: tuple[int, int],
    shape: tuple[int, int],
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Matrix:
    """(2, 3) affine map from an image of `shape` to one random sample of the tile at `corner`.

    Flip, rotation and zoom about a point that is the middle of the tile, moved by up to ± `shift`
    of its size. Where the zoom shows less than the tile, it moves so much further that every part
    of the tile can be seen. The sample stays inside the image where it is smaller.
    """
    linear, zoom, place = random_turn(augmentation, rng)
    middle, centre = [], []
    # x before y, as in the matrix
    for axis, at in ((1, place[0]), (0, place[1])):
        side, length = preprocessing.size[axis], shape[axis]
        seen = side / zoom
        reach = max(0.0, (side - seen) / 2) + augmentation.shift * side
        wanted = corner[axis] + (side - 1) / 2 + reach * (2 * at - 1)
        low, high = (seen - 1) / 2, length - (seen + 1) / 2
        centre.append((length - 1) / 2 if low >= high else min(max(wanted, low), high))
        middle.append((side - 1) / 2)
    matrix = np.empty((2, 3))
    matrix[:, :2] = linear
    matrix[:, 2] = np.array(middle) - linear @ np.array(centre)
    return matrix


def seen_window(matrix: Matrix, size: tuple[int, int], shape: tuple[int, int]) -> Window:
    """The part of an image of `shape` that a sample of `size` takes pixels from.

    >>> seen_window(np.array([[2.0, 0, -20], [0, 2.0, -40]]), (8, 16), (100, 100))
    ((19, 26), (9, 20))
    """
    rows, columns = size
    corners = np.array([(x, y) for x in (0, columns - 1) for y in (0, rows - 1)], np.float64)
    inside = np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T)
    # one more pixel on each side: bilinear weights, and the 1/32 px steps of OpenCV's warp
    low = np.floor(inside.min(axis=1)).astype(int) - 1
    high = np.ceil(inside.max(axis=1)).astype(int) + 2
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    return (max(0, top), min(shape[0], bottom)), (max(0, left), min(shape[1], right))


def moved(matrix: Matrix, window: Window) -> Matrix:
    """The same map for the window cut out of the image."""
    (top, _), (left, _) = window
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ np.array([left, top], np.float64)
    return shifted
