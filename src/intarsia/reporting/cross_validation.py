"""The report of a cross-validation: its folds side by side, and all their images in one sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.evaluation import OUT_OF_FOLD
from intarsia.html import render
from intarsia.images import write_atomic
from intarsia.reporting.commands import commands
from intarsia.reporting.compared import compared_curves, compared_values
from intarsia.reporting.evaluations import evaluations_of
from intarsia.reporting.facts import environment_table
from intarsia.reporting.figures import Drawing
from intarsia.reporting.folds import (
    FoldResult,
    class_spread,
    fold_results,
    fold_table,
    folds_headline,
    spread_drawing,
)
from intarsia.reporting.gallery import galleries
from intarsia.reporting.quantities import quantity
from intarsia.reporting.sections import (
    IMAGES_SHOWN,
    section_drawings,
    section_of,
    section_tables,
    write_files,
)
from intarsia.reporting.sheets import summary_table
from intarsia.reporting.times import time_table

if TYPE_CHECKING:
    from intarsia.evaluation import Evaluation
    from intarsia.runs import CrossValidation, Run


def write_folds_report(
    run: CrossValidation, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write `report.html`, `figures/` and `tables/` into the folder of a cross-validation.

    Folds that are not trained yet are left out, and that is said. Pictures of out-of-fold
    images are made by the fold that was not trained on them. See `write_report` for the rest.
    """
    # what the page is about comes first
    sheets = dict(
        sorted(evaluations_of(run).items(), key=lambda item: item[1].split != OUT_OF_FOLD)
    )
    pictured = galleries(run, sheets, progress=progress)
    sections = [
        section_of(name, sheet, pictured[name], run.test_looks) for name, sheet in sheets.items()
    ]
    pooled = _pooled(sheets)
    results = fold_results(run)
    folds: Mapping[str, Run] = {result.name: result.run for result in results}
    table = fold_table(results, pooled)
    classes = class_spread(results, pooled)
    spread = spread_drawing(results, pooled, run.labels)
    environment = environment_table(run.environment)
    summaries = summary_table(sheets.values())
    tables = [table, classes, time_table(folds), environment, summaries]
    curves = compared_curves(folds)
    drawings: list[Drawing] = [*([spread] if spread else []), *curves]
    for section in sections:
        drawings += section_drawings(section, run.labels)
        tables += section_tables(section)
    write_files(run.path, drawings, tables)
    page = render(
        "folds.html",
        {
            "title": f"{run.name} · Intarsia report",
            "run_name": run.name,
            "count": run.count,
            "trained": len(results),
            "recipe": run.recipe,
            "recipe_yaml": run.recipe.to_yaml(),
            "manifest": run.manifest,
            "labels": run.labels,
            "colors": {label.name: label.color for label in run.labels.classes},
            "images_shown": IMAGES_SHOWN,
            "headline": folds_headline(results, pooled),
            "folds": table,
            "classes": classes,
            "spread": spread,
            "apart": _apart(run, results),
            "environment": environment,
            "summaries": summaries,
            "sections": sections,
            "commands": commands(run, sheets.values(), folds=True),
            "quantity": quantity,
            **compared_values(folds, curves=curves),
        },
    )
    path = run.path / "report.html"
    write_atomic(path, page.encode("utf-8"))
    return path


def _pooled(sheets: Mapping[str, Evaluation]) -> Evaluation | None:
    """The sheet of all folds, predicted as the recipe says."""
    return next((s for s in sheets.values() if s.split == OUT_OF_FOLD and not s.settings), None)


def _apart(run: CrossValidation, results: list[FoldResult]) -> str:
    """What takes no part in the folds, and what is missing, in words; empty where nothing is."""
    tests = sum(sample.get("split") == "test" for sample in run.manifest["samples"])
    said = []
    if len(results) < run.count:
        said.append(f"{run.count - len(results)} of {run.count} folds are not trained yet.")
    if tests:
        said.append(f"{tests} test images lie in no fold: no network was trained on them.")
    return " ".join(said)
