"""The report of a reproduction: their tables beside ours, every difference, the honest sheet."""

from __future__ import annotations

from pathlib import Path

from intarsia.html import render
from intarsia.images import write_atomic
from intarsia.reporting.compared import compared_curves, compared_gallery, compared_values
from intarsia.reporting.tables import Table
from intarsia.reproduction.differences import differences
from intarsia.reproduction.results import Result
from intarsia.reproduction.system import System
from intarsia.reproduction.tables import honest_table, published_tables, training_table
from intarsia.runs import Run

_PICTURED = 4  # test images in the gallery


def stored_results(system: System, folder: Path) -> list[Result]:
    """The results that are there, in the order of the experiments."""
    paths = [folder / f"{experiment.name}.json" for experiment in system.experiments]
    return [Result.load(path) for path in paths if path.is_file()]


def write_page(system: System, folder: Path) -> Path:
    """Writes `report.html` and `tables/` from the stored results; returns the page's path."""
    results = stored_results(system, folder)
    done = {result.experiment for result in results}
    tables: list[Table] = [
        *published_tables(system, results),
        honest_table(results),
        training_table(results),
    ]
    # a result can outlive its run: the tables of a benchmark are kept without their weights
    names = [r.experiment for r in results if (folder / r.experiment / "recipe.yaml").is_file()]
    runs = {name: Run.open(folder / name) for name in names}
    for name in ("tables", "figures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for table in tables:
        table.write(folder / "tables")
    curves = compared_curves(runs)
    for drawing in curves:
        drawing.write(folder / "figures")
    page = render(
        "reproduction.html",
        {
            "title": f"{system.published.title} · Intarsia",
            "system": system,
            "published": tables[: len(system.published.tables)],
            "notes": [table.note for table in system.published.tables],
            "honest": tables[-2],
            "training": tables[-1],
            "results": results,
            **compared_values(runs, compared_gallery(runs, "test", _PICTURED), curves),
            "labels": next(iter(runs.values())).labels if runs else None,
            "differences": {
                result.experiment: differences(system, experiment, result)
                for experiment in system.experiments
                for result in results
                if result.experiment == experiment.name
            },
            "missing": [e.name for e in system.experiments if e.name not in done],
        },
    )
    path = folder / "report.html"
    write_atomic(path, page.encode("utf-8"))
    return path
