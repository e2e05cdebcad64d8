"""Comparing finished runs on the same images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from intarsia.comparison.annotator import annotator_matrices
from intarsia.comparison.comparison import Comparison, Entry
from intarsia.comparison.contender import Contender, contender_of, told_apart
from intarsia.comparison.cost import Cost, measure_costs
from intarsia.comparison.judged_images import JudgedImages
from intarsia.comparison.remarks import comparison_remarks
from intarsia.comparison.seen import LeakCheck, check_unseen, chosen_on
from intarsia.comparison.sheets import judged_sheet, matrices_of
from intarsia.datasets import Dataset
from intarsia.datasets.primary import Primary
from intarsia.errors import DataError
from intarsia.evaluation import OUT_OF_FOLD, Evaluation, primary_estimand
from intarsia.file_cache import FileCache
from intarsia.runs import CrossValidation, Run
from intarsia.statistics import (
    MEAN_DICE,
    MICRO_IOU,
    MIOU,
    PIXEL_ACCURACY,
    Estimand,
    GroupCounts,
    compare_pairs,
    count_groups,
    estimate,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN = 0.01
_METRICS = (MIOU, MICRO_IOU, MEAN_DICE, PIXEL_ACCURACY)


@dataclass(frozen=True, eq=False)
class _Measured:
    """A contender with what its repeats made of each image."""

    contender: Contender
    sheets: tuple[Evaluation, ...]
    matrices: tuple[NDArray[np.integer], ...]
    counts: GroupCounts


def compare(
    runs: Sequence[Contender | Run | str | Path],
    data: Dataset | str | Path | None = None,
    split: str = "val",
    *,
    group_by: str | None = None,
    margin: float = MARGIN,
    level: float = 0.95,
    device: str = "auto",
    cache: FileCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compares finished runs on one split of `data`, by default that of the first run.

    Each of `runs` is a run, its folder, a folder that holds the repeats of one recipe (runs that
    differ in their seed only), or a folder of masks by a second annotator. A run's own sheet of
    these very images is used where there is one; otherwise it is measured now, and a look at
    `test` is recorded. Intervals are over the data's groups, over images where there are none, or
    over the groups that `group_by` makes (`blocks:12`: see docs/splits.md). `margin` is the
    difference that does not matter. `cache` spares the check for leaks the files that it knows;
    `progress` is called with (images measured, all of them, those of every run).

    Raises:
        DataError: fewer than two contenders, classes or images that are not the same, an image
            that one of the runs was trained on, or a margin that is none.
        RunError: a run that is not finished or cannot be read.
        ModelError: the network of a run gives no numbers.
    """
    check_margin(margin)
    contenders = told_apart([contender_of(run) for run in runs])
    ready = [each for each in contenders if each.runs or each.annotator]
    failed = tuple(each for each in contenders if each not in ready)
    trained = [run for each in ready for run in each.runs]
    _check_count(ready, failed)
    check_runs(trained, split)
    dataset = in_their_classes(data, trained[0], cache)
    judged = JudgedImages.of(dataset, split, group_by)
    for run in trained:
        check_unseen(run, judged)
    measured = _measure(ready, judged, device, progress)
    names = tuple(dataset.labels.names)
    estimand = primary_estimand(dataset.primary, dataset.labels)
    late = _trained_before(ready, judged)
    costs = measure_costs(
        {each.contender.name: each.contender.runs for each in measured},
        {each.contender.name: each.sheets for each in measured},
        judged,
        device,
    )
    leak_check = LeakCheck(judged, cache)
    entries = tuple(
        _entry(each, costs[each.contender.name], leak_check, judged, estimand, level)
        for each in measured
    )
    pairs = compare_pairs(
        {each.contender.name: each.counts for each in measured},
        estimand,
        margin=margin,
        level=level,
        class_names=names,
    )
    return Comparison(
        data=dataset.name,
        split=split,
        labels=dataset.labels,
        files=judged.names,
        groups=judged.groups,
        estimand=estimand,
        declared=dataset.primary is not None,
        primary_late=bool(late),
        margin=margin,
        level=level,
        entries=entries,
        pairs=pairs,
        failed=failed,
        remarks=comparison_remarks(entries, pairs, names, late),
        given=tuple(each.name for each in contenders),
        group_by=group_by,
    )


def check_margin(margin: float) -> None:
    """Raises DataError where the margin is no difference between two shares."""
    if not 0 < margin < 1:
        raise DataError(
            f"the margin is {margin}",
            expected="the largest difference that does not matter, between 0 and 1, say 0.01",
        )


