"""Confidence intervals of one figure from groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from intarsia.statistics.counts import Numbers
from intarsia.statistics.jackknife import acceleration
from intarsia.statistics.resampling import Replicates

Method = Literal["logit-t", "t", "percentile", "bca", "bootstrap-t"]


@dataclass(frozen=True)
class Interval:
    """`low` to `high`, which holds the true figure in a share `level` of all such data."""

    low: float
    high: float
    level: float
    method: Method

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def to_json(self) -> dict[str, float | str]:
        return {"low": self.low, "high": self.high, "level": self.level, "method": self.method}


def percentile_interval(replicates: Replicates, level: float) -> Interval:
    """The middle of the resamples (Efron & Tibshirani 1993, 13.3). Too narrow with few groups.

    >>> replicates = Replicates(np.arange(101.0), np.ones(101))
    >>> round(percentile_interval(replicates, 0.9).low, 6)
    5.0
    """
    tail = (1 - level) / 2
    low, high = np.quantile(replicates.values, [tail, 1 - tail])
    return Interval(float(low), float(high), level, "percentile")


def bca_interval(value: float, replicates: Replicates, left: Numbers, level: float) -> Interval:
    """Bias-corrected and accelerated (Efron 1987; Efron & Tibshirani 1993, 14.3).

    Args:
        value: the figure itself.
        replicates: of R resamples.
        left: (G,) the figure without each group.
        level: say 0.95.
    """
    values = replicates.values
    below = (np.mean(values < value) + np.mean(values <= value)) / 2
    edge = 0.5 / len(values)
    bias = stats.norm.ppf(np.clip(below, edge, 1 - edge))
    skew = acceleration(left)
    tail = (1 - level) / 2
    z = bias + stats.norm.ppf([tail, 1 - tail])
    low, high = np.quantile(values, stats.norm.cdf(bias + z / (1 - skew * z)))
    return Interval(float(low), float(high), level, "bca")


def t_interval(value: float, error: float, freedom: float, level: float) -> Interval:
    """Student's t around the figure, `error` its standard error with `freedom` degrees of freedom.

    >>> t_interval(0.5, 0.1, 4, 0.95).low.__round__(4)
    0.2224
    """
    width = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    return Interval(value - width, value + width, level, "t")


def logit_t_interval(value: float, error: float, freedom: float, level: float) -> Interval:
    """Student's t on the log-odds of a figure from 0 to 1, and back (error by the delta method).

    It stays within 0 and 1, and shares of pixels near 1 are less skewed there (Agresti,
    *Categorical Data Analysis* 2013, 1.4; Barndorff-Nielsen & Cox, *Inference and Asymptotics*
    1994, for transforming to symmetry).

    >>> interval = logit_t_interval(0.97, 0.02, 7, 0.95)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.864, 0.994)
    """
    if not 0 < value < 1:
        return Interval(value, value, level, "logit-t")
    width = float(stats.t.ppf((1 + level) / 2, freedom)) * error / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-width, width]))
    return Interval(float(low), float(high), level, "logit-t")


def bootstrap_t_interval(
    value: float, error: float, replicates: Replicates, level: float
) -> Interval:
    """Studentised bootstrap (Efron & Tibshirani 1993, 12.5; Hall, *Annals of Statistics* 1988).

    The resamples tell how (resample - value) / its own standard error is distributed, and that
    instead of Student's t goes around the figure: it follows the skewness that ratios have with
    few groups.
    """
    known = replicates.errors > 0
    if not known.any():
        return Interval(value, value, level, "bootstrap-t")
    ratios = (replicates.values[known] - value) / replicates.errors[known]
    tail = (1 - level) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail])
    return Interval(value - float(high) * error, value - float(low) * error, level, "bootstrap-t")
