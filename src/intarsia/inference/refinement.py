"""The fully connected CRF as the last step of an inference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from intarsia.inference.inference import Refine


def crf_refinement(
    *, iterations: int, weights: tuple[float, float], sizes: tuple[float, float, float]
) -> Refine:
    """`weights` of the appearance and the smoothness kernel, `sizes` as in `crf.refine`."""

    def refine(
        probabilities: NDArray[np.float32], picture: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        from intarsia import crf

        return crf.refine(
            probabilities,
            picture,
            iterations=iterations,
            appearance_weight=weights[0],
            smoothness_weight=weights[1],
            appearance_position=sizes[0],
            appearance_color=sizes[1],
            smoothness_position=sizes[2],
        )

    return refine
