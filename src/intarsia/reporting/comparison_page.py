"""The page of a comparison: the answer first, then what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intarsia.comparison import Comparison, Entry
from intarsia.html import render
from intarsia.reporting.callouts import callouts
from intarsia.reporting.class_intervals import class_drawings, class_notes, class_table
from intarsia.reporting.compared import RUN_SHAPES, repeated_curves, run_colors, run_markers
from intarsia.reporting.costs import cost_drawings, cost_table
from intarsia.reporting.disagreement import disagreement_drawing, disagreements
from intarsia.reporting.evaluations import file_stem
from intarsia.reporting.facts import Fact
from intarsia.reporting.figures import Drawing, themed
from intarsia.reporting.matrices import (
    Confusion,
    HeatCell,
    confusions,
    heat_rows,
    matrix_drawing,
)
from intarsia.reporting.quantities import quantity
from intarsia.reporting.rankings import (
    interval_text,
    other_metrics,
    ranking_drawing,
    ranking_rows,
)
from intarsia.reporting.verdicts import pair_details, sentences, verdict_rows
from intarsia.reporting.why_differ import Reason, why_differ
from intarsia.runs import CrossValidation

if TYPE_CHECKING:
    from intarsia.datasets import Dataset
    from intarsia.runs import Run

_LEFT_OUT = "left out"  # the last column of a second annotator's matrix
_OPEN = 2  # confusion matrices that are unfolded from the start


@dataclass(frozen=True)
class Page:
    """The page and the drawings in it."""

    text: str
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True)
class RunKey:
    """How one run is marked everywhere: a colour of the page, and a shape of the style sheet."""

    color: str
    shape: str


@dataclass(frozen=True)
class RunMatrix:
    """The confusion matrix of one run, all repeats together."""

    name: str
    heat: list[list[HeatCell]]
    predicted: list[str]
    confusions: list[Confusion]
    unfolded: bool


@dataclass(frozen=True)
class PairReasons:
    """Why the two of a pair may differ."""

    a: str
    b: str
    reasons: list[Reason]


def comparison_page(
    comparison: Comparison,
    data: Dataset | None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Page:
    """The page of a comparison; `data` and `progress` are those of `disagreements`."""
    ranking = ranking_drawing(comparison)
    classes = class_drawings(comparison)
    costs = cost_drawings(comparison)
    curves = repeated_curves({entry.name: _trainings(entry) for entry in comparison.entries})
    differing = disagreements(comparison, data, progress=progress)
    text = render(
        "comparison.html",
        {
            "title": f"{comparison.data}, {comparison.split} · Intarsia comparison",
            "comparison": comparison,
            "labels": comparison.labels,
            "colors": {label.name: label.color for label in comparison.labels.classes},
            "keys": _keys(comparison),
            "facts": _facts(comparison),
            "callouts": callouts(comparison),
            "lead": _lead(comparison),
            "sentences": sentences(comparison),
            "ranking": ranking_rows(comparison),
            "other_metrics": other_metrics(comparison),
            "ranking_drawing": ranking,
            "verdicts": verdict_rows(comparison),
            "pairs": pair_details(comparison),
            "title_of_runs": _contenders(comparison),
            "class_drawings": classes,
            "class_notes": class_notes(comparison),
            "class_table": class_table(comparison),
            "costs": cost_table(comparison),
            "cost_drawings": costs,
            "curves": curves,
            "matrices": _matrices(comparison),
            "disagreements": differing,
            "reasons": _reasons(comparison),
            "quantity": quantity,
        },
    )
    drawings = [
        *([] if ranking is None else [ranking]),
        *classes,
        *(each.drawing for each in costs),
        *curves,
        *_matrix_drawings(comparison),
        *([disagreement_drawing(differing.images)] if differing.images else []),
    ]
    return Page(text, tuple(drawings))


def _keys(comparison: Comparison) -> dict[str, RunKey]:
    names = [entry.name for entry in comparison.entries]
    colors, markers = run_colors(names), run_markers(names)
    return {name: RunKey(themed(colors[name]), RUN_SHAPES[markers[name]]) for name in names}


def _trainings(entry: Entry) -> Sequence[Run]:
    """What has a log: of a cross-validation its folds."""
    return [
        training
        for run in entry.contender.runs
        for training in (run.folds if isinstance(run, CrossValidation) else (run,))
    ]


def _facts(comparison: Comparison) -> list[Fact]:
    units = len(set(comparison.groups))
    trainings = sum(len(entry.contender.runs) for entry in comparison.entries)
    contenders = [*(entry.contender for entry in comparison.entries), *comparison.failed]
    failed = sum(len(contender.failures) for contender in contenders)
    together = f"in {quantity(units, 'count')} group{'s' * (units != 1)}, which are resampled"
    told = f"{trainings} training{'s' * (trainings != 1)}"
    return [
        Fact("Runs", str(len(comparison.entries)), f"{told}, {failed} failed" if failed else told),
        Fact(
            "Images",
            quantity(comparison.images, "count"),
            "each resampled by itself" if comparison.unit == "image" else together,
        ),
        Fact(
            "Ranked by",
            comparison.metric_name,
            _declared(comparison),
        ),
        Fact("Margin", f"±{comparison.margin:g}", "a smaller difference does not matter"),
        Fact(
            "Level",
            f"{100 * comparison.level:g} %",
            "of intervals; tests corrected together (Holm)",
        ),
        Fact("Classes", str(len(comparison.labels)), f"of {comparison.data}"),
    ]


def _declared(comparison: Comparison) -> str:
    if not comparison.declared:
        return "not declared: the default"
    return "declared, but late" if comparison.primary_late else "declared with the data"


def _contenders(comparison: Comparison) -> str:
    """How many runs and people were compared."""
    people = sum(entry.contender.annotator is not None for entry in comparison.entries)
    runs = len(comparison.entries) - people
    parts = [f"{runs} run{'s' * (runs != 1)}"]
    if people:
        parts.append("a second annotator" if people == 1 else f"{people} more annotators")
    return " and ".join(parts)


def _lead(comparison: Comparison) -> str:
    """The best network, and how far a person gets, who is no network to choose."""
    networks = [entry for entry in comparison.ranking if entry.contender.runs]
    people = [entry for entry in comparison.ranking if not entry.contender.runs]
    best = networks[0]
    if best.primary.value is None:
        return f"No run has a figure: {comparison.metric_name} is n/a on these images."
    text = f"Highest {comparison.metric_name}: {_with_interval(comparison, best)}."
    if people:
        ceiling = "; ".join(_with_interval(comparison, entry) for entry in people)
        text += f" Human ceiling: {ceiling}."
    return text


def _with_interval(comparison: Comparison, entry: Entry) -> str:
    value = entry.primary.value
    text = f"{entry.name}, {'n/a' if value is None else f'{value:.3f}'}"
    if entry.primary.interval is None:
        return f"{text} (no interval)"
    return f"{text} ({100 * comparison.level:g} % interval {interval_text(entry.primary)})"


def _matrices(comparison: Comparison) -> list[RunMatrix]:
    names = comparison.labels.names
    found = []
    for place, entry in enumerate(comparison.ranking):
        matrix, predicted = entry.matrix, _predicted(entry, names)
        found.append(
            RunMatrix(
                name=entry.name,
                heat=heat_rows(matrix),
                predicted=predicted,
                confusions=confusions(matrix, predicted),
                unfolded=place < _OPEN,
            )
        )
    return found


def _matrix_drawings(comparison: Comparison) -> list[Drawing]:
    names = comparison.labels.names
    drawings: list[Drawing] = []
    stems: set[str] = set()
    for entry in comparison.ranking:
        stem = file_stem(entry.name, taken=stems)
        stems.add(stem)
        drawings.append(
            matrix_drawing(stem, entry.name, entry.matrix, names, _predicted(entry, names))
        )
    return drawings


def _predicted(entry: Entry, names: list[str]) -> list[str]:
    """What the columns of its matrix are."""
    return [*names, _LEFT_OUT] if entry.matrix.shape[1] > len(names) else list(names)


def _reasons(comparison: Comparison) -> list[PairReasons]:
    ranking = comparison.ranking
    return [
        PairReasons(one.name, other.name, why_differ(one, other))
        for place, one in enumerate(ranking)
        for other in ranking[place + 1 :]
    ]
