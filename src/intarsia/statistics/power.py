"""How many groups it would take to detect a difference."""

from __future__ import annotations

import numpy as np
from scipy import stats

from intarsia.statistics.spread import Spread

POWER = 0.8
SURE = 40.0  # standard errors beyond the critical value: not for the noncentral t
MOST = 10**6  # groups: beyond, "more than a million" is all there is to say


def groups_needed(
    difference: float, spread: Spread, groups: int, *, level: float = 0.95, power: float = POWER
) -> int | None:
    """With how many groups such a difference would be found in a share `power` of all studies.

    By the noncentral t distribution, from the variance between the `groups` paired differences of
    which `spread` tells (Cohen, *Statistical Power Analysis* 1988; Julious 2004). It takes the
    difference that was found for the true one, which is itself uncertain: an order of magnitude.

    None where no number of groups up to a million would do: no difference, or one that drowns in
    that between trainings, where more repeats are what helps.

    >>> groups_needed(0.5, Spread(1 / 10**0.5, None, 9, None), 10)  # Cohen's table: d = 0.5
    34
    """
    if difference == 0 or _power(difference, spread, groups, MOST, level) < power:
        return None
    low, high = 2, MOST
    while low < high:
        middle = (low + high) // 2
        if _power(difference, spread, groups, middle, level) >= power:
            high = middle
        else:
            low = middle + 1
    return low


def _power(difference: float, spread: Spread, groups: int, number: int, level: float) -> float:
    """The chance that a two-sided t-test finds it, with its sign, with `number` groups."""
    error = spread.groups * (groups / number) ** 0.5
    total = float(np.hypot(error, spread.repeats or 0.0))
    if total == 0:
        return 1.0
    even = (spread.group_freedom + 1) / groups  # what one more group counts, as they are unequal
    freedom = spread.freedom_of(error, max(number * even - 1, 1.0))
    critical = stats.t.ppf((1 + level) / 2, freedom)
    shift = abs(difference) / total
    if shift > critical + SURE:
        return 1.0
    return float(stats.nct.sf(critical, freedom, shift))
