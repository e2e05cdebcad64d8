"""The runs of a folder, as the page and its script see them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from intarsia.errors import IntarsiaError
from intarsia.runs import CrossValidation, Run
from intarsia.runs.checkpoint import BEST
from intarsia.runs.lock import is_written_to
from intarsia.runs.run import FOLDS

State = Literal["training", "finished", "stopped", "damaged"]

REPORT = "report.html"
COMPARISON = "comparison.html"

# runs, the folds of a cross-validation, the runs of a comparison: the folder's own, or one in it
_PLACES = ("*", "*/fold-*", "runs/*/*", "*/runs/*/*")
_CURVES = ("epoch", "train_loss", "val_loss", "val_miou", "val_pixel_accuracy", "lr")


class RunSummary(BaseModel):
    """One line of the list; `best` is the best value of `metric` so far.

    `name` is the place in the folder served: `camvid`, `folded/fold-0`, `cmp/runs/unet/repeat-1`.
    """

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


@dataclass(frozen=True)
class Entry:
    """A run, a cross-validation with the runs of its folds, or a comparison with its runs."""

    name: str
    title: str
    run: RunSummary | None
    compared: bool
    members: list[RunSummary]


def find_runs(folder: Path) -> dict[str, Path]:
    """The run folders by name, the one that was written to last first."""
    found = [path.parent for place in _PLACES for path in folder.glob(f"{place}/recipe.yaml")]
    found.sort(key=lambda path: (-_changed(path), path))
    return {_name(path, folder): path for path in found}


def find_comparisons(folder: Path) -> dict[str, Path]:
    """The pages of comparisons by the name of their folder, "" for the folder itself."""
    pages = [*folder.glob(COMPARISON), *sorted(folder.glob(f"*/{COMPARISON}"))]
    return {_name(page.parent, folder): page for page in pages}


def read_entries(folder: Path) -> list[Entry]:
    """The folder as its page shows it: what was written to last first, members by their names."""
    comparisons = find_comparisons(folder)
    members: dict[str, dict[str, RunSummary]] = {}
    for name, path in find_runs(folder).items():
        members.setdefault(_whole(name), {})[name] = read_summary(path, name)
    for name in comparisons:
        members.setdefault(name, {})
    return [
        Entry(
            name,
            name or folder.resolve().name,
            runs.pop(name, None),
            name in comparisons,
            [runs[member] for member in sorted(runs)],
        )
        for name, runs in members.items()
    ]


def is_usable(path: Path) -> bool:
    """Whether a run can predict, by the files that are there; a cross-validation once it ended."""
    whole = (path / FOLDS).is_file()
    return (path / ("summary.json" if whole else f"checkpoints/{BEST}")).is_file()


def read_summary(path: Path, name: str) -> RunSummary:
    """A line about one run; a damaged one says so instead of hiding the others."""
    try:
        return _summary(Run.open(path), name)
    except Exception as error:  # whatever may stand in a file that is damaged
        return RunSummary(name=name, state="damaged", fault=_fault(error))


def read_progress(path: Path, name: str) -> RunProgress:
    """The same with the curves."""
    try:
        run = Run.open(path)
        series = {part: _curves(log.log) for part, log in _parts(run).items()}
        return RunProgress(**_summary(run, name).model_dump(), series=series)
    except Exception as error:
        return RunProgress(name=name, state="damaged", fault=_fault(error), series={})


def _name(path: Path, folder: Path) -> str:
    # a name of other bytes than UTF-8 can be shown, though not written back
    name = path.relative_to(folder).as_posix().encode("utf-8", "replace").decode()
    return "" if name == "." else name


def _whole(name: str) -> str:
    """What a run belongs to: itself, its cross-validation, or its comparison."""
    parts = name.split("/")
    return "" if len(parts) == 3 else parts[0]


def _fault(error: Exception) -> str:
    if isinstance(error, IntarsiaError):
        return error.what
    if isinstance(error, OSError):
        return error.strerror or "the folder cannot be read"
    return f"the run is damaged ({type(error).__name__}: {error})"


def _summary(run: Run, name: str) -> RunSummary:
    recipe, parts = run.recipe, _parts(run)
    rows = [row for part in parts.values() for row in part.log]
    metric = recipe.train.metric
    measured = [v for row in rows if (v := row.get(f"val_{metric}")) is not None]
    best = (min if metric == "loss" else max)(measured, default=None)
    total = recipe.train.epochs * (run.count if isinstance(run, CrossValidation) else 1)
    busy = any(is_written_to(part.path) for part in (run, *parts.values()))
    return RunSummary(
        name=name,
        state="finished" if run.finished else "training" if busy else "stopped",
        model=recipe.model.name,
        data=str(run.manifest["name"]),
        epochs=len(rows),
        of=total,
        metric=metric,
        best=best,
        report=(run.path / REPORT).is_file(),
        usable=is_usable(run.path),
    )


def _parts(run: Run) -> dict[str, Run]:
    if isinstance(run, CrossValidation):
        begun = {f"fold {n}": run.begun(n) for n in range(run.count)}
        return {name: fold for name, fold in begun.items() if fold is not None}
    return {run.name: run}


def _curves(log: Sequence[Mapping[str, Any]]) -> list[dict[str, float | None]]:
    return [{key: _finite(row.get(key)) for key in _CURVES} for row in log]


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _changed(path: Path) -> float:
    log = path / "log.jsonl"
    try:
        return (log if log.is_file() else path).stat().st_mtime
    except OSError:
        return 0.0
