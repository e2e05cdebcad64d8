"""What the pixels of a training split come to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from intarsia.batches.pairs import Pairs
from intarsia.datasets.encodings import count_ids
from intarsia.environment import usable_cores


def class_pixels(pairs: Pairs, classes: int, ignore_index: int) -> NDArray[np.int64]:
    """(classes,) pixels of each class over all pairs, ignored ones left out."""
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        counts = pool.map(
            lambda index: count_ids(pairs[index][1], ignore_index + 1),
            range(len(pairs)),
        )
        total = sum(counts, np.zeros(ignore_index + 1, np.int64))
    return total[:classes]


def channel_statistics(pairs: Pairs) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels, on values scaled to 0..1."""

    def moments(index: int) -> NDArray[np.float64]:
        parts = []
        for strip in pairs.strips(index):
            pixels = pairs.preprocessing.scaling.apply(strip).astype(np.float64)
            flat = pixels.reshape(-1, pixels.shape[2])
            parts.append([np.full(flat.shape[1], len(flat)), flat.sum(0), (flat**2).sum(0)])
        return np.asarray(np.sum(parts, axis=0))

    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        count, total, squares = np.sum(list(pool.map(moments, range(len(pairs)))), axis=0)
    mean = total / count
    # a channel without any contrast must not divide by zero
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-6))
    return tuple(map(float, mean)), tuple(map(float, deviation))