def check_same_classes(labels: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> None:
    """Raises DataError where trainings differ in their classes, or in those that they ignore.

    Each has its name, its classes in their order, and the classes that it ignores.
    """
    first, classes, ignored = labels[0]
    for name, others, left_out in labels[1:]:
        if list(others) != list(classes):
            raise DataError(
                f"{first} and {name} have different classes",
                expected=f"those of {first}: {', '.join(classes)}",
                hint=f"{name} has: {', '.join(others)}",
            )
        if sorted(left_out) != sorted(ignored):
            raise DataError(
                f"{first} and {name} ignore different classes",
                expected=f"{first} ignores {', '.join(ignored) or 'none'}",
                hint=f"{name} ignores {', '.join(left_out) or 'none'}",
            )


def _check_count(ready: Sequence[Contender], failed: Sequence[Contender]) -> None:
    if len(ready) < 2 or not any(each.runs for each in ready):
        raise DataError(
            f"{len(ready)} to compare: {', '.join(each.name for each in ready) or 'none'}",
            expected="two runs or more, or a run and a second annotator",
            hint="; ".join(f"{each.name}: {each.failures[-1]}" for each in failed) or None,
        )


def check_runs(runs: Sequence[Run], split: str) -> None:
    """Raises where the runs cannot be compared with each other, whatever the data."""
    check_same_classes([(str(run.path), run.labels.names, run.manifest["ignored"]) for run in runs])
    single = [run.name for run in runs if not isinstance(run, CrossValidation)]
    if split == OUT_OF_FOLD and single:
        raise DataError(
            f"{single[0]} is a single training, which has no folds",
            expected="folders of `intarsia train --folds`",
            hint="compare on test, or on data that none of the runs has seen",
        )


def in_their_classes(
    data: Dataset | str | Path | None, run: Run, cache: FileCache | None
) -> Dataset:
    """The data with the classes of the runs."""
    if data is None:
        return run.dataset()
    given = data if isinstance(data, Dataset) else Dataset.open(data, cache=cache)
    dataset = given.ignoring(run.recipe.data.ignore).keeping(run.recipe.data.classes)
    if dataset.labels.names != run.labels.names:
        raise DataError(
            f"the classes of the data are not those of {run.path}",
            where=dataset.root,
            expected=", ".join(run.labels.names),
            hint=f"the data have: {', '.join(dataset.labels.names)}",
        )
    return dataset


def _measure(
    contenders: Sequence[Contender],
    judged: JudgedImages,
    device: str,
    progress: Callable[[int, int], None] | None,
) -> list[_Measured]:
    total = len(judged.names) * sum(len(each.runs) for each in contenders)
    done = 0
    told = None
    if progress is not None:
        progress(0, total)
    measured = []
    for each in contenders:
        sheets, matrices = [], []
        for run in each.runs:
            if progress is not None:
                told = partial(_told, progress, done, total)
            sheet = judged_sheet(run, judged, device, told)
            sheets.append(sheet)
            matrices.append(matrices_of(sheet, judged, run))
            done += len(judged.names)
            if progress is not None:
                progress(done, total)
        if each.annotator is not None:
            matrices.append(annotator_matrices(each.annotator, judged.data, judged.samples))
        counts = count_groups(matrices, judged.groups)
        measured.append(_Measured(each, tuple(sheets), tuple(matrices), counts))
    return measured


def _told(progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _trained_before(contenders: Sequence[Contender], judged: JudgedImages) -> list[str]:
    """Those whose training had these very images, without the primary figure of today."""
    now = judged.data.primary
    if now is None:
        return []
    return [
        each.name
        for each in contenders
        if any(
            judged.known_to(run.manifest) and Primary.from_json(run.manifest.get("primary")) != now
            for run in each.runs
        )
    ]


def _entry(
    measured: _Measured,
    cost: Cost,
    leak_check: LeakCheck,
    judged: JudgedImages,
    estimand: Estimand,
    level: float,
) -> Entry:
    runs, counts = measured.contender.runs, measured.counts
    names = tuple(judged.data.labels.names)
    leaks = [leak_check.leaks(run) for run in runs]
    return Entry(
        contender=measured.contender,
        matrices=measured.matrices,
        sheets=measured.sheets,
        primary=estimate(counts, estimand, level=level, names=names),
        estimates={m.metric: estimate(counts, m, level=level, names=names) for m in _METRICS},
        class_estimates=tuple(
            estimate(counts, Estimand("miou", (k,)), level=level, names=names)
            for k in range(len(names))
        ),
        cost=cost,
        leaks=tuple(dict.fromkeys(leak for each in leaks for leak in each or ())),
        leaks_checked=None not in leaks,
        chosen_on=max((chosen_on(run, judged) for run in runs), default=0),
        test_looks=max((run.test_looks for run in runs), default=0),
    )
