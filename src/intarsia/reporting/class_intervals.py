"""The classes of all runs beside each other: IoU with intervals, drawn and in figures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from intarsia.comparison import Comparison, Entry
from intarsia.reporting.compared import run_colors
from intarsia.reporting.figures import GRID, INK, MUTED, PAPER, Drawing, draw, legible, new_figure
from intarsia.reporting.quantities import ABSENT, quantity
from intarsia.reporting.tables import Cell, Column, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 5.0  # inches: text stays legible when a phone shrinks it to 340 px
_TITLE, _GAP = 0.24, 0.13
_FEW_RUNS = 6  # whose bars are wide enough to stand beside their figures
_FEW_CLASSES = 5  # more are drawn in two halves, which stand beside each other in the page


def class_drawings(comparison: Comparison) -> list[Drawing]:
    """IoU of every class and run as a bar with its interval; in two halves where there are many."""
    names = comparison.labels.names
    half = (len(names) + 1) // 2 if len(names) > _FEW_CLASSES else len(names)
    parts = [range(half), range(half, len(names))] if half < len(names) else [range(half)]
    drawings = []
    for number, part in enumerate(parts, start=1):
        suffix = f"-{number}" if len(parts) > 1 else ""
        title = "IoU by class" + (f", {number} of {len(parts)}" if suffix else "")
        paint = partial(_figure, title, comparison, list(part))
        drawings.append(draw(f"comparison-classes{suffix}", title, paint))
    return drawings


def class_notes(comparison: Comparison) -> list[str]:
    """What must be said of single classes: not in the truth, or found by nobody."""
    names, supports = comparison.labels.names, _supports(comparison)
    predicted = [_predicted(entry) for entry in comparison.entries]
    notes = []
    for place, name in enumerate(names):
        by = [
            entry.name
            for entry, each in zip(comparison.entries, predicted, strict=True)
            if each[place]
        ]
        if not supports[place]:
            where = f"predicted by {', '.join(by)}: IoU 0 there" if by else "nor predicted: n/a"
            notes.append(f"{name} is not in the truth of these images, {where}.")
        elif not by:
            notes.append(f"{name} was predicted by nobody: IoU 0.")
    return notes


def class_table(comparison: Comparison) -> Table:
    """A row a class: its pixels, and IoU with interval of every run, the best run first."""
    supports = _supports(comparison)
    total = int(supports.sum()) or 1
    rows: list[tuple[Cell, ...]] = []
    for place, name in enumerate(comparison.labels.names):
        cells = []
        for entry in comparison.ranking:
            estimate = entry.class_estimates[place]
            text = quantity(estimate.value, "ratio")
            found = estimate.interval
            if found is not None and found.low < found.high:
                text += f" ({found.low:.3f} to {found.high:.3f})"
            cells.append(text)
        rows.append((name, int(supports[place]), f"{100 * supports[place] / total:.1f} %", *cells))
    columns = (
        Column("class"),
        Column("pixels", "count"),
        Column("share"),
        *(Column(entry.name) for entry in comparison.ranking),
    )
    return Table("comparison-classes", "IoU by class", columns, tuple(rows))


def _supports(comparison: Comparison) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(K,) pixels of truth, the same for every run and repeat."""
    matrices = comparison.entries[0].matrices[0]
    return np.asarray(matrices.sum(axis=(0, 2), dtype=np.int64))


def _predicted(entry: Entry) -> list[bool]:
    """Whether any repeat predicted each class anywhere."""
    return [bool(pixels) for pixels in entry.matrix.sum(axis=0)[: len(entry.matrix)]]


def _figure(title: str, comparison: Comparison, classes: Sequence[int]) -> Figure:
    entries = comparison.ranking
    colors = run_colors([entry.name for entry in comparison.entries])
    numbered = len(entries) <= _FEW_RUNS
    thick = 0.15 if numbered else 0.085
    block = _TITLE + thick * len(entries) + _GAP
    figure = new_figure(_WIDTH, 0.75 + block * len(classes))
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontweight="bold", fontsize=10)
    supports = _supports(comparison)
    total = int(supports.sum()) or 1
    across = axes.get_yaxis_transform()
    for number, place in enumerate(classes):
        top = number * block
        name = legible(comparison.labels.names[place], 36)
        behind = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}  # not across the grid
        axes.text(
            0.0,
            top + _TITLE / 2,
            name,
            transform=across,
            va="center",
            fontsize=9.5,
            bbox=behind,
        )
        support = f"{100 * supports[place] / total:.1f} % of pixels"
        axes.text(
            1.0,
            top + _TITLE / 2,
            support if supports[place] else "not in the truth",
            transform=across,
            ha="right",
            va="center",
            fontsize=8.5,
            color=MUTED,
            bbox=behind,
        )
        for row, entry in enumerate(entries):
            middle = top + _TITLE + thick * (row + 0.5)
            _bar(axes, entry, place, middle, thick, colors[entry.name], numbered=numbered)
    axes.set_xlim(0, 1.0)
    axes.set_ylim(block * len(classes), -0.04)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=GRID)
    axes.set_xlabel("IoU")
    return figure


def _bar(
    axes: Axes,
    entry: Entry,
    place: int,
    middle: float,
    thick: float,
    color: str,
    *,
    numbered: bool,
) -> None:
    estimate = entry.class_estimates[place]
    value, found = estimate.value, estimate.interval
    axes.barh([middle], [value or 0.0], height=0.86 * thick, color=color, alpha=0.8)
    if found is not None and found.low < found.high:
        axes.plot([found.low, found.high], [middle] * 2, color=INK, linewidth=1.0)
        for end in (found.low, found.high):
            edge = [middle - 0.25 * thick, middle + 0.25 * thick]
            axes.plot([end] * 2, edge, color=INK, linewidth=1.0)
    if value is None or numbered:
        # beside the bars, where no interval can be in its way
        axes.text(
            1.015,
            middle,
            ABSENT if value is None else f"{value:.3f}",
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8 if numbered else 6.5,
        )
