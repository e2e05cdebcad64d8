"""What the folds of a cross-validation came to, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from intarsia.evaluation import Evaluation
from intarsia.labels import LabelMap
from intarsia.reporting.evaluations import evaluations_of
from intarsia.reporting.facts import Fact, between
from intarsia.reporting.figures import (
    GRID,
    INK,
    MUTED,
    Drawing,
    draw,
    hex_color,
    legible,
    new_figure,
)
from intarsia.reporting.quantities import quantity
from intarsia.reporting.tables import Cell, Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from intarsia.runs import CrossValidation, Run

_FIGURES = (
    ("miou", "mIoU"),
    ("mean_dice", "mean Dice"),
    ("mean_accuracy", "mean accuracy"),
    ("pixel_accuracy", "pixel accuracy"),
)


@dataclass(frozen=True)
class FoldResult:
    """One trained fold and its sheet on what it held out; `groups` is None without groups."""

    name: str
    run: Run
    sheet: Evaluation
    groups: int | None


def fold_results(run: CrossValidation) -> list[FoldResult]:
    """The folds that are trained and measured, in order."""
    found = []
    for fold in run.folds:
        sheets = evaluations_of(fold).values()
        sheet = next((s for s in sheets if s.selection and not s.settings), None)
        if sheet is not None:
            held_out = [s for s in fold.manifest["samples"] if s["split"] == "val"]
            groups = {s["group"] for s in held_out if s["group"] is not None}
            found.append(FoldResult(fold.name, fold, sheet, len(groups) or None))
    return found


def mean_and_deviation(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """The mean and the standard deviation (n - 1) of those that are not n/a.

    >>> mean_and_deviation([1.0, None, 3.0])
    (2.0, 1.4142135623730951)
    >>> mean_and_deviation([0.5])
    (0.5, None)
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    return fmean(known) if known else None, stdev(known) if len(known) > 1 else None


def folds_headline(results: Sequence[FoldResult], pooled: Evaluation | None) -> list[Fact]:
    """The figures at the top of the page."""
    facts: list[Fact] = []
    if pooled is not None:
        facts += [
            Fact(
                "mIoU",
                quantity(pooled.miou, "ratio"),
                between(
                    pooled.interval("miou"),
                    f"all {quantity(pooled.images, 'count')} images, out of fold",
                ),
                share=pooled.miou,
            ),
            Fact(
                "Pixel accuracy",
                quantity(pooled.pixel_accuracy, "ratio"),
                f"majority baseline {quantity(pooled.majority_accuracy, 'ratio')}",
                share=pooled.pixel_accuracy,
                mark=pooled.majority_accuracy,
            ),
        ]
    figures = [result.sheet.miou for result in results]
    mean, deviation = mean_and_deviation(figures)
    facts.append(
        Fact(
            "Mean of the folds",
            quantity(mean, "ratio"),
            f"mIoU, standard deviation {quantity(deviation, 'ratio')}",
        )
    )
    known = [figure for figure in figures if figure is not None]
    if known:
        highest = quantity(max(known), "ratio")
        facts.append(Fact("Lowest fold", quantity(min(known), "ratio"), f"mIoU; highest {highest}"))
    seconds = [result.run.summary.get("training_seconds") for result in results]
    if results and None not in seconds:
        total = sum(float(value) for value in seconds if value is not None)
        facts.append(Fact("Training time", quantity(total, "duration"), f"{len(results)} folds"))
    memory = [result.run.summary.get("peak_memory_bytes") or 0 for result in results]
    if any(memory):
        facts.append(Fact("Peak memory", quantity(max(memory), "size"), "of a training"))
    return facts


def fold_table(results: Sequence[FoldResult], pooled: Evaluation | None) -> Table:
    """A row a fold, then their mean and standard deviation, then all images as one sheet."""
    rows: list[tuple[Cell, ...]] = [
        (
            result.name,
            result.sheet.images,
            result.groups,
            result.run.summary.get("best_epoch"),
            len(result.run.log),
            *(getattr(result.sheet, key) for key, _ in _FIGURES),
            result.run.summary.get("training_seconds"),
        )
        for result in results
    ]
    each = [[getattr(result.sheet, key) for result in results] for key, _ in _FIGURES]
    spread = [mean_and_deviation(values) for values in each]
    for place, name in enumerate(("mean", "standard deviation")):
        rows.append((name, "", "", "", "", *(pair[place] for pair in spread), ""))
    if pooled is not None:
        figures = (getattr(pooled, key) for key, _ in _FIGURES)
        rows.append(("all images together", pooled.images, "", "", "", *figures, ""))
    columns = (
        Column("fold"),
        Column("images held out", "count"),
        Column("groups", "count"),
        Column("best epoch", "count"),
        Column("epochs", "count"),
        *(Column(title, "ratio") for _, title in _FIGURES),
        Column("training", "duration"),
    )
    return Table("folds", "The folds, each on the images it held out", columns, tuple(rows))


def class_spread(results: Sequence[FoldResult], pooled: Evaluation | None) -> Table:
    """IoU: a row a class, a column a fold."""
    names = [row.name for row in results[0].sheet.classes] if results else []
    together = {} if pooled is None else {row.name: row.iou for row in pooled.classes}
    rows = []
    for name in names:
        each = [result.sheet[name].iou for result in results]
        rows.append((name, together.get(name), *mean_and_deviation(each), *each))
    columns = (
        Column("class"),
        Column("all together", "ratio"),
        Column("mean", "ratio"),
        Column("deviation", "ratio"),
        *(Column(result.name, "ratio") for result in results),
    )
    return Table("classes-by-fold", "IoU of each class by fold", columns, tuple(rows))


def spread_drawing(
    results: Sequence[FoldResult], pooled: Evaluation | None, labels: LabelMap
) -> Drawing | None:
    """A dot a fold and a tick for all images together, class by class; None without a fold."""
    if not results:
        return None
    label = "IoU of each class, a dot a fold"
    return draw("folds-spread", label, lambda: _figure(label, results, pooled, labels))


def _figure(
    heading: str, results: Sequence[FoldResult], pooled: Evaluation | None, labels: LabelMap
) -> Figure:
    colors = {label.name: hex_color(label.color) for label in labels.classes}
    names = [row.name for row in results[0].sheet.classes]
    figure = new_figure(6.4, 1.2 + 0.27 * len(names))
    axes = figure.add_subplot()
    for place, name in enumerate(names):
        values = [v for v in (result.sheet[name].iou for result in results) if v is not None]
        if values:
            axes.plot([min(values), max(values)], [place, place], color=MUTED, linewidth=1)
        axes.scatter(
            values,
            [place] * len(values),
            s=42,
            color=colors.get(name, MUTED),
            edgecolor=MUTED,  # a pale class must not vanish on the paper
            linewidth=0.8,
            zorder=3,
        )
        together = None if pooled is None else pooled[name].iou
        if together is not None:
            axes.plot([together] * 2, [place - 0.34, place + 0.34], color=INK, linewidth=2)
    axes.set_yticks(range(len(names)), [legible(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(visible=True, axis="x", color=GRID)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("IoU")
    axes.set_title(heading, loc="left", fontweight="bold")
    if pooled is not None:
        axes.set_title("line: all images together", loc="right", fontsize=9)
    return figure
