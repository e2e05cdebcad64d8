"""One metric sheet of all folds: each image by the one network that was not trained on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from intarsia.errors import DataError, RunError
from intarsia.evaluation.details import DetailRecords
from intarsia.evaluation.kept import keep_sheet, load_arrays
from intarsia.evaluation.measurement import SELECTION_SPLIT, Also, evaluate
from intarsia.evaluation.names import OUT_OF_FOLD, sheet_name
from intarsia.evaluation.sheet import Evaluation
from intarsia.evaluation.uncertainty import measure_intervals

if TYPE_CHECKING:
    from intarsia.datasets import Dataset
    from intarsia.runs import CrossValidation, Run


def evaluate_folds(
    run: CrossValidation,
    data: Dataset | str | Path | None,
    *,
    subset: bool,
    details: bool,
    device: str,
    also: Also | None,
    progress: Callable[[int, int], None] | None,
) -> Evaluation:
    """Measures each fold on what it held out, then pools; arguments and errors of `evaluate`."""
    if data is not None:
        from intarsia.datasets import Dataset

        # opened once, not by every fold
        data = data if isinstance(data, Dataset) else Dataset.open(data)
        if not data.known_to(run.manifest):
            raise DataError(
                f"{data.name} is not what the folds were drawn from",
                where=data.root,
                hint="other data are measured with the ensemble of all folds: --split test, say",
            )
    run.check_trained()
    sheets: list[Evaluation] = []
    for fold in run.folds:
        done = sum(sheet.images for sheet in sheets)
        told = None
        if progress is not None:
            told = partial(_told, progress, done, len(run.held_out))
        sheets.append(
            evaluate(
                fold,
                data,
                SELECTION_SPLIT,
                subset=subset,
                details=details,
                device=device,
                also=also,
                progress=told,
            )
        )
    return pool_folds(run, sheets)


def check_unseen(run: CrossValidation, data: Dataset, split: str) -> None:
    """Raises DataError where the ensemble was trained on images of a split, whatever their names.

    Every image of a fold has trained all the other folds.
    """
    from intarsia.datasets.content import fingerprint

    items = run.manifest["samples"]
    trained = {item["sha256"] for item in items if item["name"] in run.held_out}
    seen = [s.name for s in data.split(split) if fingerprint(s.image)[1] in trained]
    if seen:
        listed = ", ".join(seen[:3]) + (", ..." if len(seen) > 3 else "")
        raise DataError(
            f"{len(seen)} images of {split} have trained some of the {run.count} folds, so that "
            f"their ensemble has no figures on them: {listed}",
            where=data.root,
            expected="test, or other data",
            hint=f"--split {OUT_OF_FOLD} measures each image with the fold that has not seen it",
        )


def _told(progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def pool_folds(run: CrossValidation, sheets: list[Evaluation] | None = None) -> Evaluation:
    """The sum of the folds' confusion matrices on what each held out, as one sheet, kept.

    `sheets` are the folds' evaluations on val, by default those that their trainings left.

    Raises:
        RunError: a fold is not trained or not measured, or an image was not held out once.
    """
    run.check_trained()
    folds = run.folds
    if sheets is None:
        sheets = [_own_sheet(fold) for fold in folds]
        expected = sorted(run.held_out)
        if sorted(row.file for sheet in sheets for row in sheet.per_image) != expected:
            raise RunError(
                f"the folds have not measured each of the {len(expected)} images once",
                where=run.path,
                hint="the folder is not as `intarsia train --folds` left it: train into another",
            )
    details = all(sheet.details is not None for sheet in sheets)
    names = ("matrices", *(DetailRecords(0, 0).arrays() if details else ()))
    stored = [load_arrays(fold, sheet, *names) for fold, sheet in zip(folds, sheets, strict=True)]
    matrices = np.concatenate([arrays["matrices"] for arrays in stored])
    units = tuple(str(group) or None for arrays in stored for group in arrays["groups"])
    records = DetailRecords.joined(stored) if details else None
    images = [sheet.images for sheet in sheets]
    seconds = [sheet.seconds for sheet in sheets if sheet.seconds is not None]
    each = [
        count * sheet.milliseconds_per_image
        for count, sheet in zip(images, sheets, strict=True)
        if sheet.milliseconds_per_image is not None
    ]
    pooled = Evaluation(
        data=sheets[0].data,
        split=OUT_OF_FOLD,
        names=sheets[0].names,
        confusion_matrix=matrices.sum(axis=0, dtype=np.int64),
        # each fold's epoch was chosen on the very images that it is measured on
        selection=True,
        per_image=tuple(row for sheet in sheets for row in sheet.per_image),
        test_looks=run.test_looks,
        settings=sheets[0].settings,
        seconds=sum(seconds) if len(seconds) == len(sheets) else None,
        milliseconds_per_image=sum(each) / sum(images) if len(each) == len(sheets) else None,
        # no temperature: each fold has its own
        details=None if records is None else records.details(matrices, sheets[0].names),
        matrices=matrices,
        groups=units,
        intervals=measure_intervals(matrices, units, sheets[0].names, sheets[0].background),
        background=sheets[0].background,
        primary=sheets[0].primary,
        primary_late=sheets[0].primary_late,
    )
    keep_sheet(run, pooled, records)
    return pooled


def _own_sheet(fold: Run) -> Evaluation:
    name = sheet_name(str(fold.manifest["name"]), SELECTION_SPLIT, {})
    content = fold.evaluations.get(name)
    if content is None:
        raise RunError("the fold has no metric sheet", where=fold.path / f"evaluations/{name}.json")
    return Evaluation.from_json(content)
