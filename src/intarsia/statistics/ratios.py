"""Means of ratios of sums, and how much each group moves them.

`ratios` are (..., 2, Q): numerators and denominators. A ratio 0/0 is n/a and left out of the mean;
a mean of nothing is NaN.
"""

from __future__ import annotations

import numpy as np

from intarsia.statistics.counts import Numbers


def mean_of_ratios(ratios: Numbers) -> Numbers:
    """(...,) the means of the ratios (..., 2, Q) that are defined.

    >>> mean_of_ratios(np.array([[1.0, 0.0, 0.0], [2.0, 4.0, 0.0]]))
    array(0.25)
    """
    each, defined = _divided(ratios)
    number = defined.sum(axis=-1)
    nothing = np.full(number.shape, np.nan)
    return np.asarray(np.divide(each.sum(axis=-1), number, out=nothing, where=number > 0))


def influences(groups: Numbers, totals: Numbers) -> Numbers:
    """(..., G) what each group (G, 2, Q) adds to the mean of the ratios of totals (..., 2, Q).

    The linear part: (n_g - r d_g) / d for a ratio r = n / d, averaged over the defined ratios.
    Over the groups of a total they sum to 0. Scaled by G they are the empirical influence
    function, by which the infinitesimal jackknife and the linearised ("sandwich") variance of a
    ratio are made: Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), 21.3-21.5;
    Cochran, *Sampling Techniques* (1977), 6.3.

    >>> groups = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])
    >>> influences(groups, groups.sum(axis=0)).round(4).tolist()  # 1 - 4/6 * 2, over 6
    [-0.0556, 0.0556]
    """
    each, defined = _divided(totals)
    number = np.maximum(defined.sum(axis=-1, keepdims=True), 1)
    weight = np.divide(1.0, totals[..., 1, :] * number, out=np.zeros(each.shape), where=defined)
    slopes = np.concatenate([weight, -each * weight], axis=-1)
    return np.asarray(slopes @ groups.reshape(len(groups), -1).T)


def standard_error(parts: Numbers, weights: Numbers | None = None) -> Numbers:
    """(...,) of a mean of ratios, from the influences (..., G) of its groups.

    `weights` (..., G) is how often each group was drawn. With fewer than two groups it is NaN.
    """
    count = parts.shape[-1]
    if count < 2:
        return np.full(parts.shape[:-1], np.nan)
    square = parts**2 if weights is None else weights * parts**2
    return np.asarray(np.sqrt(square.sum(axis=-1) * count / (count - 1)))


def _divided(ratios: Numbers) -> tuple[Numbers, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """The ratios (..., Q), 0 where they are n/a, and where they are defined."""
    above, below = ratios[..., 0, :], ratios[..., 1, :]
    defined = below > 0
    return np.divide(above, below, out=np.zeros(below.shape), where=defined), defined
