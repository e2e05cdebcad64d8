"""What must be said beside an interval: where it cannot be trusted, and what it leaves out."""

from __future__ import annotations

from intarsia.statistics.counts import GroupCounts
from intarsia.statistics.estimand import MACRO, Estimand
from intarsia.statistics.spread import Spread
from intarsia.statistics.swaps import fewest_groups

FEW_GROUPS = 10
# groups: what a class is like in others, one or two of them hardly tell (on made data the intervals
# of macro mIoU held the truth all the same: docs/benchmarks.md; real classes may be less kind)
THIN = 3


def sample_remarks(
    counts: GroupCounts,
    estimand: Estimand,
    spread: Spread | None,
    names: tuple[str, ...] | None,
) -> tuple[str, ...]:
    """Sentences about what was measured, the same for all runs on it; `names` of the classes."""
    remarks = []
    groups = len(counts.groups)
    unit = counts.unit_name
    if groups == 1:
        remarks.append(f"One {counts.unit}: how much others would differ cannot be known (n/a).")
    elif groups < FEW_GROUPS:
        remarks.append(f"Only {groups} {unit}: the interval rests on few and is itself uncertain.")
    elif spread is not None and (even := round(spread.group_freedom + 1)) < FEW_GROUPS:
        remarks.append(
            f"{groups} {unit} of unequal size, which tell as much as {even}: the interval rests on "
            "few and is itself uncertain."
        )
    chosen = range(counts.classes) if estimand.classes is None else estimand.classes
    thin = [k for k in chosen if 0 < counts.present[k] < THIN]
    if thin and groups > 1 and estimand.metric in MACRO:
        listed = ", ".join(
            f"{names[k] if names else f'class {k}'} ({counts.present[k]})" for k in thin
        )
        remarks.append(
            f"In fewer than {THIN} {unit}: {listed}. What they are like in others is hardly known."
        )
    return tuple(remarks)


def pair_remarks(
    a: GroupCounts,
    b: GroupCounts,
    estimand: Estimand,
    spread: Spread | None,
    names: tuple[str, ...] | None,
    level: float,
    tests: int,
) -> tuple[str, ...]:
    """Sentences about what two runs were compared on, in one of so many tests."""
    remarks = [*sample_remarks(a, estimand, spread, names), *repeat_remarks(a, b)]
    groups, fewest = len(a.groups), fewest_groups(level, tests)
    if 1 < groups < fewest and a.repeats == b.repeats == 1:
        remarks.append(
            f"With {groups} {a.unit_name} no difference, however clear, can be told from chance"
            + (f" among {tests}" if tests > 1 else "")
            + f": it takes {fewest}."
        )
    unequal = set(undefined_classes(a, estimand)) ^ set(undefined_classes(b, estimand))
    if unequal and estimand.metric in MACRO:
        listed = ", ".join(names[k] if names else f"class {k}" for k in sorted(unequal))
        remarks.append(
            f"In no truth, predicted by one of the two only, whose mean counts it as 0: {listed}."
        )
    return tuple(remarks)


def repeat_remarks(*runs: GroupCounts) -> tuple[str, ...]:
    """Sentences about the trainings behind each run."""
    once = [run for run in runs if run.repeats == 1]
    if not once:
        return ()
    if len(once) < len(runs):
        return ("One of the two was trained once: how much its trainings differ is left out.",)
    return ("Trained once: the interval is of these weights; other seeds are not in it.",)


def undefined_classes(counts: GroupCounts, estimand: Estimand) -> tuple[int, ...]:
    """The classes that are n/a, in neither truth nor prediction of any repeat.

    Of the mean accuracy those that are not in the truth.

    >>> import numpy as np
    >>> from intarsia.statistics.counts import count_groups
    >>> undefined_classes(count_groups(np.array([[[3, 0], [0, 0]]])), Estimand("miou"))
    (1,)
    """
    chosen = range(counts.classes) if estimand.classes is None else estimand.classes
    last = 2 if estimand.metric == "mean_accuracy" else 3
    pixels = counts.values[:, :, 1:last].sum(axis=(0, 1, 2))
    return tuple(k for k in chosen if pixels[k] == 0)
