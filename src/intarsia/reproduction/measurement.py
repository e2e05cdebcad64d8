"""Measuring a run with the historical metrics and the honest ones, in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.datasets import Dataset
from intarsia.evaluation import Evaluation, evaluate
from intarsia.reproduction.published import PublishedSystem
from intarsia.reproduction.results import Measured
from intarsia.reproduction.system import Score, System
from intarsia.runs import Run

_HONEST = (
    "miou",
    "mean_dice",
    "mean_accuracy",
    "pixel_accuracy",
    "majority_accuracy",
    "frequency_weighted_iou",
)


def measure(
    run: Run, system: System, data: Dataset, split: str, settings: Sequence[str], device: str
) -> Measured:
    """The figures of a run on one split of `data`, used with these `predict.*` settings."""
    scores = system.scores(len(run.labels))

    def add(probabilities: NDArray[np.float32], truth: NDArray[np.unsignedinteger]) -> None:
        for score in scores:
            score.add(probabilities, truth)

    used = run.setting(settings) if settings else run
    sheet = evaluate(used, data, split, subset=True, device=device, also=add)
    return Measured(
        split=split,
        images=sheet.images,
        settings=dict(sheet.settings),
        historical=_historical(system.published, scores),
        honest={name: getattr(sheet, name) for name in _HONEST},
        classes={row.name: row.iou for row in sheet.classes},
        unscored=_without(sheet, system.unscored),
        seconds=sheet.seconds or 0.0,
        milliseconds_per_image=sheet.milliseconds_per_image or 0.0,
    )


def _historical(published: PublishedSystem, scores: Sequence[Score]) -> dict[str, float | None]:
    """A figure for each published column that is one of the metrics, by its name."""
    figures: dict[str, float | None] = {}
    for table in published.tables:
        for column in table.columns:
            for score in scores:
                if column not in figures and hasattr(score, column):
                    figures[column] = getattr(score, column)
    return figures


def _without(sheet: Evaluation, name: str | None) -> dict[str, float | None] | None:
    """The sheet over the other classes: its pixels do not count, answering it stays an error."""
    if name is None or name not in sheet.names:
        return None
    index = sheet.names.index(name)
    matrix = sheet.confusion_matrix.copy()
    matrix[index] = 0
    rows = [row for row in metrics.class_metrics(matrix, sheet.names) if row.name != name]

    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    return {
        "miou": mean([row.iou for row in rows]),
        "mean_dice": mean([row.dice for row in rows]),
        "mean_accuracy": mean([row.sensitivity for row in rows]),
        "pixel_accuracy": metrics.pixel_accuracy(matrix),
        "majority_accuracy": metrics.majority_accuracy(matrix),
    }
