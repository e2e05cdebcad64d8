"""The report: one page that needs nothing else, its figures and its tables beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.html import render
from intarsia.images import write_atomic
from intarsia.reporting.commands import commands
from intarsia.reporting.cross_validation import write_folds_report
from intarsia.reporting.curves import learning_curves, log_table
from intarsia.reporting.evaluations import evaluations_of
from intarsia.reporting.facts import (
    best_of,
    environment_table,
    headline,
    split_table,
    training_table,
)
from intarsia.reporting.figures import Drawing
from intarsia.reporting.gallery import galleries
from intarsia.reporting.quantities import quantity
from intarsia.reporting.sections import (
    IMAGES_SHOWN,
    section_drawings,
    section_of,
    section_tables,
    write_files,
)
from intarsia.reporting.sequence import read_sequence, sequence_drawing
from intarsia.reporting.sheets import summary_table
from intarsia.reporting.times import time_table
from intarsia.runs import CrossValidation

if TYPE_CHECKING:
    from intarsia.runs import Run


def write_report(run: Run, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write `report.html`, `figures/` and `tables/` into the run folder.

    `report.html` is self-contained: no script, no network, pictures inside. `progress(done,
    total)` is told of each image that is predicted again for the panels. A data set that is no
    longer where it was costs the panels, not the report.

    Of a cross-validation it is the page of all folds together.

    Returns:
        The path of `report.html`.

    Raises:
        IntarsiaError: a file of the run is damaged, or the folder cannot be written.
    """
    if isinstance(run, CrossValidation):
        return write_folds_report(run, progress=progress)
    folder = Path(run.path)
    log, summary, manifest = run.log, run.summary, run.manifest
    sheets = evaluations_of(run)
    pictured = galleries(run, sheets, progress=progress)
    sections = [
        section_of(name, sheet, pictured[name], run.test_looks) for name, sheet in sheets.items()
    ]
    chosen_on = next((sheet for sheet in sheets.values() if sheet.selection), None)
    best_epoch = best_of(log, summary, run.recipe.train.metric)
    curves = learning_curves(
        log,
        best_epoch=best_epoch,
        majority_accuracy=chosen_on.majority_accuracy if chosen_on else None,
    )
    training = training_table(log, summary, best_epoch, sheets.values())
    log_rows = log_table(log)
    environment = environment_table(run.environment)
    splits = split_table(manifest)
    summaries = summary_table(sheets.values())

    sequence = read_sequence(folder, best_epoch)

    drawings: list[Drawing] = list(curves)
    if sequence:
        drawings.append(sequence_drawing(sequence))
    times = time_table({run.name: run})
    tables = [training, times, log_rows, environment, splits, summaries]
    for section in sections:
        drawings += section_drawings(section, run.labels)
        tables += section_tables(section)
    write_files(folder, drawings, tables)

    page = render(
        "report.html",
        {
            "title": f"{run.name} · Intarsia report",
            "run_name": run.name,
            "recipe": run.recipe,
            "recipe_yaml": run.recipe.to_yaml(),
            "manifest": manifest,
            "labels": run.labels,
            "colors": {label.name: label.color for label in run.labels.classes},
            "images_shown": IMAGES_SHOWN,
            "headline": headline(next(iter(sheets.values()), None), log, summary, best_epoch),
            "curves": curves,
            "sequence": sequence,
            "validated": any(row.get("val_miou") is not None for row in log),
            "log": log_rows,
            "training": training,
            "environment": environment,
            "splits": splits,
            "summaries": summaries,
            "sections": sections,
            "commands": commands(run, sheets.values()),
            "quantity": quantity,
        },
    )
    path = folder / "report.html"
    write_atomic(path, page.encode("utf-8"))
    return path
