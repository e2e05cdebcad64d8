"""Whether a network is right as often as it says: reliability and calibration error.

Top-label calibration: the confidence of a pixel is the probability of the class that it was
given, and it is right or not (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).
Per class it is that of the pixels that were *called* so ("class-wise top-label", Gupta and Ramdas,
ICLR 2022): "of what is called road at 90 %, how much is road?". Pixels are one's evidence only as
far as they are independent, which neighbours are not: intervals come from images, not pixels.

Fifteen bins of equal width, each with its lower end, the last with both. Ignored pixels of truth
are left out. A class that is never predicted has no error (n/a).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError
from intarsia.metrics.region import check_ids, check_shapes

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """One bar of a reliability diagram; `confidence` and `accuracy` are None without pixels."""

    low: float
    high: float
    pixels: int
    confidence: float | None
    accuracy: float | None


def reliability_counts(
    truth: NDArray[np.integer],
    prediction: NDArray[np.integer],
    confidence: NDArray[np.floating],
    classes: int,
    ignore_index: int,
    bins: int = BINS,
) -> NDArray[np.float64]:
    """(classes, bins, 3) float64: pixels, those that are right, and the sum of confidences.

    Rows are the *predicted* class. The counts of images add up, and a sum over classes is that
    of all pixels. `truth` and `prediction` are ids of one shape, `confidence` of the same shape
    is the probability of the predicted class, 0..1.

    Raises DataError where shapes differ, ids are outside the classes, or a confidence is not 0..1.

    >>> truth, prediction = np.array([[0, 1, 255]]), np.array([[0, 0, 0]])
    >>> confidence = np.array([[0.9, 0.6, 0.5]])
    >>> reliability_counts(truth, prediction, confidence, 2, 255, bins=2)[0].tolist()
    [[0.0, 0.0, 0.0], [2.0, 1.0, 1.5]]
    """
    check_shapes(truth, prediction)
    if confidence.shape != truth.shape:
        raise DataError(
            f"confidences of shape {confidence.shape} for a mask of {truth.shape}",
            expected="one probability a pixel, that of its predicted class",
        )
    counted = truth != ignore_index
    true_ids, ids, sure = truth[counted], prediction[counted], confidence[counted]
    check_ids(true_ids, ids, classes, ignore_index)
    # sums of float32 probabilities may be a rounding above 1; a NaN is in no range
    if sure.size and not (sure.min() >= 0 and sure.max() <= 1 + 1e-4):
        raise DataError(
            f"confidences from {sure.min():.4g} to {sure.max():.4g}", expected="probabilities, 0..1"
        )
    place = np.minimum((sure * bins).astype(np.intp), bins - 1)
    place += ids.astype(np.intp) * bins
    size = classes * bins
    counts = [
        np.bincount(place, minlength=size),
        np.bincount(place[true_ids == ids], minlength=size),
        np.bincount(place, weights=sure, minlength=size),
    ]
    return np.stack(counts, axis=-1).astype(np.float64).reshape(classes, bins, 3)


def calibration_error(counts: NDArray[np.float64]) -> float | None:
    """The expected calibration error (ECE) of all pixels, 0..1, of (K, bins, 3) counts.

    The mean over pixels of how far accuracy and mean confidence of their bin are apart.

    >>> calibration_error(np.array([[[0, 0, 0], [2, 1, 1.5]]]))
    0.25
    """
    return _error(counts.sum(axis=0))


def class_calibration_errors(counts: NDArray[np.float64]) -> tuple[float | None, ...]:
    """The calibration error of the pixels that were given each class."""
    return tuple(_error(row) for row in counts)


def reliability_diagram(counts: NDArray[np.float64]) -> tuple[ReliabilityBin, ...]:
    """The bars of one (bins, 3) row of counts: of a class, or of all with `counts.sum(axis=0)`.

    >>> reliability_diagram(np.array([[0, 0, 0], [2, 1, 1.5]]))[1]
    ReliabilityBin(low=0.5, high=1.0, pixels=2, confidence=0.75, accuracy=0.5)
    """
    width = 1 / len(counts)
    bars = []
    for place, (pixels, right, confidence) in enumerate(counts.tolist()):
        bars.append(
            ReliabilityBin(
                low=place * width,
                high=(place + 1) * width,
                pixels=int(pixels),
                confidence=confidence / pixels if pixels else None,
                accuracy=right / pixels if pixels else None,
            )
        )
    return tuple(bars)


def _error(row: NDArray[np.float64]) -> float | None:
    pixels, right, confidence = row.T
    total = pixels.sum()
    return float(np.abs(right - confidence).sum() / total) if total else None
