"""The commands that give a run again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from intarsia.evaluation import Evaluation

if TYPE_CHECKING:
    from intarsia.runs import Run


def commands(run: Run, sheets: Iterable[Evaluation], *, folds: bool = False) -> list[str]:
    """What gives this run again, from its own folder; `folds` for a whole cross-validation."""
    own = run.manifest.get("name")
    root = shlex.quote(str(run.manifest.get("root", "DATA")))
    again = "again"
    # fold 0 is what a single training of the same data has for val
    if not folds and (number := fold_of(run.manifest)):
        folds, again = True, f"again/fold-{number}"
    flag = "--folds " if folds else ""
    lines = [f"intarsia train {root} {flag}--recipe recipe.yaml --out again"]
    for sheet in sheets:
        if sheet.data == own:
            changed = (f"predict.{key}={json.dumps(v)}" for key, v in sheet.settings.items())
            settings = "".join(f" --set {shlex.quote(text)}" for text in changed)
            split = shlex.quote(sheet.split)
            lines.append(f"intarsia evaluate {again} {root} --split {split}{settings}")
    return lines


def fold_of(manifest: Mapping[str, Any]) -> int | None:
    """The fold that is val in a run's manifest, None where its data have no folds.

    >>> fold_of({"samples": [{"split": "train", "fold": 0}, {"split": "val", "fold": 1}]})
    1
    """
    folds = {s.get("fold") for s in manifest.get("samples") or [] if s.get("split") == "val"}
    return next(iter(folds)) if len(folds) == 1 else None
