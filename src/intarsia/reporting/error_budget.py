"""Where the wrong pixels are: the shares of the kinds of error, and the classes behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intarsia.evaluation import Details
from intarsia.metrics import ERROR_KINDS
from intarsia.reporting.figures import PAPER, RUN_COLORS, Drawing, draw, legible, new_figure
from intarsia.reporting.tables import Cell, Column, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = 4  # of the pairs and classes of each kind
_NAME = 15  # characters of a class
_COLORS = dict(zip(ERROR_KINDS, RUN_COLORS, strict=False))


def error_table(name: str, title: str, details: Details) -> Table:
    """Shares of all wrong pixels: each kind, then the pairs and the classes it is made of."""
    rows: list[tuple[Cell, ...]] = []
    for kind in ERROR_KINDS:
        rows.append((kind, "all", "all", getattr(details.errors, kind)))
        rows += [(kind, *part) for part in _parts(details, kind)]
    columns = (Column("kind"), Column("truth"), Column("prediction"), Column("share", "ratio"))
    return Table(f"errors-{name}", f"Where the errors are, {title}", columns, tuple(rows))


def error_drawing(name: str, title: str, details: Details) -> Drawing:
    """The kinds as one bar, and the largest parts of confused, missed and invented."""
    label = f"Where the errors are, {title}"
    return draw(f"errors-{name}", label, lambda: _figure(label, details))


def _parts(details: Details, kind: str) -> list[tuple[str, str, float]]:
    """(truth, prediction, share) of a kind, the largest first; "all" where it has no class."""
    errors = details.errors
    match kind:
        case "confusion":
            return list(errors.pairs)
        case "missed":
            return [(name, "all", share) for name, share in errors.missed_classes]
        case "invented":
            return [("all", name, share) for name, share in errors.invented_classes]
    return []


def _figure(heading: str, details: Details) -> Figure:
    largest = [(kind, *part) for kind in ERROR_KINDS for part in _parts(details, kind)[:_SHOWN]]
    top, below = 1.25, 0.2 + 0.27 * len(largest)  # inches
    figure = new_figure(4.8, top + below if largest else top)
    if largest:
        # each with its own margins: the bar of the kinds is as wide as the figure
        halves = figure.subfigures(2, 1, squeeze=False, height_ratios=(top, below))
        upper, lower = halves[:, 0]
        whole = upper.add_subplot()
        _bars(lower.add_subplot(), largest)
    else:
        whole = figure.add_subplot()
    left = 0.0
    for kind in ERROR_KINDS:
        percent = 100 * (getattr(details.errors, kind) or 0.0)
        label = f"{kind} {_percent(percent)}"
        whole.barh(
            [0], [percent], left=left, color=_COLORS[kind], edgecolor=PAPER, height=1, label=label
        )
        left += percent
    whole.set_xlim(0, 100)
    whole.set_xticks([])
    whole.set_yticks([])
    whole.grid(visible=False)
    for spine in whole.spines.values():
        spine.set_visible(False)
    whole.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.05), ncols=2)
    whole.set_title(legible(heading, 52), loc="left", fontweight="bold", fontsize=10)
    return figure


def _bars(axes: Axes, rows: list[tuple[str, str, str, float]]) -> None:
    places = range(len(rows))
    percents = [100 * share for *_, share in rows]
    axes.barh(places, percents, height=0.7, color=[_COLORS[kind] for kind, *_ in rows])
    room = 0.02 * max(percents)
    for place, percent in zip(places, percents, strict=True):
        axes.text(percent + room, place, _percent(percent), va="center", fontsize=9)
    axes.set_yticks(list(places), [_called(*row[:3]) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.25 * max(percents))
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)


def _called(kind: str, truth: str, prediction: str) -> str:
    if kind == "confusion":
        return f"{legible(truth, _NAME)} as {legible(prediction, _NAME)}"
    return f"{kind}: {legible(prediction if kind == 'invented' else truth, _NAME)}"


def _percent(percent: float) -> str:
    return f"{percent:.0f} %" if percent >= 0.5 or percent == 0 else "<1 %"
