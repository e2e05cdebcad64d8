"""A figure of one run, or of the repeats of one recipe, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from intarsia.statistics.counts import GroupCounts
from intarsia.statistics.estimand import MIOU, Estimand
from intarsia.statistics.figure import check_level, known, mean_over_repeats, measure_figure
from intarsia.statistics.interval import Interval, Method
from intarsia.statistics.ratios import mean_of_ratios
from intarsia.statistics.remarks import repeat_remarks, sample_remarks, undefined_classes
from intarsia.statistics.resampling import RESAMPLES
from intarsia.statistics.spread import Spread


@dataclass(frozen=True)
class Estimate:
    """`value`, the mean over the repeats, whose own are `values`; None is n/a.

    `undefined` are the ids of classes that are n/a and left out of a macro mean. `description`
    states the estimand. `remarks` are for whoever reads the interval.
    """

    estimand: Estimand
    description: str
    value: float | None
    values: tuple[float | None, ...]
    interval: Interval | None
    spread: Spread | None
    groups: int
    images: int
    undefined: tuple[int, ...]
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        if self.value is None:
            return "n/a"
        if self.interval is None:
            return f"{self.value:.3f} (no interval)"
        between = f"{self.interval.low:.3f} to {self.interval.high:.3f}"
        return f"{self.value:.3f} ({100 * self.interval.level:g} %: {between})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; n/a is None."""
        return {
            "metric": self.estimand.metric,
            "classes": self.estimand.classes and list(self.estimand.classes),
            "description": self.description,
            "value": self.value,
            "values": list(self.values),
            "interval": self.interval and self.interval.to_json(),
            "spread": self.spread and self.spread.to_json(),
            "groups": self.groups,
            "images": self.images,
            "undefined": list(self.undefined),
            "remarks": list(self.remarks),
        }


def estimate(
    counts: GroupCounts,
    estimand: Estimand = MIOU,
    *,
    level: float = 0.95,
    method: Method | None = None,
    names: tuple[str, ...] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Estimates a metric with an interval over groups, and over repeats where there are some.

    Args:
        counts: of one run or of the repeats of one recipe, from `count_groups`.
        estimand: what to estimate.
        level: of the interval.
        method: another one than `Figure.interval` would choose.
        names: of the classes, for the remarks.
        resamples: of the bootstrap, for the methods that need one.
        seed: of the bootstrap.

    Raises:
        DataError: the level is no share, or a class of the estimand is not there.

    >>> import numpy as np
    >>> from intarsia.statistics.counts import count_groups
    >>> matrices = np.array([[[n, 1], [2, 9]] for n in range(10, 30)])
    >>> print(estimate(count_groups(matrices)))
    0.808 (95 %: 0.800 to 0.816)
    """
    check_level(level)
    ratios = estimand.ratios(counts.values)
    figure = measure_figure(ratios, resamples=resamples, seed=seed)
    spread = None if figure is None else figure.spread
    return Estimate(
        estimand=estimand,
        description=estimand.describe(counts),
        value=known(mean_over_repeats(ratios)),
        values=tuple(known(float(value)) for value in mean_of_ratios(ratios.sum(axis=1))),
        interval=None if figure is None else figure.interval(level, method),
        spread=spread,
        groups=len(counts.groups),
        images=sum(counts.images),
        undefined=undefined_classes(counts, estimand),
        remarks=(
            *sample_remarks(counts, estimand, spread, names),
            *repeat_remarks(counts),
        ),
    )
