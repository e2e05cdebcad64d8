"""The figures of a run under names that every tracker takes."""

from __future__ import annotations

import json
import re
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


def epoch_figures(row: dict[str, Any]) -> dict[str, float]:
    """The numbers of a row of the log; what was not measured is left out.

    >>> epoch_figures({"epoch": 3, "train_loss": 0.5, "val_miou": None})
    {'train_loss': 0.5}
    """
    return {k: float(v) for k, v in row.items() if k != "epoch" and v is not None}


def sheet_figures(run: Run) -> dict[str, float]:
    """Every metric sheet that is in the run, `test` only where somebody has looked at it.

    Names are `evaluations/SHEET/METRIC` and `evaluations/SHEET/METRIC/CLASS`.
    """
    found: dict[str, float] = {}
    for name, sheet in run.evaluations.items():
        start = f"evaluations/{_part(name)}"
        for metric in _OF_A_SPLIT:
            _put(found, f"{start}/{metric}", sheet.get(metric))
        for row in sheet["classes"]:
            for metric in _OF_A_CLASS:
                _put(found, f"{start}/{metric}/{_part(row['name'])}", row.get(metric))
    return found


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
