"""The ranking: a row a run with what must be known of it, and the intervals drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intarsia.comparison import Comparison, Entry
from intarsia.reporting.compared import run_colors, run_markers
from intarsia.reporting.figures import GRID, MUTED, Drawing, draw, legible, new_figure
from intarsia.reporting.quantities import ABSENT, quantity
from intarsia.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 5.0  # inches: text stays legible when a phone shrinks it to 340 px
_ROW = 0.46
_METRICS = {
    "miou": "macro mIoU",
    "micro_iou": "micro IoU",
    "mean_dice": "mean Dice",
    "pixel_accuracy": "pixel accuracy",
}


@dataclass(frozen=True)
class Badge:
    """A word of warning, or of what a run is, beside its name."""

    text: str
    warn: bool


@dataclass(frozen=True)
class RankingRow:
    """One run: its figure and interval, those of the single repeats, the other metrics."""

    name: str
    badges: tuple[Badge, ...]
    value: str
    interval: str
    repeats: int
    range: str
    others: tuple[str, ...]


def ranking_rows(comparison: Comparison) -> list[RankingRow]:
    """The best first."""
    # of all alike it is said once, above
    all_chosen = all(entry.chosen_on for entry in comparison.entries if entry.contender.runs)
    return [
        RankingRow(
            name=entry.name,
            badges=tuple(_badges(entry, all_chosen=all_chosen)),
            value=quantity(entry.primary.value, "ratio"),
            interval=interval_text(entry.primary),
            repeats=len(entry.matrices),
            range=_range(entry.primary),
            others=tuple(
                quantity(entry.estimates[key].value, "ratio") for key in _others(comparison)
            ),
        )
        for entry in comparison.ranking
    ]


def other_metrics(comparison: Comparison) -> list[str]:
    """What `RankingRow.others` are."""
    return list(_others(comparison).values())


def interval_text(estimate: Estimate) -> str:
    """`low to high`, or n/a."""
    found = estimate.interval
    return ABSENT if found is None else f"{found.low:.3f} to {found.high:.3f}"


def _others(comparison: Comparison) -> dict[str, str]:
    """The metrics of all classes by which the runs are not ranked."""
    ranked = comparison.estimand.metric if comparison.estimand.classes is None else None
    return {key: name for key, name in _METRICS.items() if key != ranked}


def _range(estimate: Estimate) -> str:
    """The lowest to the highest repeat; empty where there was one."""
    known = [value for value in estimate.values if value is not None]
    return f"{min(known):.3f} to {max(known):.3f}" if len(known) > 1 else ""


def _badges(entry: Entry, *, all_chosen: bool) -> list[Badge]:
    runs, failures = entry.contender.runs, entry.contender.failures
    found = []
    if entry.leaks:
        found.append(Badge("its split leaks", warn=True))
    if failures:
        found.append(Badge(f"{len(failures)} of {len(runs) + len(failures)} failed", warn=True))
    if entry.chosen_on and not all_chosen:
        found.append(Badge("checkpoint chosen here", warn=False))
    if entry.test_looks > 1:
        found.append(Badge(f"{entry.test_looks} looks at test", warn=True))
    if not runs:
        found.append(Badge("second annotator", warn=False))
    elif entry.recipe != entry.name:
        found.append(Badge(entry.recipe, warn=False))
    return found


def ranking_drawing(comparison: Comparison) -> Drawing | None:
    """The figure of every run with its interval and its single repeats; None where all are n/a."""
    shown = [entry for entry in comparison.ranking if entry.primary.value is not None]
    if not shown:
        return None
    names = [entry.name for entry in comparison.entries]
    label = f"{comparison.metric_name} of every run with its {100 * comparison.level:g} % interval"
    return draw("comparison-ranking", label, lambda: _figure(label, shown, names))


def _figure(label: str, entries: Sequence[Entry], names: Sequence[str]) -> Figure:
    colors, markers = run_colors(names), run_markers(names)
    figure = new_figure(_WIDTH, 0.85 + _ROW * len(entries))
    axes = figure.add_subplot()
    axes.set_title(legible(label, 70), loc="left", fontweight="bold", fontsize=10)
    ends: list[float] = []
    for place, entry in enumerate(entries):
        if place:
            axes.axhline(place - 0.5, color=GRID, linewidth=0.8)
        ends += _row(axes, place, entry, colors[entry.name], markers[entry.name])
    room = 0.04 * (max(ends) - min(ends)) or 0.02
    axes.set_xlim(max(0.0, min(ends) - room), min(1.0, max(ends) + room))
    axes.set_ylim(len(entries) - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("large: mean of the repeats; small: each repeat", color=MUTED, fontsize=9)
    return figure


def _row(axes: Axes, place: int, entry: Entry, color: str, marker: str) -> list[float]:
    """Draws one run; where its marks lie."""
    estimate, found = entry.primary, entry.primary.interval
    value = float(estimate.value or 0)
    level, below, name_at = place + 0.08, place + 0.3, place - 0.26
    ends = [value]
    if found is not None:
        ends += [found.low, found.high]
        axes.plot([found.low, found.high], [level] * 2, color=color, linewidth=3, alpha=0.55)
    repeats = [each for each in estimate.values if each is not None]
    if len(repeats) > 1:
        ends += repeats
        for each in repeats:
            axes.plot([each], [below], marker, color=color, markersize=3.4, clip_on=False)
    axes.plot([value], [level], marker, color=color, markersize=8, clip_on=False)
    across = axes.get_yaxis_transform()
    said = f"{value:.3f}" + (", no interval" if found is None else "")
    for x, text, side in ((0.005, legible(entry.name, 44), "left"), (0.995, said, "right")):
        axes.text(x, name_at, text, transform=across, ha=side, va="center", fontsize=9.5)
    return ends
