"""One temperature for all probabilities, fitted by likelihood, and the pixels it is fitted on.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: logits divided by T before the
softmax. Logarithms of probabilities are logits up to a number that the softmax takes away again,
so that the probabilities that Intarsia keeps are enough. Where they are means (flips, tiles,
folds) it is the mean that is tempered. T > 1 makes less sure, T < 1 surer; which class is the
most probable does not change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError
from intarsia.metrics.calibration import calibration_error, reliability_counts

RANGE = (0.05, 20.0)  # past these a network is not tempered but wrong, or without any error

_LEAST = 1e-12  # the probability that a rounded 0 stands for


@dataclass(frozen=True)
class Temperature:
    """The fitted `value`, the mean negative log-likelihood (nats) before and after it.

    `pixels` is how many it was fitted on; `at_limit` says that it lies at an end of `RANGE`:
    there is no best value between. The calibration errors are of the same pixels; None in sheets
    of earlier versions.
    """

    value: float
    nll_before: float
    nll_after: float
    pixels: int
    at_limit: bool
    ece_before: float | None = None
    ece_after: float | None = None


class PixelSample:
    """A uniform random sample of the counted pixels of any number of images, of bounded size.

    Every pixel draws a random number, and the `size` lowest are kept: each has the same chance,
    whichever image it is of. The same images in the same order give the same sample. Takes
    `size` * (K + 2) * 4 bytes: 12 MB by default for 13 classes.

    >>> sample = PixelSample(size=5, seed=0)
    >>> sample.add(np.full((2, 3, 4), 0.5, np.float32), np.zeros((3, 4), np.uint8), 255)
    >>> sample.probabilities.shape, sample.truth.tolist()
    ((5, 2), [0, 0, 0, 0, 0])
    """

    def __init__(self, size: int = 200_000, seed: int = 0) -> None:
        self._size = size
        self._random = np.random.default_rng(seed)
        self._lots = np.zeros(0, np.float32)
        self._probabilities: NDArray[np.float32] | None = None
        self._truth = np.zeros(0, np.int32)

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(n, K) float32, n up to the size."""
        if self._probabilities is None:
            return np.zeros((0, 0), np.float32)
        return self._probabilities

    @property
    def truth(self) -> NDArray[np.int32]:
        """(n,) ids."""
        return self._truth

    def add(
        self,
        probabilities: NDArray[np.float32],
        truth: NDArray[np.integer],
        ignore_index: int,
    ) -> None:
        """Takes its part of an image: (K, H, W) probabilities and (H, W) ids.

        Raises DataError where they do not fit or a counted id is not one of K.
        """
        if probabilities.ndim != 3 or probabilities.shape[1:] != truth.shape:
            raise DataError(
                f"probabilities of shape {probabilities.shape} for a mask of {truth.shape}",
                expected="(classes, height, width) and (height, width)",
            )
        classes = len(probabilities)
        counted = truth != ignore_index
        lots = self._random.random(truth.shape, np.float32)[counted]
        places = np.flatnonzero(counted)
        # nothing is copied of pixels that will not stay
        chosen = self._lowest(lots)
        if len(self._lots) == self._size > 0:
            chosen = chosen[lots[chosen] < self._lots.max()]
        lots, places = lots[chosen], places[chosen]
        ids = truth.reshape(-1)[places].astype(np.int32)
        if ids.size and not (ids.min() >= 0 and ids.max() < classes):
            raise DataError(
                f"truth holds ids from {ids.min()} to {ids.max()}", expected=f"0 to {classes - 1}"
            )
        rows = probabilities.reshape(classes, -1)[:, places].T.astype(np.float32)
        if self._probabilities is not None:
            rows = np.concatenate([self._probabilities, rows])
        lots = np.concatenate([self._lots, lots])
        ids = np.concatenate([self._truth, ids])
        chosen = self._lowest(lots)
        self._lots, self._truth, self._probabilities = lots[chosen], ids[chosen], rows[chosen]

    def _lowest(self, lots: NDArray[np.float32]) -> NDArray[np.intp]:
        """Where the `size` lowest lots are, in their order."""
        if len(lots) <= self._size:
            return np.arange(len(lots))
        return np.sort(np.argpartition(lots, self._size)[: self._size])


def fit_temperature(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> Temperature:
    """The temperature with the least negative log-likelihood: (n, K) probabilities, (n,) ids.

    A bounded search in one dimension over log T (the likelihood is convex in 1 / T: one minimum).

    Raises DataError without pixels.

    >>> always = np.array([[0.9, 0.1]] * 4)  # says 90 %, is right in 3 of 4
    >>> fitted = fit_temperature(always, np.array([0, 0, 0, 1]))
    >>> round(fitted.value, 2), round(fitted.nll_before, 3), round(fitted.nll_after, 3)
    (2.0, 0.655, 0.562)
    """
    from scipy.optimize import minimize_scalar

    if len(truth) == 0:
        raise DataError("no pixels to fit a temperature on", hint="all of them are ignored")
    # a row a class, in float32: many times faster over many pixels
    logits = np.log(np.maximum(probabilities.T, _LEAST)).astype(np.float32, order="C")
    logits -= logits.max(axis=0)
    right = np.take_along_axis(logits, truth.astype(np.intp)[None], axis=0)[0]

    def nll(log_value: float) -> float:
        inverse = np.float32(math.exp(-log_value))
        norm = np.log(np.exp(logits * inverse).sum(axis=0))
        return float(np.mean(norm - right * inverse, dtype=np.float64))

    low, high = (math.log(end) for end in RANGE)
    best = minimize_scalar(nll, bounds=(low, high), method="bounded", options={"xatol": 1e-4})
    found = float(best.x)
    reached = nll(found)
    return Temperature(
        value=math.exp(found),
        nll_before=nll(0.0),
        nll_after=reached,
        pixels=len(truth),
        # near it the likelihood can be flat to the last digit: its value says it, not the place
        at_limit=min(nll(low), nll(high)) <= reached + 1e-6,
        ece_before=_calibration_error(probabilities.T, truth),
        ece_after=_calibration_error(tempered(probabilities.T, math.exp(found)), truth),
    )


def _calibration_error(
    probabilities: NDArray[np.floating], truth: NDArray[np.integer]
) -> float | None:
    chosen, sure = probabilities.argmax(axis=0), probabilities.max(axis=0)
    return calibration_error(reliability_counts(truth, chosen, sure, len(probabilities), -1))


def tempered(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """(K, ...) probabilities at another temperature, summing to 1 over K.

    >>> tempered(np.array([0.9, 0.1], np.float32), 2.0).round(2).tolist()
    [0.75, 0.25]
    """
    if not temperature > 0:
        raise DataError(f"the temperature is {temperature}", expected="more than 0")
    # one copy, whatever the image
    values: NDArray[np.float32] = probabilities.astype(np.float32, copy=True)
    np.maximum(values, np.float32(_LEAST), out=values)
    np.log(values, out=values)
    values /= np.float32(temperature)
    values -= values.max(axis=0)
    np.exp(values, out=values)
    values /= values.sum(axis=0)
    return values
