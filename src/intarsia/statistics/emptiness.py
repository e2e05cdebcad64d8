"""Images without a class in their truth: what was predicted there is reported apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EmptyTruth:
    """One class: `images` without it in their truth, `alarms` of these where it was predicted.

    `pixels` are the predicted pixels there.
    """

    images: int
    alarms: int
    pixels: int


def empty_truth(matrices: NDArray[np.integer]) -> tuple[EmptyTruth, ...]:
    """One for each class of per-image confusion matrices (N, K, K), rows truth.

    In a metric over all pixels together these images count by their false positives only, and a
    mean of per-image figures has none for them: 0 or n/a by taste. Hence they are counted.

    >>> empty_truth(np.array([[[3, 1], [0, 0]], [[4, 0], [0, 0]]]))[1]
    EmptyTruth(images=2, alarms=1, pixels=1)
    """
    truth, predicted = matrices.sum(axis=2), matrices.sum(axis=1)
    empty = truth == 0
    return tuple(
        EmptyTruth(
            images=int(empty[:, k].sum()),
            alarms=int((empty[:, k] & (predicted[:, k] > 0)).sum()),
            pixels=int(predicted[empty[:, k], k].sum()),
        )
        for k in range(matrices.shape[1])
    )
