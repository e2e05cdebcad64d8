"""The metric sheet of one evaluation: headline figures, a row and a bar per class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from intarsia.evaluation import Evaluation, ImageMetrics
from intarsia.labels import LabelMap
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
from intarsia.reporting.tables import Column, Table
from intarsia.statistics import Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BOUNDS = (Column("IoU low", "ratio"), Column("IoU high", "ratio"))
_CLASS_COLUMNS = (
    Column("Dice", "ratio"),
    Column("precision", "ratio"),
    Column("sensitivity", "ratio"),
    Column("specificity", "ratio"),
    Column("support", "count"),
    Column("share", "ratio"),
)
_CLASS_KEYS = ("dice", "precision", "sensitivity", "specificity")

_SUMMARY = (
    ("images", Column("images", "count")),
    ("miou", Column("mIoU", "ratio")),
    ("micro_iou", Column("micro IoU", "ratio")),
    ("mean_dice", Column("mean Dice", "ratio")),
    ("mean_accuracy", Column("mean accuracy", "ratio")),
    ("pixel_accuracy", Column("pixel accuracy", "ratio")),
    ("majority_accuracy", Column("majority baseline", "ratio")),
    ("frequency_weighted_iou", Column("frequency-weighted IoU", "ratio")),
    ("seconds", Column("seconds", "rate")),
    ("milliseconds_per_image", Column("ms an image", "rate")),
)
_SHOWN_SETTINGS = 60  # characters


def role(sheet: Evaluation) -> str:
    """What the split was to the training, which decides what its figures are worth."""
    if sheet.split == "train":
        return "trained on"
    return "chose the checkpoint" if sheet.selection else "independent"


def title(sheet: Evaluation) -> str:
    """The split and its data, and what was predicted otherwise than the recipe says.

    >>> import numpy as np
    >>> title(Evaluation("camvid", "val", ("a",), np.eye(1), settings={"crf": True}))
    'val of camvid, crf True'
    """
    changed = settings_text(sheet)
    return f"{sheet.split} of {sheet.data}" + (f", {changed}" if changed else "")


def settings_text(sheet: Evaluation) -> str:
    """The `predict.*` keys that were not the recipe's, in words; empty where there are none."""
    text = ", ".join(f"{key} {_plain(value)}" for key, value in sheet.settings.items())
    return text if len(text) <= _SHOWN_SETTINGS else text[: _SHOWN_SETTINGS - 1].rstrip() + "…"


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def summary_table(sheets: Iterable[Evaluation]) -> Table:
    """A row an evaluation: the figures that one would quote, and its time."""
    sheets = list(sheets)
    # a column that only some runs need
    changed = any(sheet.settings for sheet in sheets)
    rows = [
        (
            sheet.data,
            sheet.split,
            *((settings_text(sheet) or "as the recipe",) if changed else ()),
            role(sheet),
            *(getattr(sheet, key) for key, _ in _SUMMARY),
            *_bounds(sheet.interval("miou")),
        )
        for sheet in sheets
    ]
    columns = (
        Column("data"),
        Column("split"),
        *((Column("predicted with"),) if changed else ()),
        Column("role"),
        *(column for _, column in _SUMMARY),
        Column("mIoU low", "ratio"),
        Column("mIoU high", "ratio"),
    )
    return Table("evaluations", "Evaluations of this run", columns, tuple(rows))


def class_table(name: str, sheet: Evaluation) -> Table:
    """A row a class, IoU with its interval; `share` is its part of all pixels that count."""
    total = sum(row.support for row in sheet.classes)
    bounded = sheet.intervals is not None
    rows = tuple(
        (
            row.name,
            row.iou,
            *(_bounds(sheet.interval("iou", row.name)) if bounded else ()),
            *(getattr(row, key) for key in _CLASS_KEYS),
            row.support,
            row.support / total if total else None,
        )
        for row in sheet.classes
    )
    caption = f"Classes, {title(sheet)}"
    bounds = _BOUNDS if bounded else ()
    columns = (Column("class"), Column("IoU", "ratio"), *bounds, *_CLASS_COLUMNS)
    return Table(f"classes-{name}", caption, columns, rows)


