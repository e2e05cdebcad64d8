"""The jackknife over groups: the figure without each of them (Efron & Tibshirani 1993, 11)."""

from __future__ import annotations

import numpy as np

from intarsia.statistics.counts import Numbers
from intarsia.statistics.ratios import mean_of_ratios


def leave_one_out(ratios: Numbers, other: Numbers | None = None) -> Numbers:
    """(G,) the figure of (S, G, 2, Q) ratios, mean over the repeats, without each group.

    With `other` (T, G, 2, Q), of another run on the same groups, the difference of the two.

    >>> groups = np.array([[[[1.0], [2.0]], [[3.0], [4.0]], [[1.0], [4.0]]]])
    >>> leave_one_out(groups).tolist()
    [0.5, 0.3333333333333333, 0.6666666666666666]
    """
    left = _each(ratios)
    return left if other is None else left - _each(other)


def _each(ratios: Numbers) -> Numbers:
    totals = ratios.sum(axis=1, keepdims=True)
    return np.asarray(mean_of_ratios(totals - ratios).mean(axis=0))


def jackknife_error(left: Numbers) -> float:
    """The standard error by the (G,) figures that are left without each group; NaN for G < 2."""
    count = len(left)
    if count < 2:
        return float("nan")
    return float(np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum()))


def acceleration(left: Numbers) -> float:
    """The skewness constant a of the BCa interval (Efron 1987; Efron & Tibshirani 1993, 14.15)."""
    apart = left.mean() - left
    spread = float((apart**2).sum())
    return float((apart**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
