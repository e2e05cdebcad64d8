"""The difference of two runs on the same images, with interval, tests and verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from intarsia.errors import DataError
from intarsia.statistics.counts import GroupCounts
from intarsia.statistics.equivalence import check_margin, equivalence_p
from intarsia.statistics.estimand import MIOU, Estimand
from intarsia.statistics.figure import Figure, check_level, known, mean_over_repeats, measure_figure
from intarsia.statistics.interval import Interval, Method
from intarsia.statistics.power import groups_needed
from intarsia.statistics.remarks import pair_remarks
from intarsia.statistics.resampling import RESAMPLES
from intarsia.statistics.spread import Spread
from intarsia.statistics.swaps import SWAPS, fewest_groups, swap_test
from intarsia.statistics.verdict import Verdict, judge

MARGIN = 0.01


@dataclass(frozen=True)
class Difference:
    """`value` is that of `a` minus that of `b`, means over their repeats; None is n/a.

    Three p-values of "no difference", two-sided: `p_swap` by swapping groups (None where the runs
    have not as many repeats), `p_bootstrap` by resampling pairs, `p_repeats` with the trainings as
    a source of their own (None where each was trained once). `p_value` is the one that the verdict
    goes by: `p_repeats` where it is there, else `p_swap`. `p_equivalent` is that of two one-sided
    tests of `margin`. The adjusted ones are for all pairs of a table together, after Holm.
    `needed` is with how many groups a difference of this size would be detected.
    """

    a: str
    b: str
    estimand: Estimand
    description: str
    value: float | None
    margin: float
    level: float
    groups: int
    images: int
    unit_name: str
    remarks: tuple[str, ...]
    interval: Interval | None = None
    spread: Spread | None = None
    p_swap: float | None = None
    p_bootstrap: float | None = None
    p_repeats: float | None = None
    p_equivalent: float | None = None
    p_adjusted: float | None = None
    p_equivalent_adjusted: float | None = None
    needed: int | None = None

    @property
    def p_value(self) -> float | None:
        return self.p_swap if self.p_repeats is None else self.p_repeats

    @property
    def verdict(self) -> Verdict:
        """On `a`. A difference must show in the adjusted p-value and in the interval."""
        alpha = 1 - self.level
        apart = self.interval is not None and 0.0 not in self.interval
        return judge(
            None if self.interval is None else self.value,
            different=apart and self.p_adjusted is not None and self.p_adjusted <= alpha,
            equivalent=(
                self.p_equivalent_adjusted is not None and self.p_equivalent_adjusted <= alpha
            ),
        )

    @property
    def turned(self) -> Difference:
        """The same as b minus a."""
        found = self.interval
        return replace(
            self,
            a=self.b,
            b=self.a,
            value=None if self.value is None else 0.0 - self.value,
            interval=found and replace(found, low=0.0 - found.high, high=0.0 - found.low),
        )

    def __str__(self) -> str:
        """The verdict as a sentence, with what it rests on."""
        if self.value is None or self.interval is None:
            return f"{self.a} and {self.b} cannot be compared. {' '.join(self.remarks)}".rstrip()
        found = (
            f"{self.value:+.4f}, {100 * self.level:g} % interval "
            f"{self.interval.low:+.4f} to {self.interval.high:+.4f}"
        )
        if self.p_adjusted is not None:
            found += f", p = {self.p_adjusted:.2g}"
        words = {
            "better": f"{self.a} is better than {self.b}",
            "worse": f"{self.a} is worse than {self.b}",
            "equivalent": f"{self.a} and {self.b} are equivalent within ±{self.margin:g}",
        }
        text = words.get(self.verdict, f"No detectable difference between {self.a} and {self.b}")
        text += f" ({found})."
        if self.verdict == "no detectable difference":
            text += f" {self._more()}"
        return text

    def _more(self) -> str:
        """How many more groups would detect what was found."""
        if self.needed is None:
            if self.spread is not None and self.spread.repeats:
                return f"More {self.unit_name} alone would not do: the trainings differ too much."
            return "No number of them up to a million would detect one of this size."
        more = self.needed - self.groups
        if more <= 0:
            return f"With {self.groups} {self.unit_name} one of this size is seen 4 times of 5."
        text = f"About {more} more {self.unit_name}"
        if self.unit_name != "images":
            text += f" ({round(more * self.images / self.groups)} images)"
        return f"{text} would detect one of this size 4 times of 5."

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; n/a is None."""
        return {
            "a": self.a,
            "b": self.b,
            "metric": self.estimand.metric,
            "classes": self.estimand.classes and list(self.estimand.classes),
            "description": self.description,
            "difference": self.value,
            "interval": self.interval and self.interval.to_json(),
            "spread": self.spread and self.spread.to_json(),
            "p_value": self.p_value,
            "p_adjusted": self.p_adjusted,
            "p_swap": self.p_swap,
            "p_bootstrap": self.p_bootstrap,
            "p_repeats": self.p_repeats,
            "p_equivalent": self.p_equivalent,
            "p_equivalent_adjusted": self.p_equivalent_adjusted,
            "margin": self.margin,
            "verdict": self.verdict,
            "groups": self.groups,
            "images": self.images,
            "needed": self.needed,
            "sentence": str(self),
            "remarks": list(self.remarks),
        }


