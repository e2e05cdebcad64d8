"""How uncertain a figure is: by the groups that were measured, by the trainings, and by both.

The two sources are crossed: every training is measured on every group, as every reader reads every
case in studies of diagnosis. Their variances are found and added as there: pseudo-values by group,
analysis of variance in two ways, degrees of freedom by Satterthwaite (Dorfman, Berbaum & Metz,
*Investigative Radiology* 1992; Hillis, *Statistics in Medicine* 2007). That the training is a
source of its own, often as large as the other, and what it takes: Bouthillier et al., *Accounting
for Variance in Machine Learning Benchmarks* (MLSys 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intarsia.statistics.counts import Numbers
from intarsia.statistics.jackknife import jackknife_error, leave_one_out
from intarsia.statistics.ratios import influences, mean_of_ratios


@dataclass(frozen=True)
class Spread:
    """Standard errors of a figure, mean over the repeats.

    `groups` is by the groups alone, with these very trainings. `repeats` is what the trainings
    add; None where there was one, of which nobody can tell. `freedom` are the degrees of freedom
    of `total`, and `group_freedom` and `repeat_freedom` those of its parts: by the groups as many
    as groups of equal size would have.
    """

    groups: float
    repeats: float | None
    group_freedom: float
    repeat_freedom: float | None

    def to_json(self) -> dict[str, float | None]:
        """Plain JSON, with the total."""
        return {
            "groups": self.groups,
            "repeats": self.repeats,
            "total": self.total,
            "freedom": self.freedom,
        }

    @property
    def total(self) -> float:
        return float(np.hypot(self.groups, self.repeats or 0.0))

    @property
    def freedom(self) -> float:
        return self.freedom_of(self.groups, self.group_freedom)

    def freedom_of(self, groups: float, group_freedom: float) -> float:
        """Satterthwaite's, were the error by the groups `groups` with `group_freedom`."""
        if not self.repeats or not self.repeat_freedom:
            return group_freedom
        total = groups**2 + self.repeats**2
        parts = groups**4 / group_freedom + self.repeats**4 / self.repeat_freedom
        return total**2 / parts


def measure_spread(ratios: Numbers, other: Numbers | None = None) -> Spread:
    """The spread of the figure of (S, G, 2, Q) ratios, G > 1.

    With `other` (T, G, 2, Q), of another run on the same groups, that of the difference: the
    groups are paired, the trainings are not, so that both add theirs.
    """
    groups = jackknife_error(leave_one_out(ratios, other))
    freedom = max(effective_groups(ratios if other is None else [*ratios, *other]) - 1, 1.0)
    variances = []
    for run in (ratios,) if other is None else (ratios, other):
        if len(run) > 1:
            variances.append((_added_variance(run), len(run) - 1))
    if not variances:
        return Spread(groups, None, freedom, None)
    repeats = sum(variance for variance, _ in variances)
    parts = sum(variance**2 / degrees for variance, degrees in variances)
    return Spread(
        groups=groups,
        repeats=float(np.sqrt(repeats)),
        group_freedom=freedom,
        repeat_freedom=repeats**2 / parts if parts > 0 else None,
    )


def effective_groups(runs: Numbers | Sequence[Numbers]) -> float:
    """How many groups of equal size would tell as much as those of (S, G, 2, Q) ratios, or fewer.

    1 / the sum of the squared shares w that each has of the denominators (Kish, *Survey Sampling*
    1965), mean over the ratios. Student's t with as many degrees of freedom, less one, is what
    groups of unequal size need (Carter, Schnepel & Steigerwald, *Review of Economics and
    Statistics* 2017).

    >>> effective_groups(np.array([[[[1.0], [2.0]], [[1.0], [2.0]], [[3.0], [4.0]]]]))
    2.6666666666666665
    """
    shares = []
    for run in runs:
        below = run[:, 1]
        below = below[:, below.sum(axis=0) > 0]
        shares.append((below / below.sum(axis=0)).mean(axis=1))
    return float(1 / (np.mean(shares, axis=0) ** 2).sum())


def _added_variance(ratios: Numbers) -> float:
    """What the trainings add to the variance of their mean, beyond what the groups show already.

    How differently the trainings do on single groups (the interaction) is in the variance between
    groups, too, and is taken off once.
    """
    repeats, count = ratios.shape[:2]
    totals = ratios.sum(axis=1)
    values = mean_of_ratios(totals)
    parts = np.stack([influences(run, total) for run, total in zip(ratios, totals, strict=True)])
    apart = parts - parts.mean(axis=0)
    both = float((apart**2).sum()) * count / (count - 1) / (repeats - 1)
    alone = float(np.var(values, ddof=1)) - both
    return float(max(alone, 0.0) / repeats)
