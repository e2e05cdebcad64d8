"""`intarsia runs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intarsia.cli.arguments import VerboseOption
from intarsia.errors import IntarsiaError, RunError

if TYPE_CHECKING:
    from intarsia.runs import CrossValidation, Run


def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the runs are.")] = Path(
        "runs"
    ),
    verbose: VerboseOption = False,
) -> None:
    """The runs in a folder: recipe, epochs, best metric.

    Of a cross-validation, the epochs of all folds and their mean; its own folder lists them one
    by one.

    \b
    Example: intarsia runs runs/
    """
    from intarsia.runs import Run

    if not folder.is_dir():
        raise RunError("no such folder", where=folder, hint="`intarsia train` makes runs/")
    found = sorted(path.parent for path in folder.glob("*/recipe.yaml"))
    if not found:
        typer.echo(f"no runs in {folder}")
        return
    rows = [("run", "model", "epochs", "best", "state")]
    for path in found:
        try:
            rows.append(_row(Run.open(path)))
        except IntarsiaError as error:
            # one damaged run must not hide the others
            rows.append((path.name, "", "", "", f"damaged: {error.what}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _row(run: Run) -> tuple[str, str, str, str, str]:
    from intarsia.runs import CrossValidation

    if isinstance(run, CrossValidation):
        return _folds_row(run)
    metric = run.recipe.train.metric
    values = [row.get(f"val_{metric}") for row in run.log]
    measured = [value for value in values if value is not None]
    # of a loss the lowest is best, of everything else the highest
    best = (min if metric == "loss" else max)(measured, default=None)
    return (
        run.name,
        run.recipe.model.name,
        f"{len(run.log)} of {run.recipe.train.epochs}",
        "" if best is None else f"{metric} {best:.3f}",
        "finished" if run.finished else "unfinished",
    )


def _folds_row(run: CrossValidation) -> tuple[str, str, str, str, str]:
    begun = [fold for n in range(run.count) if (fold := run.begun(n)) is not None]
    summary = run.summary
    mean = summary.get("mean")
    return (
        run.name,
        run.recipe.model.name,
        f"{sum(len(fold.log) for fold in begun)} of {run.count * run.recipe.train.epochs}",
        "" if mean is None else f"{summary['metric']} {mean:.3f}, mean of {run.count} folds",
        "finished" if run.finished else f"{len(run.folds)} of {run.count} folds",
    )
