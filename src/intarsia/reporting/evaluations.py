"""The evaluations of a run as its reports use them: in order, under names fit for files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.errors import RunError
from intarsia.evaluation import Evaluation
from intarsia.reporting.sheets import role, settings_text

if TYPE_CHECKING:
    from intarsia.runs import Run

_LONGEST_STEM = 80


def evaluations_of(run: Run) -> dict[str, Evaluation]:
    """The metric sheets of the run by `file_stem`, the most telling first.

    The training's own data comes first, and in it what the recipe predicts before other settings;
    of these independent splits, then the one that chose the checkpoint.

    Raises:
        RunError: one is damaged.
    """
    sheets: dict[str, Evaluation] = {}
    for name, content in run.evaluations.items():
        try:
            sheet = Evaluation.from_json(content)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"the evaluation is damaged: {error!r}",
                where=Path(run.path) / "evaluations" / f"{name}.json",
                hint="delete it and evaluate again",
            ) from error
        sheets[file_stem(name, taken=sheets)] = sheet
    own = run.manifest.get("name")
    return dict(sorted(sheets.items(), key=lambda item: _order(own, item[1])))


def file_stem(name: str, taken: Container[str] = ()) -> str:
    """The name of an evaluation as a part of file names, LaTeX paths and anchors.

    Letters and digits of any script, points, hyphens and underscores stay. A name that is cut or
    would be in `taken` (a container) gets a few digits of its hash.

    >>> file_stem("camvid-val+crf=True+crf_weights=[10.0,3.0]")
    'camvid-val-crf-True-crf_weights-10.0-3.0'
    >>> file_stem("a=b", taken={"a-b"})
    'a-b-42144f39'
    """
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "evaluation"
    if len(stem) > _LONGEST_STEM or stem in taken:
        digits = hashlib.sha256(name.encode()).hexdigest()[:8]
        stem = f"{stem[:_LONGEST_STEM].rstrip('-.')}-{digits}"
    return stem


def _order(own: object, sheet: Evaluation) -> tuple[bool, bool, int, bool, str, str, str]:
    worth = {"independent": 0, "chose the checkpoint": 1, "trained on": 2}
    return (
        sheet.data != own,
        bool(sheet.settings),
        worth[role(sheet)],
        sheet.split != "test",
        sheet.split,
        sheet.data,
        settings_text(sheet),
    )
