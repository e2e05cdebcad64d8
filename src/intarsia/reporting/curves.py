"""Learning curves: loss, mIoU, accuracy and learning rate over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from intarsia.reporting.figures import FIRST, INK, MUTED, SECOND, Drawing, draw, new_figure
from intarsia.reporting.tables import Column, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Log = Sequence[Mapping[str, Any]]
Points = tuple[list[int], list[float]]

_WIDTH, _HEIGHT = 5.0, 3.0  # inches: text stays legible when a phone shrinks it to 340 px
_FEW = 40  # epochs that still get a dot each
_DECADES = 1.7  # a loss that spans more goes on a logarithmic axis


def points(log: Log, key: str) -> Points:
    """Epochs and values of one column, without the epochs where it is null or not finite.

    >>> points([{"epoch": 1, "val_miou": None}, {"epoch": 2, "val_miou": 0.5}], "val_miou")
    ([2], [0.5])
    """
    kept = [(int(row["epoch"]), float(row[key])) for row in log if _finite(row.get(key))]
    return [epoch for epoch, _ in kept], [value for _, value in kept]


def learning_curves(
    log: Log, *, best_epoch: int | None, majority_accuracy: float | None
) -> list[Drawing]:
    """One drawing a quantity; what was never measured is left out.

    `best_epoch` is marked in each; `majority_accuracy` is the accuracy of always answering the
    most frequent class, the least that a model has to beat.
    """
    drawings = []
    if points(log, "train_loss")[0] or points(log, "val_loss")[0]:
        drawings.append(draw("curve-loss", "Loss by epoch", partial(_loss_figure, log, best_epoch)))
    for key, name, title, floor in (
        ("miou", "curve-miou", "mIoU", None),
        ("pixel_accuracy", "curve-accuracy", "Pixel accuracy", majority_accuracy),
    ):
        if points(log, f"train_{key}")[0] or points(log, f"val_{key}")[0]:
            paint = partial(_metric_figure, log, key, title, best_epoch, floor)
            drawings.append(draw(name, f"{title} by epoch", paint))
    if points(log, "lr")[0]:
        paint = partial(_rate_figure, log, best_epoch)
        drawings.append(draw("curve-lr", "Learning rate by epoch", paint))
    return drawings


def log_table(log: Log) -> Table:
    """The training log, a row an epoch."""
    columns = (
        ("epoch", Column("epoch", "count")),
        ("train_loss", Column("training loss", "number")),
        ("val_loss", Column("validation loss", "number")),
        ("train_miou", Column("training mIoU", "ratio")),
        ("val_miou", Column("validation mIoU", "ratio")),
        ("train_pixel_accuracy", Column("training pixel accuracy", "ratio")),
        ("val_pixel_accuracy", Column("validation pixel accuracy", "ratio")),
        ("lr", Column("learning rate", "number")),
        ("images_per_second", Column("images per second", "rate")),
        ("seconds", Column("seconds", "rate")),
        ("validation_seconds", Column("validation seconds", "rate")),
    )
    rows = tuple(tuple(row.get(key) for key, _ in columns) for row in log)
    return Table("learning-curves", "Training log", tuple(c for _, c in columns), rows)


def _loss_figure(log: Log, best_epoch: int | None) -> Figure:
    figure, axes = _panel("Loss")
    train, val = points(log, "train_loss"), points(log, "val_loss")
    _line(axes, train, FIRST, "training", len(log), dashed=True)
    _line(axes, val, SECOND, "validation", len(log))
    values = [v for v in (*train[1], *val[1]) if v > 0]
    if (
        len(values) == len(train[1]) + len(val[1])
        and math.log10(max(values) / min(values)) > _DECADES
    ):
        axes.set_yscale("log")
    _finish(axes, log, best_epoch, legend=True)
    return figure


def _metric_figure(
    log: Log, key: str, title: str, best_epoch: int | None, floor: float | None
) -> Figure:
    figure, axes = _panel(title)
    measured = points(log, f"val_{key}")
    _line(axes, points(log, f"train_{key}"), FIRST, "training", len(log), dashed=True)
    _line(axes, measured, SECOND, "validation", len(log))
    if floor is not None and math.isfinite(floor):
        axes.axhline(floor, color=MUTED, linestyle=(0, (2, 2)), linewidth=1.4)
        axes.annotate(
            f"always the largest class: {floor:.3f}",
            (1, floor),
            xycoords=axes.get_yaxis_transform(),
            xytext=(-2, 4),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=INK,
        )
    value = dict(zip(*measured, strict=True)).get(best_epoch) if best_epoch else None
    if best_epoch is not None and value is not None:
        axes.plot([best_epoch], [value], "o", color=SECOND, markersize=8, zorder=4)
    _finish(axes, log, best_epoch, legend=True, value=value)
    return figure


def _rate_figure(log: Log, best_epoch: int | None) -> Figure:
    from matplotlib.ticker import FuncFormatter

    figure, axes = _panel("Learning rate")
    _line(axes, points(log, "lr"), FIRST, "learning rate", len(log))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _finish(axes, log, best_epoch, legend=False)
    return figure


def _panel(title: str) -> tuple[Figure, Axes]:
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel("epoch")
    return figure, axes


def _line(
    axes: Axes, measured: Points, color: str, label: str, epochs: int, *, dashed: bool = False
) -> None:
    epochs_measured, values = measured
    if not epochs_measured:
        return
    # a dot where it was measured: validation may skip epochs, one epoch alone draws no line
    marker = "o" if epochs <= _FEW or len(epochs_measured) < epochs / 2 else ""
    style = (0, (4, 1.5)) if dashed else "-"
    axes.plot(epochs_measured, values, color=color, label=label, marker=marker, linestyle=style)


def _finish(
    axes: Axes, log: Log, best_epoch: int | None, *, legend: bool, value: float | None = None
) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = [int(row["epoch"]) for row in log]
    first, last = min(epochs), max(epochs)
    margin = max(0.5, 0.03 * (last - first))
    axes.set_xlim(first - margin, last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    if best_epoch is not None:
        axes.axvline(best_epoch, color=MUTED, linewidth=1.1, zorder=1)
        # in the title line, where no curve and no other text can be in its way
        reached = "" if value is None else f"{value:.3f}, "
        axes.set_title(f"{reached}best epoch {best_epoch}", loc="right", fontsize=9)
    if legend:
        axes.legend(loc="best")


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
