"""Connected regions of a mask of many classes, all in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS = 16_000_000  # larger masks are looked at with every second, third, ... pixel


def regions(ids: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """The value and the area of every 8-connected region, and (H, W) which region a pixel is of.

    Rows are cut into runs of one value; runs that touch in neighbouring rows are joined. Far
    fewer runs than pixels meet, so that this is several times faster than one labelling a class.

    >>> values, areas, where = regions(np.array([[1, 0, 0], [0, 1, 0]]))
    >>> values.tolist(), areas.tolist()
    ([1, 0], [2, 4])
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    height, width = ids.shape
    starts = np.ones((height, width), np.bool_)
    np.not_equal(ids[:, 1:], ids[:, :-1], out=starts[:, 1:])
    run = np.cumsum(starts.reshape(-1), dtype=np.int32).reshape(height, width) - np.int32(1)
    count = int(run[-1, -1]) + 1
    first, second = _touching(ids, run)
    links = coo_matrix((np.ones(len(first), np.int8), (first, second)), (count, count))
    _, of_run = connected_components(links, directed=False)
    at = np.flatnonzero(starts.reshape(-1))
    lengths = np.diff(np.append(at, ids.size))
    areas = np.bincount(of_run, weights=lengths).astype(np.int64)
    values = np.empty(len(areas), np.int64)
    values[of_run] = ids.reshape(-1)[at]
    return values, areas, of_run.astype(np.int32)[run]


def _touching(
    ids: NDArray[Any], run: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pairs of runs of one value in neighbouring rows, straight or diagonal, few of them twice."""
    pairs = []
    for left in (0, -1, 1):
        above = (slice(None, -1), slice(max(0, left), ids.shape[1] + min(0, left)))
        below = (slice(1, None), slice(max(0, -left), ids.shape[1] + min(0, -left)))
        same = ids[above] == ids[below]
        one, other = run[above][same], run[below][same]
        fresh = np.ones(len(one), np.bool_)
        fresh[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
        pairs.append((one[fresh], other[fresh]))
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
