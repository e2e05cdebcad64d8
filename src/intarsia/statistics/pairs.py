"""All pairs of several runs, their p-values corrected together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from intarsia.errors import DataError
from intarsia.statistics.counts import GroupCounts
from intarsia.statistics.difference import MARGIN, Difference, measure_difference
from intarsia.statistics.estimand import MIOU, Estimand
from intarsia.statistics.holm import adjust_holm
from intarsia.statistics.resampling import RESAMPLES
from intarsia.statistics.swaps import SWAPS


def compare_pairs(
    runs: Mapping[str, GroupCounts],
    estimand: Estimand = MIOU,
    *,
    margin: float = MARGIN,
    level: float = 0.95,
    class_names: tuple[str, ...] | None = None,
    resamples: int = RESAMPLES,
    swaps: int = SWAPS,
    seed: int = 0,
) -> tuple[Difference, ...]:
    """Each pair of runs, by name, in their order; arguments and errors of `measure_difference`.

    "No difference" and "equivalent" are two families of tests, each corrected after Holm.

    Raises:
        DataError: there are not two runs.

    >>> import numpy as np
    >>> from intarsia.statistics.counts import count_groups
    >>> one = np.array([[[n, 3], [2, 9]] for n in range(10, 30)])
    >>> runs = {"one": one, "two": one + [[2, -2], [0, 0]], "three": one}
    >>> pairs = compare_pairs({name: count_groups(each) for name, each in runs.items()})
    >>> [(pair.a, pair.b, pair.verdict) for pair in pairs]
    [('one', 'two', 'worse'), ('one', 'three', 'equivalent'), ('two', 'three', 'better')]
    """
    if len(runs) < 2:
        raise DataError(f"{len(runs)} runs to compare", expected="two or more")
    all_pairs = tuple(combinations(runs, 2))
    found = [
        measure_difference(
            runs[a],
            runs[b],
            estimand,
            names=(a, b),
            margin=margin,
            level=level,
            class_names=class_names,
            tests=len(all_pairs),
            resamples=resamples,
            swaps=swaps,
            seed=seed,
        )
        for a, b in all_pairs
    ]
    return correct_together(found)


def correct_together(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """The same differences with p-values adjusted for all of them, after Holm.

    "No difference" and "equivalent" are two families of tests.

    >>> import numpy as np
    >>> from intarsia.statistics.counts import count_groups
    >>> one = np.array([[[n, 3], [2, 9]] for n in range(10, 30)])
    >>> a, b = count_groups(one + [[2, -2], [0, 0]]), count_groups(one)
    >>> alone = measure_difference(a, b)
    >>> together = correct_together([alone, alone])
    >>> [round(pair.p_adjusted / alone.p_adjusted, 6) for pair in together]
    [2.0, 2.0]
    """
    different = _adjusted([pair.p_value for pair in found])
    equivalent = _adjusted([pair.p_equivalent for pair in found])
    return tuple(
        replace(pair, p_adjusted=one, p_equivalent_adjusted=two)
        for pair, one, two in zip(found, different, equivalent, strict=True)
    )


def _adjusted(p_values: list[float | None]) -> list[float | None]:
    """Holm over those that there are."""
    adjusted = iter(adjust_holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]
