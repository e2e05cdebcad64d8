"""Comparing finished runs on the same images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from intarsia.comparison.annotator import annotator_matrices
from intarsia.comparison.comparison import Comparison, Entry
from intarsia.comparison.contender import Contender, open_contender
from intarsia.comparison.cost import Cost, count_multiply_adds, measure_cost, time_in_turn
from intarsia.comparison.remarks import comparison_remarks
from intarsia.comparison.seen import check_unseen, chosen_on, split_leaks
from intarsia.datasets import Dataset
from intarsia.datasets.content import fingerprint
from intarsia.datasets.groups import group_samples, parse_rule
from intarsia.datasets.manifest import mask_digest
from intarsia.errors import DataError, RunError
from intarsia.evaluation import OUT_OF_FOLD, Evaluation, evaluate, load_sheet
from intarsia.evaluation.names import sheet_name
from intarsia.file_cache import FileCache
from intarsia.prediction import Predictor
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

    from intarsia.datasets import Sample

MARGIN = 0.01
_METRICS = (MIOU, MICRO_IOU, MEAN_DICE, PIXEL_ACCURACY)
_TIMED = 3  # images, evenly spaced


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
    `progress` is called with (runs measured, all of them).

    Raises:
        DataError: fewer than two contenders, classes or images that are not the same, or an image
            that one of the runs was trained on.
        RunError: a run that is not finished or cannot be read.
    """
    contenders = _named([_contender(run) for run in runs])
    ready = [each for each in contenders if each.runs or each.annotator]
    failed = tuple(each for each in contenders if each not in ready)
    trained = [run for each in ready for run in each.runs]
    if len(ready) < 2 or not trained:
        raise DataError(
            f"{len(ready)} to compare: {', '.join(c.name for c in ready) or 'none'}",
            expected="two runs or more, or a run and a second annotator",
            hint="; ".join(f"{c.name}: {c.failures[-1]}" for c in failed) or None,
        )
    given = _opened(data, trained[0])
    _check_labels(trained, given)
    recipe = trained[0].recipe.data
    dataset = given.ignoring(recipe.ignore).keeping(recipe.classes)
    samples = _samples(dataset, split, trained)
    digests = {sample.name: fingerprint(sample.image)[1] for sample in samples}
    for run in trained:
        check_unseen(run, digests, dataset.root)
    groups = _groups(dataset, samples, group_by)
    measured: list[_Measured] = []
    done = 0
    for each in ready:
        sheets = []
        for run in each.runs:
            sheets.append(_sheet(run, given, split, samples, digests, device))
            done += 1
            if progress is not None:
                progress(done, len(trained))
        matrices = [
            _in_order(sheet, samples, run) for sheet, run in zip(sheets, each.runs, strict=True)
        ]
        if each.annotator is not None:
            matrices = [annotator_matrices(each.annotator, dataset, samples)]
        measured.append(
            _Measured(each, tuple(sheets), tuple(matrices), count_groups(matrices, groups))
        )
    names = tuple(dataset.labels.names)
    estimand = MIOU
    costs = _costs(measured, given, samples, device)
    leaks = {run.path: split_leaks(run, cache) for run in trained}
    entries = tuple(
        _entry(each, costs[each.contender.name], leaks, digests, split, estimand, names, level)
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
        files=tuple(sample.name for sample in samples),
        groups=tuple(groups),
        estimand=estimand,
        declared=False,
        margin=margin,
        level=level,
        entries=entries,
        pairs=pairs,
        failed=failed,
        remarks=comparison_remarks(entries, pairs, split),
        group_by=group_by,
    )


def _contender(run: Contender | Run | str | Path) -> Contender:
    if isinstance(run, Contender):
        return run
    return Contender(run.name, (run,)) if isinstance(run, Run) else open_contender(run)


def _named(contenders: Sequence[Contender]) -> list[Contender]:
    """The same with names that tell them apart: folders of equal names get their parents'."""
    names = [each.name for each in contenders]
    doubled = {name for name in names if names.count(name) > 1}
    found: list[Contender] = []
    for each in contenders:
        name = each.name
        if name in doubled:
            folder = each.annotator or each.runs[0].path
            name = f"{folder.resolve().parent.name}/{name}"
        if any(other.name == name for other in found):
            raise DataError(
                f'"{name}" takes part twice', expected="runs whose folders differ in their names"
            )
        found.append(Contender(name, each.runs, each.annotator, each.failures))
    return found


def _opened(data: Dataset | str | Path | None, first: Run) -> Dataset:
    if data is None:
        return first.dataset()
    return data if isinstance(data, Dataset) else Dataset.open(data)


