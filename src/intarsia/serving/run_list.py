"""The runs of a folder, as the page and its script see them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from intarsia.errors import IntarsiaError
from intarsia.runs import CrossValidation, Run
from intarsia.runs.lock import is_written_to

State = Literal["training", "finished", "stopped", "damaged"]

REPORT = "report.html"
COMPARISON = "comparison.html"

_CURVES = ("epoch", "train_loss", "val_loss", "val_miou", "val_pixel_accuracy", "lr")


class RunSummary(BaseModel):
    """One line of the list; `best` is the best value of `metric` so far."""

    name: str
    state: State
    model: str = ""
    data: str = ""
    epochs: int = 0
    of: int = 0
    metric: str = ""
    best: float | None = None
    report: bool = False
    usable: bool = False
    fault: str | None = None


class RunProgress(RunSummary):
    """The same with its log: a list of epochs for the run, or for each fold."""

    series: dict[str, list[dict[str, float | None]]]


def find_runs(folder: Path) -> list[Path]:
    """The run folders, the one that was written to last first."""
    found = [path.parent for path in folder.glob("*/recipe.yaml")]
    return sorted(found, key=lambda path: (-_changed(path), path.name))


def find_comparisons(folder: Path) -> dict[str, Path]:
    """The pages of comparisons by the name of their folder."""
    pages = [*folder.glob(COMPARISON), *sorted(folder.glob(f"*/{COMPARISON}"))]
    return {page.parent.resolve().name: page for page in pages}


def read_summary(path: Path) -> RunSummary:
    """A line about one run; a damaged one says so instead of hiding the others."""
    try:
        return _summary(Run.open(path))
    except (IntarsiaError, OSError) as error:
        what = error.what if isinstance(error, IntarsiaError) else str(error)
        return RunSummary(name=path.name, state="damaged", fault=what)


def read_progress(path: Path) -> RunProgress:
    """The same with the curves."""
    summary = read_summary(path)
    series: dict[str, list[dict[str, float | None]]] = {}
    if summary.state != "damaged":
        run = Run.open(path)
        series = {name: _curves(part.log) for name, part in _parts(run).items()}
    return RunProgress(**summary.model_dump(), series=series)


def _summary(run: Run) -> RunSummary:
    recipe, parts = run.recipe, _parts(run)
    rows = [row for part in parts.values() for row in part.log]
    metric = recipe.train.metric
    measured = [v for row in rows if (v := row.get(f"val_{metric}")) is not None]
    best = (min if metric == "loss" else max)(measured, default=None)
    total = recipe.train.epochs * (run.count if isinstance(run, CrossValidation) else 1)
    busy = any(is_written_to(part.path) for part in (run, *parts.values()))
    weights = any(
        part.checkpoints.joinpath("best.safetensors").is_file() for part in parts.values()
    )
    return RunSummary(
        name=run.name,
        state="finished" if run.finished else "training" if busy else "stopped",
        model=recipe.model.name,
        data=str(run.manifest["name"]),
        epochs=len(rows),
        of=total,
        metric=metric,
        best=best,
        report=(run.path / REPORT).is_file(),
        usable=run.finished if isinstance(run, CrossValidation) else weights,
    )


def _parts(run: Run) -> dict[str, Run]:
    if isinstance(run, CrossValidation):
        begun = {f"fold {n}": run.begun(n) for n in range(run.count)}
        return {name: fold for name, fold in begun.items() if fold is not None}
    return {run.name: run}


def _curves(log: Sequence[Mapping[str, Any]]) -> list[dict[str, float | None]]:
    return [{key: _finite(row.get(key)) for key in _CURVES} for row in log]


def _finite(value: object) -> float | None:
    number = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if number else None  # type: ignore[arg-type]


def _changed(path: Path) -> float:
    log = path / "log.jsonl"
    try:
        return (log if log.is_file() else path).stat().st_mtime
    except OSError:
        return 0.0
