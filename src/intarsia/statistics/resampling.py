"""Bootstrap over groups: whole groups are drawn with replacement, as often as there are groups.

Efron & Tibshirani, *An Introduction to the Bootstrap* (1993); for clustered data: Davison &
Hinkley, *Bootstrap Methods and their Application* (1997), 3.8. The images of one group are like
each other, so that drawing images alone would give intervals that are too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from intarsia.statistics.counts import Numbers
from intarsia.statistics.ratios import influences, mean_of_ratios, standard_error

RESAMPLES = 2000

_AT_ONCE = 1 << 22  # numbers of one array


@dataclass(frozen=True, eq=False)
class Replicates:
    """What R resamples gave: `values` (R,), and `errors` (R,), the standard error in each.

    Resamples in which the figure is n/a (no class is left) are not among them.
    """

    values: Numbers
    errors: Numbers


def resample(
    ratios: Numbers, other: Numbers | None = None, *, resamples: int = RESAMPLES, seed: int = 0
) -> Replicates:
    """The figure of (S, G, 2, Q) ratios, mean over the repeats, in each resample of the groups.

    With `other` (T, G, 2, Q), of another run on the same groups, it is the difference of the two,
    each resample having the same groups of both.

    >>> replicates = resample(np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]), resamples=500)
    >>> sorted({round(value, 3) for value in replicates.values.tolist()})
    [0.5, 0.667, 0.75]
    """
    found = []
    for weights in _weights(ratios.shape[1], resamples, seed):
        values, parts = _each(ratios, weights)
        if other is not None:
            subtracted, others = _each(other, weights)
            values, parts = values - subtracted, parts - others
        found.append((values, standard_error(parts, weights)))
    values, errors = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    known = np.isfinite(values)
    return Replicates(values[known], errors[known])


def _weights(groups: int, resamples: int, seed: int) -> Iterator[Numbers]:
    """(R, G) in all: how often each group is drawn; in blocks that fit into memory."""
    random = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // groups)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        yield random.multinomial(groups, np.full(groups, 1 / groups), rows).astype(np.float64)


def _each(ratios: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
    """(R,) figures and (R, G) influences, means over the repeats."""
    repeats, count = ratios.shape[:2]
    figures = np.zeros(len(weights))
    parts = np.zeros(weights.shape)
    for repeat in ratios:
        totals = (weights @ repeat.reshape(count, -1)).reshape(-1, *repeat.shape[1:])
        figures += mean_of_ratios(totals)
        parts += influences(repeat, totals)
    return figures / repeats, parts / repeats
