"""A part of a result: rows that are finished."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class Band:
    """Finished rows of a result: `probabilities` is (K, rows, W) float32, from row `top` on."""

    top: int
    probabilities: NDArray[np.float32]

    def decide(self, threshold: float | None = None) -> tuple[Ids, NDArray[np.float32]]:
        """(rows, W) ids of the most probable class (ties: the lowest id), and its probability.

        Ids are uint8, or uint16 where there are more than 255 classes. Of two classes, a
        `threshold` chooses the second where its probability is above it.
        """
        if threshold is not None:
            first, second = self.probabilities
            chosen = second > threshold
            return chosen.astype(np.uint8), np.where(chosen, second, first)
        best = self.probabilities[0].copy()
        count = len(self.probabilities)
        ids = np.zeros(best.shape, np.uint8 if count <= 255 else np.uint16)
        # plane by plane: several times faster than argmax over the first axis
        for index in range(1, count):
            plane = self.probabilities[index]
            ids[plane > best] = index
            np.maximum(best, plane, out=best)
        return ids, best