def measure_difference(
    a: GroupCounts,
    b: GroupCounts,
    estimand: Estimand = MIOU,
    *,
    names: tuple[str, str] = ("a", "b"),
    margin: float = MARGIN,
    level: float = 0.95,
    method: Method | None = None,
    class_names: tuple[str, ...] | None = None,
    tests: int = 1,
    resamples: int = RESAMPLES,
    swaps: int = SWAPS,
    seed: int = 0,
) -> Difference:
    """Compares two runs, or two recipes by their repeats, on the same images.

    Args:
        a: counts of the one, from `count_groups`.
        b: of the other, on the same images in the same groups.
        estimand: what is compared.
        names: of the two, for the sentences.
        margin: the largest difference that does not matter; to be fixed before looking.
        level: of the interval; 1 - level is the size of the tests.
        method: of the interval, another one than `Figure.interval` would choose.
        class_names: for the remarks.
        tests: how many pairs are compared together, for `needed` and the remarks.
        resamples: of the bootstrap.
        swaps: of groups, where not all ways are tried.
        seed: of both.

    Raises:
        DataError: the two are not of the same images, groups and classes, or an argument is none.

    >>> from intarsia.statistics.counts import count_groups
    >>> one = np.array([[[n, 3], [2, 9]] for n in range(10, 30)])
    >>> two = one + [[2, -2], [0, 0]]
    >>> print(measure_difference(count_groups(two), count_groups(one), names=("two", "one")))
    two is better than one (+0.0944, 95 % interval +0.0898 to +0.0990, p = 0.0002).
    """
    check_level(level)
    check_margin(margin)
    _check_paired(a, b, names)
    mine, other = estimand.ratios(a.values), estimand.ratios(b.values)
    figure = measure_figure(mine, other, resamples=resamples, seed=seed)
    spread = None if figure is None else figure.spread
    unmeasured = Difference(
        a=names[0],
        b=names[1],
        estimand=estimand,
        description=estimand.describe(a),
        value=known(mean_over_repeats(mine) - mean_over_repeats(other)),
        margin=margin,
        level=level,
        groups=len(a.groups),
        images=sum(a.images),
        unit_name=a.unit_name,
        remarks=pair_remarks(a, b, estimand, spread, class_names, level, tests),
    )
    if figure is None:
        return unmeasured
    p_swap = None
    if a.repeats == b.repeats:
        p_swap = swap_test(mine, other, swaps=swaps, seed=seed).p_value
    p_repeats = _repeats_p(figure)
    p_equivalent = equivalence_p(figure.value, figure.spread, margin)
    return replace(
        unmeasured,
        interval=figure.interval(level, method),
        spread=figure.spread,
        p_swap=p_swap,
        p_bootstrap=_bootstrap_p(figure),
        p_repeats=p_repeats,
        p_equivalent=p_equivalent,
        p_adjusted=p_swap if p_repeats is None else p_repeats,
        p_equivalent_adjusted=p_equivalent,
        needed=_needed(figure, a, b, level, tests),
    )


def _needed(figure: Figure, a: GroupCounts, b: GroupCounts, level: float, tests: int) -> int | None:
    needed = groups_needed(
        figure.value, figure.spread, len(a.groups), level=1 - (1 - level) / tests
    )
    if needed is not None and a.repeats == b.repeats == 1:
        return max(needed, fewest_groups(level, tests))
    return needed


def _check_paired(a: GroupCounts, b: GroupCounts, names: tuple[str, str]) -> None:
    where = f"{names[0]}, {names[1]}"
    if a.classes != b.classes:
        raise DataError(
            f"the runs have {a.classes} and {b.classes} classes", where=where, expected="as many"
        )
    if a.groups != b.groups or a.images != b.images:
        raise DataError(
            "the runs were not measured on the same images",
            where=where,
            expected="the same images in the same groups",
            hint="evaluate both on the same data and split",
        )
    if not np.array_equal(a.values[0, :, 1], b.values[0, :, 1]):
        raise DataError(
            "the runs were measured against different truth",
            where=where,
            expected="one label map, and masks that have not changed in between",
            hint="evaluate both again",
        )


def _bootstrap_p(figure: Figure) -> float | None:
    """Two-sided, studentised: Efron & Tibshirani 1993, 16.4; Davison & Hinkley 1997, 4.4."""
    if figure.spread.groups == 0:
        return 1.0 if figure.value == 0 else None
    usable = figure.replicates.errors > 0
    values, errors = figure.replicates.values[usable], figure.replicates.errors[usable]
    found = abs(figure.value) / figure.spread.groups
    as_far = int((np.abs(values - figure.value) / errors >= found).sum())
    return (as_far + 1) / (len(values) + 1)


def _repeats_p(figure: Figure) -> float | None:
    """Two-sided t-test with the trainings as a source of error; None where there are no repeats."""
    if figure.spread.repeats is None:
        return None
    if figure.spread.total == 0:
        return 1.0 if figure.value == 0 else 0.0
    return float(2 * stats.t.sf(abs(figure.value) / figure.spread.total, figure.spread.freedom))
