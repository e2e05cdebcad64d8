"""A paired test by swapping the two models' results, group by group.

If the two models are equal, it does not matter whose results of a group are called whose. So the
figure is computed again for swapped groups, all 2^G ways where there are few, and p is the share of
them that are as far apart as what was found: exact for any metric, however it is made of the
groups (Fisher, *The Design of Experiments* 1935; Good, *Permutation Tests* 2000). Differences are
divided by their standard error, so that it holds, with many groups, also where two models are
equal in the figure only (Janssen 1997; Chung & Romano, *Annals of Statistics* 2013).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from intarsia.statistics.counts import Numbers
from intarsia.statistics.ratios import influences, mean_of_ratios, standard_error

SWAPS = 4999
EXACT_UP_TO = 12  # groups

_AT_ONCE = 1 << 21  # numbers of one array
_TIE = 1e-9


@dataclass(frozen=True)
class SwapTest:
    """`p_value`, two-sided, from `swaps` ways; `exact` where these are all there are."""

    p_value: float
    swaps: int
    exact: bool


def fewest_groups(level: float, tests: int = 1) -> int:
    """With how many groups all ways to swap could tell a difference, among so many tests, at all.

    >>> fewest_groups(0.95)  # 2 of 2^6 ways are as far apart as the clearest
    6
    """
    return int(np.ceil(np.log2(2 * tests / (1 - level))))


def swap_test(a: Numbers, b: Numbers, *, swaps: int = SWAPS, seed: int = 0) -> SwapTest:
    """Whether the figures of two runs differ: ratios (S, G, 2, Q) of each, as many repeats.

    >>> a = np.array([[[[2.0], [2.0]], [[4.0], [4.0]], [[3.0], [3.0]]]])
    >>> swap_test(a, a * [[1], [2]])  # better in all three groups: as far apart 2 of 8 ways
    SwapTest(p_value=0.25, swaps=8, exact=True)
    """
    groups = a.shape[1]
    exact = groups <= EXACT_UP_TO
    found = _distance(a, b, np.zeros((1, groups)))[0]
    if not np.isfinite(found):
        found = np.inf
    number = 2**groups if exact else swaps
    as_far = sum(
        int((_distance(a, b, block) >= found * (1 - _TIE)).sum())
        for block in _swapped(groups, number, exact, seed)
    )
    p = as_far / number if exact else (as_far + 1) / (number + 1)
    return SwapTest(p, number, exact)


def _swapped(groups: int, number: int, exact: bool, seed: int) -> Iterator[Numbers]:
    """(P, G) in all, in blocks that fit into memory: 1 where the group is swapped."""
    random = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // groups)
    for start in range(0, number, block):
        rows = np.arange(start, min(start + block, number))
        if exact:
            yield ((rows[:, None] >> np.arange(groups)) & 1).astype(np.float64)
        else:
            yield random.integers(0, 2, (len(rows), groups)).astype(np.float64)


def _distance(a: Numbers, b: Numbers, swapped: Numbers) -> Numbers:
    """(P,) the absolute studentised difference for each way to swap (P, G)."""
    difference = np.zeros(len(swapped))
    parts = np.zeros(swapped.shape)
    for mine, other in zip(a, b, strict=True):
        one, one_parts = _after(mine, other, swapped)
        two, two_parts = _after(other, mine, swapped)
        difference += one - two
        parts += one_parts - two_parts
    error = standard_error(parts)
    apart = np.abs(difference)
    # a difference that is the same in every group has no error: as far apart as can be
    sure = np.where(apart > _TIE * len(a), np.inf, 0.0)
    return np.divide(apart, error, out=sure, where=error > _TIE * apart)


def _after(own: Numbers, other: Numbers, swapped: Numbers) -> tuple[Numbers, Numbers]:
    """(P,) figures and (P, G) influences of a run that has the other's groups where swapped."""
    kept = 1 - swapped
    groups = len(own)
    totals = kept @ own.reshape(groups, -1) + swapped @ other.reshape(groups, -1)
    totals = totals.reshape(len(swapped), *own.shape[1:])
    parts = kept * influences(own, totals) + swapped * influences(other, totals)
    return mean_of_ratios(totals), parts
