"""The files of an ablation: its page, its table, and what it says as JSON."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.comparison import Ablation, FreeGain
from intarsia.html import render
from intarsia.images import write_atomic
from intarsia.reporting.facts import Fact
from intarsia.reporting.figures import (
    GRID,
    MUTED,
    RUN_COLORS,
    Drawing,
    draw,
    legible,
    new_figure,
)
from intarsia.reporting.quantities import quantity
from intarsia.reporting.tables import Cell, Column, Table
from intarsia.runs.json_files import write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D")  # with more gains than colours the next shape begins
_RATIOS = (0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_COLUMNS = (
    Column("gain"),
    Column("without"),
    Column("with"),
    Column("the run has"),
    Column("mIoU without", "ratio"),
    Column("mIoU with", "ratio"),
    Column("difference", "number"),
    Column("low", "number"),
    Column("high", "number"),
    Column("p adjusted", "number"),
    Column("verdict"),
    Column("ms without", "rate"),
    Column("ms with", "rate"),
    Column("ms difference", "rate"),
    Column("latency ratio", "number"),
    Column("ECE without", "ratio"),
    Column("ECE with", "ratio"),
    Column("remark"),
)


def write_ablation(ablation: Ablation, folder: str | Path) -> Path:
    """Writes `ablation.json`, `ablation.csv` and `ablation.html`; the path of the page.

    The page is self-contained: no script, no network, its figure inside.
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "ablation.json", ablation.to_json())
    write_atomic(out / "ablation.csv", ablation_table(ablation).csv().encode())
    better = [gain.name for gain in ablation.gains if gain.verdict == "better"]
    page = render(
        "ablation.html",
        {
            "title": f"{ablation.run} · Free gains · Intarsia",
            "ablation": ablation,
            "headline": _headline(ablation),
            "drawing": gains_drawing(ablation) if ablation.gains else None,
            "better": sorted(set(better), key=better.index),
            "quantity": quantity,
        },
    )
    path = out / "ablation.html"
    write_atomic(path, page.encode())
    return path


def ablation_table(ablation: Ablation) -> Table:
    """A row a gain, then those that do not apply with the reason."""
    rows = [_row(gain) for gain in ablation.gains]
    for each in ablation.absent:
        nothing: tuple[Cell, ...] = (None,) * (len(_COLUMNS) - 2)
        rows.append((each.gain, *nothing, f"n/a: {each.reason}"))
    return Table("ablation", f"Free gains of {ablation.run}", _COLUMNS, tuple(rows))


def gains_drawing(ablation: Ablation) -> Drawing:
    """What each gain adds to the mIoU, with its interval, against what it costs in time."""
    label = "What each gain adds to the mIoU, and how many times as long an image takes"
    return draw("ablation", label, partial(_figure, ablation))


def _row(gain: FreeGain) -> tuple[Cell, ...]:
    found = gain.difference
    interval = None if found is None else found.interval
    return (
        gain.name,
        gain.without.setting,
        gain.with_.setting,
        "with" if gain.switch.has else "without",
        gain.without.miou,
        gain.with_.miou,
        gain.value,
        None if interval is None else interval.low,
        None if interval is None else interval.high,
        None if found is None else found.p_adjusted,
        gain.verdict or "same masks",
        gain.without.milliseconds,
        gain.with_.milliseconds,
        gain.milliseconds,
        gain.ratio,
        gain.without.calibration_error,
        gain.with_.calibration_error,
        gain.remark,
    )


def _headline(ablation: Ablation) -> list[Fact]:
    base = ablation.base
    between = "no interval"
    if base.interval is not None:
        level = f"{100 * base.interval.level:g} %"
        between = f"{level}: {base.interval.low:.3f} to {base.interval.high:.3f}"
    groups = "each on its own"
    if ablation.groups != ablation.images:
        groups = f"in {quantity(ablation.groups, 'count')} groups"
    return [
        Fact("mIoU", quantity(base.value, "ratio"), between, share=base.value),
        Fact("Time an image", f"{ablation.base_milliseconds:.0f} ms", f"on {ablation.device}"),
        Fact("Images", quantity(ablation.images, "count"), groups),
    ]


def _figure(ablation: Ablation) -> Figure:
    rows = -(-len(ablation.gains) // 2)
    figure = new_figure(5.0, 3.0 + 0.2 * rows)
    axes = figure.add_subplot()
    axes.axhspan(-ablation.margin, ablation.margin, color=GRID, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=1)
    axes.axvline(1, color=MUTED, linewidth=1)
    for place, gain in enumerate(ablation.gains):
        if gain.value is None:
            continue
        interval = None if gain.difference is None else gain.difference.interval
        reach = None
        if interval is not None:
            reach = [[gain.value - interval.low], [interval.high - gain.value]]
        axes.errorbar(
            [gain.ratio],
            [gain.value],
            yerr=reach,
            fmt=_MARKERS[place // len(RUN_COLORS) % len(_MARKERS)],
            color=RUN_COLORS[place % len(RUN_COLORS)],
            markersize=7,
            capsize=4,
            label=legible(f"{gain.name} {gain.change.replace('*', '')}", 40),
        )
    _axis_of_ratios(axes, [1.0, *(gain.ratio for gain in ablation.gains)])
    axes.set_xlabel("time of an image, times as long")
    axes.set_ylabel("Δ mIoU")
    axes.set_title("What each gain adds", loc="left", fontweight="bold")
    axes.set_title(f"grey: ±{ablation.margin:g} does not matter", loc="right", fontsize=9)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _axis_of_ratios(axes: Axes, ratios: list[float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = min(ratios) / 1.12, max(ratios) * 1.12
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    shown = [1.0]
    step = max(1.04, (high / low) ** 0.09)
    for mark in sorted(_RATIOS, key=lambda mark: abs(mark - 1)):
        if low <= mark <= high and all(max(mark / m, m / mark) >= step for m in shown):
            shown.append(mark)
    axes.xaxis.set_major_locator(FixedLocator(sorted(shown)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