def figure_table(name: str, sheet: Evaluation) -> Table:
    """A row a figure over all classes, with its interval or why there is none."""
    rows = tuple(
        (
            figure.name,
            figure.value,
            *_bounds(figure.interval),
            figure.reason,
            "primary" if figure.primary else "",
        )
        for figure in sheet.figures
    )
    columns = (
        Column("figure"),
        Column("value", "ratio"),
        Column("low", "ratio"),
        Column("high", "ratio"),
        Column("no interval because"),
        Column("role"),
    )
    return Table(f"figures-{name}", f"Figures, {title(sheet)}", columns, rows)


def alarm_table(name: str, sheet: Evaluation) -> Table | None:
    """A row a class: images without it in their truth, and where it was predicted all the same.

    None where the sheet was measured without, or no class is absent from any image.
    """
    empty = {} if sheet.intervals is None else sheet.intervals.empty
    rows = tuple(
        (class_name, counts.images, counts.alarms, counts.pixels)
        for class_name, counts in empty.items()
        if counts.images
    )
    columns = (
        Column("class"),
        Column("images without it", "count"),
        Column("of them with a false alarm", "count"),
        Column("pixels", "count"),
    )
    caption = f"False alarms, {title(sheet)}"
    return Table(f"false-alarms-{name}", caption, columns, rows) if rows else None


def _bounds(found: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found.low, found.high)


def image_table(name: str, sheet: Evaluation) -> Table:
    """A row an image, the worst first. A mean over these rows is not the split's mIoU."""
    rows = tuple(
        (row.file, row.miou, row.pixel_accuracy)
        for row in sorted(sheet.per_image, key=_worst_first)
    )
    caption = f"Images, {title(sheet)}"
    columns = (Column("image"), Column("mIoU", "ratio"), Column("pixel accuracy", "ratio"))
    return Table(f"images-{name}", caption, columns, rows)


def class_bars(name: str, sheet: Evaluation, labels: LabelMap) -> Drawing:
    """IoU per class as bars in the class's own colour, with intervals and the mean."""
    colors = {label.name: label.color for label in labels.classes}
    rows = [
        (
            row.name,
            row.iou,
            sheet.interval("iou", row.name),
            colors.get(row.name, (128, 128, 128)),
        )
        for row in sheet.classes
    ]
    label = f"IoU per class, {title(sheet)}"
    return draw(f"iou-{name}", label, lambda: _bars(rows, sheet.miou, label))


def _bars(
    rows: Sequence[tuple[str, float | None, Interval | None, tuple[int, int, int]]],
    mean: float | None,
    heading: str,
) -> Figure:
    figure = new_figure(6.4, 1.1 + 0.27 * len(rows))
    axes = figure.add_subplot()
    places = range(len(rows))
    axes.barh(
        places,
        [value or 0.0 for _, value, _, _ in rows],
        height=0.72,
        color=[hex_color(color) for _, _, _, color in rows],
        edgecolor=MUTED,  # a pale class must not vanish on the paper
        linewidth=0.6,
    )
    for place, (_, value, found, _) in zip(places, rows, strict=True):
        text = "n/a" if value is None else f"{value:.3f}"
        end = value or 0.0
        if found is not None:
            # ink with a white rim: seen on bars of any colour
            ends = [found.low, found.high]
            axes.plot(ends, [place, place], color="white", linewidth=3.4, solid_capstyle="butt")
            axes.plot(ends, [place, place], color=INK, linewidth=1.6, solid_capstyle="butt")
            end = max(end, found.high)
        axes.text(end + 0.012, place, text, va="center", fontsize=9, color=INK)
    axes.set_yticks(list(places), [legible(name) for name, *_ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.09)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=GRID)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("IoU")
    axes.set_title(legible(heading, 70), loc="left", fontweight="bold")
    if mean is not None:
        axes.axvline(mean, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
        # above the bars, where no figure of a class can be in its way
        axes.set_title(f"mean {mean:.3f}", loc="right", fontsize=10)
    return figure


def _worst_first(row: ImageMetrics) -> tuple[bool, float, str]:
    return row.miou is None, row.miou or 0.0, row.file