def _check_labels(runs: Sequence[Run], data: Dataset) -> None:
    """Raises where the runs do not have the same classes in the same order."""
    first = runs[0]
    for run in runs[1:]:
        if run.labels.names != first.labels.names:
            raise DataError(
                f"{first.name} and {run.name} have different classes",
                where=run.path,
                expected=f"those of {first.name}: {', '.join(first.labels.names)}",
                hint=f"{run.name} has: {', '.join(run.labels.names)}",
            )
        if sorted(run.manifest["ignored"]) != sorted(first.manifest["ignored"]):
            raise DataError(
                f"{first.name} and {run.name} ignore different classes",
                where=run.path,
                expected=f"{first.name} ignores {_listed(first.manifest['ignored'])}",
                hint=f"{run.name} ignores {_listed(run.manifest['ignored'])}",
            )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _samples(data: Dataset, split: str, runs: Sequence[Run]) -> tuple[Sample, ...]:
    """The images to compare on."""
    if split != OUT_OF_FOLD:
        samples = data.split(split)
    else:
        single = [run.name for run in runs if not isinstance(run, CrossValidation)]
        if single:
            raise DataError(
                f"{single[0]} is a single training", expected="folders of `intarsia train --folds`"
            )
        samples = tuple(sample for sample in data.samples if sample.fold is not None)
    unlabelled = [sample.name for sample in samples if sample.mask is None]
    if unlabelled or not samples:
        raise DataError(
            f"{len(unlabelled)} images of {split} have no mask: {', '.join(unlabelled[:3])}"
            if samples
            else f"no images in {split}",
            where=data.root,
        )
    return samples


def _groups(data: Dataset, samples: Sequence[Sample], rule: str | None) -> list[str]:
    """The group of every image; its own name where it is one of its own."""
    if rule is None:
        return [sample.group or sample.name for sample in samples]
    found = group_samples(samples, [parse_rule(rule)], root=data.root, read=data.read_image)
    return [found.get(sample.name) or sample.name for sample in samples]


def _sheet(
    run: Run,
    data: Dataset,
    split: str,
    samples: Sequence[Sample],
    digests: Mapping[str, str],
    device: str,
) -> Evaluation:
    """The run's own sheet of these very images and masks, measured now where there is none."""
    name = sheet_name(str(run.manifest["name"]), split, run.settings)
    if (run.path / "evaluations" / f"{name}.npz").is_file():
        known = {item["name"]: item for item in run.manifest["samples"]}
        same = all(
            sample.name in known
            and known[sample.name]["sha256"] == digests[sample.name]
            and known[sample.name]["mask_sha256"] == mask_digest(sample.mask)
            for sample in samples
        )
        if same:
            sheet = load_sheet(run, name)
            if sorted(row.file for row in sheet.per_image) == sorted(digests):
                return sheet
    return evaluate(run, data, split, splits="data", device=device)


def _in_order(sheet: Evaluation, samples: Sequence[Sample], run: Run) -> NDArray[np.integer]:
    """(N, K, K) matrices in the order of the samples."""
    places = {row.file: place for place, row in enumerate(sheet.per_image)}
    missing = [sample.name for sample in samples if sample.name not in places]
    if missing or sheet.matrices is None:
        raise RunError(
            f"{run.name} has no figures on {len(missing)} of {len(samples)} images: "
            f"{', '.join(missing[:3])}",
            where=run.path,
            expected="runs that are measured on the same images",
        )
    return np.asarray(sheet.matrices[[places[sample.name] for sample in samples]])


def _costs(
    measured: Sequence[_Measured], data: Dataset, samples: Sequence[Sample], device: str
) -> dict[str, Cost]:
    """What each contender costs; latencies are taken in turn, with the first repeat of each."""
    shown = sorted({int(i) for i in np.linspace(0, len(samples) - 1, _TIMED).round()})
    predictors = {
        each.contender.name: Predictor(each.contender.runs[0], device=device)
        for each in measured
        if each.contender.runs
    }
    images = [data.read_image(samples[place]) for place in shown]
    times = time_in_turn({n: p.inference for n, p in predictors.items()}, images)
    costs = {}
    for each in measured:
        name = each.contender.name
        if name not in predictors:
            costs[name] = Cost()
            continue
        adds = count_multiply_adds(predictors[name].inference, images[0])
        costs[name] = measure_cost(each.contender.runs, each.sheets, times[name], adds)
    return costs


def _entry(
    measured: _Measured,
    cost: Cost,
    leaks: Mapping[Path, Sequence[str]],
    digests: Mapping[str, str],
    split: str,
    estimand: Estimand,
    names: tuple[str, ...],
    level: float,
) -> Entry:
    runs, counts = measured.contender.runs, measured.counts
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
        leaks=tuple(dict.fromkeys(leak for run in runs for leak in leaks[run.path])),
        chosen_on=max((chosen_on(run, digests, split) for run in runs), default=0),
        test_looks=max((run.test_looks for run in runs), default=0),
    )
