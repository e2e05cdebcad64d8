"""The report: one page that needs nothing else, its figures and its tables beside it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.evaluation import Evaluation
from intarsia.html import render
from intarsia.images import write_atomic
from intarsia.labels import LabelMap
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
from intarsia.reporting.gallery import Gallery, galleries
from intarsia.reporting.matrices import (
    Confusion,
    HeatCell,
    confusions,
    heat_rows,
    matrix_drawing,
    matrix_table,
)
from intarsia.reporting.panels import panels_drawing
from intarsia.reporting.quantities import quantity
from intarsia.reporting.sequence import read_sequence, sequence_drawing
from intarsia.reporting.sheets import (
    class_bars,
    class_table,
    image_table,
    role,
    settings_text,
    summary_table,
    title,
)
from intarsia.reporting.tables import Table
from intarsia.reporting.times import time_table

if TYPE_CHECKING:
    from intarsia.runs import Run

_IMAGES_SHOWN = 200  # rows of the image table in the page; the CSV holds all


@dataclass(frozen=True)
class Section:
    """One evaluation as the page shows it."""

    name: str
    sheet: Evaluation
    classes: Table
    images: Table
    images_left_out: int
    heat: list[list[HeatCell]]
    names: list[str]
    confusions: list[Confusion]
    gallery: Gallery
    test_looks: int

    @property
    def title(self) -> str:
        return title(self.sheet)

    @property
    def role(self) -> str:
        return role(self.sheet)

    @property
    def settings(self) -> str:
        """What was predicted otherwise than the recipe says."""
        return settings_text(self.sheet)


def write_report(run: Run, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write `report.html`, `figures/` and `tables/` into the run folder.

    `report.html` is self-contained: no script, no network, pictures inside. `progress(done,
    total)` is told of each image that is predicted again for the panels. A data set that is no
    longer where it was costs the panels, not the report.

    Returns:
        The path of `report.html`.

    Raises:
        IntarsiaError: a file of the run is damaged, or the folder cannot be written.
    """
    folder = Path(run.path)
    log, summary, manifest = run.log, run.summary, run.manifest
    sheets = evaluations_of(run)
    pictured = galleries(run, sheets, progress=progress)
    sections = [
        _section(name, sheet, pictured[name], run.test_looks) for name, sheet in sheets.items()
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
        drawings += _drawings(section, run.labels)
        tables += [section.classes, section.images, _matrix_table(section)]
    _write(folder, drawings, tables)

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
            "images_shown": _IMAGES_SHOWN,
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
            "commands": _commands(run, sheets.values()),
            "quantity": quantity,
        },
    )
    path = folder / "report.html"
    write_atomic(path, page.encode("utf-8"))
    return path


def _section(name: str, sheet: Evaluation, gallery: Gallery, looks: int) -> Section:
    names = list(sheet.names)
    images = image_table(name, sheet)
    return Section(
        name=name,
        sheet=sheet,
        classes=class_table(name, sheet),
        images=images,
        images_left_out=max(0, len(images.rows) - _IMAGES_SHOWN),
        heat=heat_rows(sheet.confusion_matrix),
        names=names,
        confusions=confusions(sheet.confusion_matrix, names),
        gallery=gallery,
        test_looks=looks if sheet.split == "test" else 0,
    )


def _drawings(section: Section, labels: LabelMap) -> list[Drawing]:
    matrix = section.sheet.confusion_matrix
    drawings = [
        class_bars(section.name, section.sheet, labels),
        matrix_drawing(section.name, section.title, matrix, section.names),
    ]
    if section.gallery.pictures:
        drawings.append(
            panels_drawing(section.name, section.title, section.gallery.pictures, labels)
        )
    return drawings


def _matrix_table(section: Section) -> Table:
    matrix = section.sheet.confusion_matrix
    return matrix_table(section.name, section.title, matrix, section.names)


def _write(folder: Path, drawings: list[Drawing], tables: list[Table]) -> None:
    for name in ("figures", "tables"):
        (folder / name).mkdir(exist_ok=True)
    for drawing in drawings:
        drawing.write(folder / "figures")
    for table in tables:
        table.write(folder / "tables")


def _commands(run: Run, sheets: Iterable[Evaluation]) -> list[str]:
    """What gives this run again, from its own folder."""
    own = run.manifest.get("name")
    root = shlex.quote(str(run.manifest.get("root", "DATA")))
    lines = [f"intarsia train {root} --recipe recipe.yaml --out again"]
    for sheet in sheets:
        if sheet.data == own:
            changed = (f"predict.{key}={json.dumps(v)}" for key, v in sheet.settings.items())
            settings = "".join(f" --set {shlex.quote(text)}" for text in changed)
            split = shlex.quote(sheet.split)
            lines.append(f"intarsia evaluate again {root} --split {split}{settings}")
    return lines
