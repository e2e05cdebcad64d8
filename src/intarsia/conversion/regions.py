"""The regions of a mask: run lengths and boxes, a class each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Region(NamedTuple):
    """All pixels of one value: the box around them, and which of its pixels they are."""

    value: int
    top: int
    left: int
    inside: NDArray[np.bool_]


def regions(ids: NDArray[Any]) -> list[Region]:
    """A region for every value of (H, W) ids, ascending.

    >>> [(r.value, r.top, r.left, r.inside.shape) for r in regions(np.array([[0, 0], [0, 3]]))]
    [(0, 0, 0, (2, 2)), (3, 1, 1, (1, 1))]
    """
    from scipy.ndimage import find_objects

    found = []
    for value, box in enumerate(find_objects(ids.astype(np.int32) + 1)):
        if box is not None:
            rows, columns = box
            found.append(Region(value, rows.start, columns.start, ids[box] == value))
    return found


def runs_of_values(flat: NDArray[Any]) -> dict[int, NDArray[np.int64]]:
    """Lengths of runs outside and inside of every value in turn, as RLE has them.

    >>> {v: runs.tolist() for v, runs in runs_of_values(np.array([5, 5, 2, 5])).items()}
    {2: [2, 1, 1], 5: [0, 2, 1, 1]}
    """
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    ends = np.append(starts[1:], flat.size)
    held = flat[starts]
    order = np.argsort(held, kind="stable")
    values, firsts = np.unique(held[order], return_index=True)
    runs = {}
    for value, part in zip(values.tolist(), np.split(order, firsts[1:]), strict=True):
        edges = np.zeros(2 * len(part) + 2, np.int64)
        edges[1:-1:2], edges[2:-1:2], edges[-1] = starts[part], ends[part], flat.size
        lengths = np.diff(edges)
        runs[value] = lengths if lengths[-1] else lengths[:-1]
    return runs


def run_lengths(flat: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of runs, False first.

    >>> run_lengths(np.array([True, True, False])).tolist()
    [0, 2, 1]
    """
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    start = [0, 0] if flat[0] else [0]
    return np.diff(np.concatenate((start, changes, [flat.size])))
