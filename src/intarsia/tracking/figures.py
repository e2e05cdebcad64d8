"""The figures of a run under names that every tracker takes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from intarsia.runs import Run

_OF_A_SPLIT = (
    "miou",
    "mean_dice",
    "mean_accuracy",
    "pixel_accuracy",
    "majority_accuracy",
    "frequency_weighted_iou",
)
_OF_A_CLASS = ("iou", "dice", "precision", "sensitivity", "specificity")
_LONGEST = 100  # characters of one part of a name; MLflow takes 250 in all
_LONGEST_VALUE = 6000  # likewise, of a parameter


def parameters(run: Run) -> dict[str, str]:
    """Every dotted key of the recipe; what is not text as JSON."""
    return {
        key: (value if isinstance(value, str) else json.dumps(value))[:_LONGEST_VALUE]
        for key, value in run.recipe.flat().items()
    }


@dataclass(frozen=True)
class Point:
    """One figure at one epoch; `moment`, in seconds since 1970, is part of its identity.

    MLflow keeps a second point where the same figure comes with another moment, so the moment is
    read from the run and is the same whenever the run is sent.
    """

    name: str
    value: float
    epoch: int
    moment: float


def epoch_points(rows: list[dict[str, Any]], start: float) -> list[Point]:
    """The numbers of the log from its first row on; what was not measured is left out.

    `start`, in seconds since 1970, is when the first row's epoch began.

    >>> epoch_points([{"epoch": 1, "seconds": 5.0, "val_miou": None}], start=100)
    [Point(name='seconds', value=5.0, epoch=1, moment=105.0)]
    """
    found = []
    moment = start
    for row in rows:
        moment += row["seconds"]
        for name, value in row.items():
            if name != "epoch" and value is not None:
                found.append(Point(name, float(value), row["epoch"], moment))
    return found


def sheet_points(run: Run) -> list[Point]:
    """Every metric sheet that is in the run, `test` only where somebody has looked at it.

    Names are `evaluations/SHEET/METRIC` and `evaluations/SHEET/METRIC/CLASS`, the epoch is the
    best one, the moment that of the sheet's file.
    """
    best = int(run.summary["best_epoch"])
    points = []
    for name, figures in _sheets(run).items():
        moment = (run.path / "evaluations" / f"{name}.json").stat().st_mtime
        points += [Point(figure, value, best, moment) for figure, value in figures.items()]
    return points


def _sheets(run: Run) -> dict[str, dict[str, float]]:
    sheets = {}
    for name, sheet in run.evaluations.items():
        found: dict[str, float] = {}
        start = f"evaluations/{_part(name)}"
        for metric in _OF_A_SPLIT:
            _put(found, f"{start}/{metric}", sheet.get(metric))
        for row in sheet["classes"]:
            for metric in _OF_A_CLASS:
                _put(found, f"{start}/{metric}/{_part(row['name'])}", row.get(metric))
        sheets[name] = found
    return sheets


def _put(found: dict[str, float], name: str, value: float | None) -> None:
    if value is None:
        return
    while name in found:  # two class names that differ in signs only
        name += "_"
    found[name] = float(value)


def _part(text: str) -> str:
    """One part of a name: MLflow takes letters, digits and these few signs, and no `..`.

    >>> _part("Sign/Symbol (all)")
    'Sign_Symbol _all_'
    """
    return re.sub(r"[^\w \-]", "_", text)[:_LONGEST].strip() or "_"
