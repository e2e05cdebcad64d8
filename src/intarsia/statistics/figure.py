"""One number with all that is known of its uncertainty: a metric, or the difference of two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from intarsia.errors import DataError
from intarsia.statistics.counts import Numbers
from intarsia.statistics.interval import (
    Interval,
    Method,
    bca_interval,
    bootstrap_t_interval,
    logit_t_interval,
    percentile_interval,
    t_interval,
)
from intarsia.statistics.jackknife import leave_one_out
from intarsia.statistics.ratios import mean_of_ratios
from intarsia.statistics.resampling import RESAMPLES, Replicates, resample
from intarsia.statistics.spread import Spread, measure_spread


@dataclass(frozen=True, eq=False)
class Figure:
    """`value`, the mean over the repeats, of (S, G, 2, Q) ratios; `left` (G,) without each group.

    Without `other` it is a metric, which lies between 0 and 1, else the difference of the two.
    """

    value: float
    ratios: Numbers
    other: Numbers | None
    spread: Spread
    left: Numbers
    resamples: int
    seed: int

    @cached_property
    def replicates(self) -> Replicates:
        """Drawn when they are asked for: the default interval needs none."""
        return resample(self.ratios, self.other, resamples=self.resamples, seed=self.seed)

    def interval(self, level: float, method: Method | None = None) -> Interval:
        """The interval that holds the true value in a share `level` of all such data.

        By default Student's t, of a metric on its log-odds (`logit-t`), with the standard error by
        the jackknife over groups, and by the repeats: of all methods here it came closest to
        `level` with 8 to 100 groups, even or not, where the percentile and BCa intervals are too
        narrow (docs/benchmarks.md). Repeats are in no other interval.
        """
        if method is None:
            method = "logit-t" if self.other is None else "t"
        found = self._interval(level, method)
        # no metric, and no difference of two, lies further away, however few the groups
        lowest = 0.0 if self.other is None else -1.0
        return replace(found, low=max(found.low, lowest), high=min(found.high, 1.0))

    def _interval(self, level: float, method: Method) -> Interval:
        if method == "logit-t":
            return logit_t_interval(self.value, self.spread.total, self.spread.freedom, level)
        if method == "t":
            return t_interval(self.value, self.spread.total, self.spread.freedom, level)
        if method == "bootstrap-t":
            return bootstrap_t_interval(self.value, self.spread.groups, self.replicates, level)
        if method == "bca":
            return bca_interval(self.value, self.replicates, self.left, level)
        return percentile_interval(self.replicates, level)


def measure_figure(
    ratios: Numbers,
    other: Numbers | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Figure | None:
    """The figure of (S, G, 2, Q) ratios; with `other` (T, G, 2, Q) the difference of the two.

    None where it has no interval: one group, or no figure at all, or none without some group.
    """
    value = mean_over_repeats(ratios)
    if other is not None:
        value -= mean_over_repeats(other)
    left = leave_one_out(ratios, other)
    if ratios.shape[1] < 2 or not np.isfinite(value) or not np.isfinite(left).all():
        return None
    return Figure(
        value=value,
        ratios=ratios,
        other=other,
        spread=measure_spread(ratios, other),
        left=left,
        resamples=resamples,
        seed=seed,
    )


def mean_over_repeats(ratios: Numbers) -> float:
    """The figure of (S, G, 2, Q) ratios; NaN where it is n/a."""
    return float(mean_of_ratios(ratios.sum(axis=1)).mean())


def known(value: float) -> float | None:
    """The value, or None where it is n/a (NaN)."""
    return None if np.isnan(value) else value


def check_level(level: float) -> None:
    """Raises DataError where the level of an interval is none."""
    if not 0.5 <= level < 1:
        raise DataError(f"the level of an interval is {level}", expected="0.5 to 1, say 0.95")
