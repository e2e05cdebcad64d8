"""Whether the network is right as often as it says: reliability diagram and calibration errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intarsia.evaluation import Details
from intarsia.reporting.figures import (
    FIRST,
    INK,
    MUTED,
    SECOND,
    Drawing,
    draw,
    legible,
    new_figure,
)
from intarsia.reporting.tables import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def calibration_table(name: str, title: str, details: Details) -> Table:
    """The calibration error of the pixels that were called each class, then that of all."""
    names = [row.name for row in details.boundary]
    rows = (
        *zip(names, details.class_calibration_errors, strict=True),
        ("all pixels", details.calibration_error),
    )
    columns = (Column("called"), Column("ECE", "ratio"))
    return Table(f"calibration-{name}", f"Calibration errors, {title}", columns, rows)


def reliability_table(name: str, title: str, details: Details) -> Table:
    """The bins of the diagram: confidence is the mean in the bin."""
    rows = tuple(
        (row.low, row.high, row.pixels, row.confidence, row.accuracy) for row in details.reliability
    )
    columns = (
        Column("from", "ratio"),
        Column("to", "ratio"),
        Column("pixels", "count"),
        Column("confidence", "ratio"),
        Column("accuracy", "ratio"),
    )
    return Table(f"reliability-{name}", f"Reliability, {title}", columns, rows)


def reliability_drawing(name: str, title: str, details: Details) -> Drawing:
    """Accuracy against confidence, and below it how many pixels are that sure."""
    label = f"Reliability diagram, {title}"
    return draw(f"reliability-{name}", label, lambda: _figure(label, details))


def _figure(heading: str, details: Details) -> Figure:
    figure = new_figure(4.8, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    bars = [bar for bar in details.reliability if bar.pixels]
    middles = [(bar.low + bar.high) / 2 for bar in bars]
    width = 0.92 / len(details.reliability)
    accuracy = [bar.accuracy or 0.0 for bar in bars]
    gaps = [(bar.confidence or 0.0) - (bar.accuracy or 0.0) for bar in bars]
    upper.bar(middles, accuracy, width, color=FIRST, label="accuracy")
    upper.bar(
        middles,
        gaps,
        width,
        bottom=accuracy,
        color=SECOND,
        alpha=0.45,
        edgecolor=SECOND,
        linewidth=1.0,
        label="from there to the confidence",
    )
    upper.plot([0, 1], [0, 1], color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    upper.set_xlim(0, 1)
    upper.set_ylim(0, 1.02)
    upper.set_ylabel("accuracy")
    upper.legend(loc="upper left")
    upper.set_title(legible(heading, 52), loc="left", fontweight="bold", fontsize=10)
    total = sum(bar.pixels for bar in bars)
    lower.bar(middles, [100 * bar.pixels / max(total, 1) for bar in bars], width, color=MUTED)
    lower.set_ylim(0, 100)
    lower.set_yticks([0, 50, 100])
    lower.set_ylabel("% of pixels")
    lower.set_xlabel("confidence")
    return figure
