"""Cross-validation: a training a fold, each measured on what it has not seen."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Any

from intarsia.datasets import Dataset
from intarsia.doctor import Report, check
from intarsia.environment import record_environment
from intarsia.errors import DataError, Interrupted, RunError
from intarsia.evaluation import pool_folds
from intarsia.file_cache import FileCache
from intarsia.models import check_names
from intarsia.recipe import Recipe
from intarsia.runs import CrossValidation, Run
from intarsia.runs.lock import RunLock
from intarsia.training.folder import (
    compare_data,
    compare_recipes,
    make_folder,
    refuse_taken,
    remove_unfinished_files,
    stored_cross_validation,
)
from intarsia.training.loop import train
from intarsia.training.plan import (
    Plan,
    calibrate,
    fitting_epochs,
    measured_plan,
    readable_duration,
)
from intarsia.training.progress import Row
from intarsia.training.setup import Setup, choose_classes, prepare

_log = logging.getLogger("intarsia")


def train_folds(
    data: Dataset,
    recipe: Recipe,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
    on_epoch: Callable[[int, Row], None] | None = None,
    on_fold: Callable[[Run], None] | None = None,
    cache: FileCache | None = None,
) -> CrossValidation:
    """Trains once for each fold of the data, which is then val, and measures all folds together.

    `out/fold-0`, `out/fold-1`, ... are runs as `train` leaves them, all by one recipe;
    `out/evaluations/<data>-out-of-fold.json` is the sheet of all images, each predicted by the
    one network that was not trained on it. A test split takes no part. A time budget is for all
    folds together: it becomes one number of epochs, measured on fold 0. `on_epoch` is called with
    the fold and each row of its log, `on_fold` with each fold's finished run. With `resume=True`
    an interrupted cross-validation goes on where it was stopped. `cache` spares the checks the
    files that it knows.

    Raises:
        DataError: the data have no folds, or the check found errors in one of them; nothing was
            written.
        RecipeError, ModelError: the recipe does not fit; nothing was written.
        RunError: the folder exists (and `resume` is not given), is taken, holds a single
            training, or belongs to another recipe, other data or other folds.
        Interrupted: Ctrl-C or SIGTERM; the state is saved.
    """
    path = Path(out)
    _check_folds(data)
    stored = stored_cross_validation(path, resume)
    if stored is not None:
        compare_recipes(stored, recipe)
        if stored.finished:
            _log.info("%s is finished: nothing to resume", path)
            return stored
    with ExitStack() as held:
        if stored is not None:
            held.enter_context(RunLock(path))
            data = _checked(data, recipe, cache)
            compare_data(stored.manifest, data)
        else:
            data = _checked(data, recipe, cache)
            setup = _fitted(_prepared(data, recipe, device))
            make_folder(path)
            held.enter_context(RunLock(path))
            refuse_taken(path)
            stored = CrossValidation.begin(
                path,
                recipe=setup.recipe,
                data=data,
                preprocessing=setup.preprocessing,
                environment=record_environment(setup.device),
            )
            # its images and network make room for those of the training
            del setup
        remove_unfinished_files(path)
        for number in range(stored.count):
            run = _train_fold(stored, number, data, device, on_epoch)
            if left := stored.count - number - 1:
                each = run.summary["training_seconds"]
                _log.info(
                    "%d of %d folds are trained; as long as this one, the rest take %s",
                    number + 1,
                    stored.count,
                    readable_duration(left * each),
                )
            if on_fold is not None:
                on_fold(run)
        pool_folds(stored)
        stored.finish(_summary(stored))
    return stored


def plan_folds(data: Dataset, recipe: Recipe, *, device: str = "auto") -> Plan:
    """What `train_folds` would take; measured on fold 0, and nothing is trained.

    Raises:
        IntarsiaError: whatever `train_folds` would raise before its first step.
    """
    _check_folds(data)
    one = measured_plan(_prepared(_checked(data, recipe), recipe, device))
    return dataclasses.replace(one, folds=data.folds, seconds=one.seconds * data.folds)


def _check_folds(data: Dataset) -> None:
    """Raises where the data have no folds, or some without images."""
    there = sorted({s.fold for s in data.samples if s.fold is not None})
    if not there:
        raise DataError(
            f"{data.name} has no folds",
            where=data.root,
            hint="make them, and save them beside the data: intarsia split DATA --folds 5",
        )
    if len(there) < 2 or there != list(range(len(there))):
        listed = ", ".join(map(str, there))
        raise DataError(
            f"the folds are numbered {listed}",
            where=data.root,
            expected="two folds or more, numbered from 0 without a gap",
            hint="correct the table of splits, or draw anew: intarsia split DATA --folds 5 "
            "--replace",
        )


def _checked(data: Dataset, recipe: Recipe, cache: FileCache | None = None) -> Dataset:
    """The data as the recipe wants it, after the check of every fold has said what it found.

    Each file is read once at most. Of the later folds only what is new is said.
    """
    check_names(recipe.model.name, recipe.model.encoder)
    chosen = choose_classes(data, recipe)
    reports = []
    said: set[tuple[str, str | None, str]] = set()
    with ExitStack() as held:
        if cache is None:
            folder = held.enter_context(TemporaryDirectory(prefix="intarsia-"))
            cache = FileCache(Path(folder) / "files.sqlite")
            held.callback(cache.close)
        for number in range(chosen.folds):
            report = check(chosen.fold(number), cache=cache)
            keys = {(f.code, f.file, f.value) for f in report.findings}
            if number > 0:
                report = _unsaid(report, number, said)
            said |= keys
            reports.append(report)
    texts = [str(report) for report in reports if report.findings]
    if any(report.errors for report in reports):
        raise DataError(
            "the data set has errors; nothing was trained\n" + "\n\n".join(texts), where=data.root
        )
    for text in texts:
        _log.info("%s", text)
    return chosen


def _unsaid(report: Report, number: int, said: set[tuple[str, str | None, str]]) -> Report:
    """The errors and warnings of a fold that no fold before it had."""
    serious = (*report.errors, *report.warnings)
    new = [f for f in serious if (f.code, f.file, f.value) not in said]
    return Report.of(f"{report.data}, fold {number}", new, {})


def _prepared(data: Dataset, recipe: Recipe, device: str) -> Setup:
    """Fold 0 before its first step, with its share of a time budget."""
    budget = recipe.train.time
    if budget is not None:
        share = budget / data.folds
        _log.info(
            "%s for %d folds: %s for each",
            readable_duration(budget),
            data.folds,
            readable_duration(share),
        )
        recipe = recipe.replace(**{"train.time": share})
    return prepare(data.fold(0), recipe, device)


def _fitted(setup: Setup) -> Setup:
    """With the number of epochs that fits the time budget, if there is one."""
    if setup.recipe.train.time is None:
        return setup
    return setup.with_epochs(fitting_epochs(setup, calibrate(setup)))


def _train_fold(
    stored: CrossValidation,
    number: int,
    data: Dataset,
    device: str,
    on_epoch: Callable[[int, Row], None] | None,
) -> Run:
    place = f"fold {number} ({number + 1} of {stored.count})"
    _log.info("%s", place)
    try:
        run = train(
            data.fold(number),
            stored.recipe,
            stored.fold_path(number),
            resume=True,
            device=device,
            check=False,
            on_epoch=None if on_epoch is None else partial(on_epoch, number),
        )
    except Interrupted as stopped:
        stopped.where = f"{stored.path}, {place}"
        raise
    if _samples(run) != _samples(stored):
        raise RunError(
            f"files or folds of the data set were changed while folds were trained: fold {number} "
            "has other ones than the rest",
            where=run.path,
            hint="restore them, remove this folder, and go on with --resume",
        )
    return run


def _samples(run: Run) -> dict[str, dict[str, Any]]:
    """What each image and mask held when the run began, and its fold."""
    return {sample["name"]: sample | {"split": None} for sample in run.manifest["samples"]}


def _summary(stored: CrossValidation) -> dict[str, Any]:
    """What the folds came to: the mean of their best figures, and how far apart they are."""
    each = [fold.summary for fold in stored.folds]
    figures = [summary["best_metric"] for summary in each]
    measured = all(map(math.isfinite, figures))
    return {
        "parameters": each[0]["parameters"],
        "trainable_parameters": each[0]["trainable_parameters"],
        "metric": each[0]["metric"],
        "folds": len(each),
        "best_metrics": figures,
        "mean": fmean(figures) if measured else None,
        "standard_deviation": stdev(figures) if measured else None,
        "epochs": sum(summary["epochs"] for summary in each),
        "training_seconds": sum(summary["training_seconds"] for summary in each),
        "peak_memory_bytes": max(summary["peak_memory_bytes"] for summary in each),
    }
