"""What the runs cost: a table, and their figure against the cost with the Pareto front marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from intarsia.comparison import Comparison, Cost, Entry
from intarsia.reporting.compared import run_colors, run_markers
from intarsia.reporting.figures import INK, MUTED, Drawing, draw, legible, new_figure
from intarsia.reporting.pareto import pareto_front
from intarsia.reporting.tables import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 5.0, 3.1  # inches: text stays legible when a phone shrinks it to 340 px
_VARIED = 1.15  # ratio of two costs that is worth an axis
_WIDE = 20.0  # ratio of two costs that goes on a logarithmic one


@dataclass(frozen=True)
class _Axis:
    """One cost: what it is called and how it is read from a `Cost`."""

    name: str
    title: str
    read: Callable[[Cost], float | None]


_LATENCY = _Axis("latency", "ms per image", lambda cost: cost.milliseconds_per_image)
_SECOND = (
    _Axis("training", "training minutes", lambda cost: _scaled(cost.training_seconds, 60)),
    _Axis("parameters", "million parameters", lambda cost: _scaled(cost.parameters, 1e6)),
)


@dataclass(frozen=True)
class CostDrawing:
    """A drawing, and the runs on its Pareto front, the cheapest first."""

    drawing: Drawing
    cost: str
    front: tuple[str, ...]


def cost_table(comparison: Comparison) -> Table:
    """A row a run, the best first."""
    columns = (
        Column("run"),
        Column("parameters", "count"),
        Column("multiply-adds (G)", "number"),
        Column("training", "duration"),
        Column("epochs", "number"),
        Column("training images/s", "rate"),
        Column("evaluation", "duration"),
        Column("ms/image", "rate"),
        Column("peak memory", "size"),
    )
    rows = tuple(
        (
            entry.name,
            entry.cost.parameters,
            _scaled(entry.cost.multiply_adds, 1e9),
            entry.cost.training_seconds,
            entry.cost.epochs,
            entry.cost.images_per_second,
            entry.cost.evaluation_seconds,
            entry.cost.milliseconds_per_image,
            entry.cost.peak_memory_bytes,
        )
        for entry in comparison.ranking
    )
    return Table("comparison-costs", "What the runs cost", columns, rows)


def cost_drawings(comparison: Comparison) -> list[CostDrawing]:
    """The figure against ms per image, and against the training time or, where that is the
    budget that all share, against the parameters. Of fewer than two known costs there is none.
    """
    varied = [axis for axis in _SECOND if _varies(comparison.entries, axis)]
    found = []
    for axis in (_LATENCY, *varied[:1]):
        points = _points(comparison.entries, axis)
        if len(points) < 2:
            continue
        front = pareto_front(points)
        title = f"{comparison.metric_name} against {axis.title}"
        paint = partial(_figure, title, comparison, axis, points, front)
        drawing = draw(f"comparison-{axis.name}", title, paint)
        found.append(CostDrawing(drawing, axis.title, tuple(front)))
    return found


def _points(entries: Sequence[Entry], axis: _Axis) -> dict[str, tuple[float, float]]:
    found = {}
    for entry in entries:
        cost, value = axis.read(entry.cost), entry.primary.value
        if cost is not None and value is not None:
            found[entry.name] = (cost, value)
    return found


def _varies(entries: Sequence[Entry], axis: _Axis) -> bool:
    costs = [cost for cost, _ in _points(entries, axis).values()]
    return len(costs) > 1 and max(costs) > _VARIED * min(costs)


def _figure(
    title: str,
    comparison: Comparison,
    axis: _Axis,
    points: Mapping[str, tuple[float, float]],
    front: Sequence[str],
) -> Figure:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter

    names = [entry.name for entry in comparison.entries]
    colors, markers = run_colors(names), run_markers(names)
    shown = [entry for entry in comparison.ranking if entry.name in points]
    annotators = [e for e in comparison.ranking if e.contender.annotator and e.primary.value]
    rows = (len(shown) + len(annotators) + 2) // 2
    figure = new_figure(_WIDTH, _HEIGHT + 0.2 * rows)
    axes = figure.add_subplot()
    axes.set_title(legible(title, 60), loc="left", fontweight="bold", fontsize=10)
    for entry in shown:
        cost, value = points[entry.name]
        found = entry.primary.interval
        if found is not None:
            axes.plot(
                [cost] * 2,
                [found.low, found.high],
                color=colors[entry.name],
                linewidth=1.2,
                alpha=0.5,
            )
        axes.plot([cost], [value], markers[entry.name], color=colors[entry.name], markersize=7)
        if entry.name in front:
            axes.plot([cost], [value], "o", mfc="none", mec=INK, markersize=13, mew=1.2)
    axes.plot(
        [points[name][0] for name in front],
        [points[name][1] for name in front],
        drawstyle="steps-post",
        color=MUTED,
        linewidth=1.1,
        linestyle=(0, (3, 2)),
        zorder=1,
    )
    handles = []
    for entry in shown:
        mark = Line2D([], [], linestyle="", marker=markers[entry.name], color=colors[entry.name])
        mark.set(markersize=6, label=legible(entry.name, 34))
        handles.append(mark)
    for entry in annotators:
        color = colors[entry.name]
        axes.axhline(float(entry.primary.value or 0), color=color, linewidth=1.4, linestyle=":")
        handles.append(
            Line2D([], [], color=color, linestyle=":", label=f"{legible(entry.name, 26)} (no cost)")
        )
    ring = Line2D([], [], linestyle="", marker="o", mfc="none", mec=INK, markersize=9)
    ring.set_label("Pareto front")
    costs = [cost for cost, _ in points.values()]
    if min(costs) > 0 and max(costs) > _WIDE * min(costs):
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0, right=1.08 * max(costs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel(axis.title)
    axes.set_ylabel(legible(comparison.metric_name))
    figure.legend(handles=[*handles, ring], loc="outside lower left", ncols=2, handlelength=1.6)
    return figure


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit
