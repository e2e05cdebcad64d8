"""The tables of a comparison for a paper: LaTeX with booktabs."""

from __future__ import annotations

from intarsia.comparison import Comparison, Entry
from intarsia.reporting.quantities import ABSENT
from intarsia.reporting.tables import booktabs, escape_latex
from intarsia.statistics import Difference, Estimate

_COSTS = ("M parameters", "min training", "ms/image")


def runs_latex(comparison: Comparison) -> str:
    """A row a run, the best first, the best in bold where the verdicts say that they are."""
    second = _second_metric(comparison)
    head = ["run", "repeats", comparison.metric_name]
    if second is not None:
        head.append("pixel accuracy")
    head += _COSTS
    rows = []
    for entry in comparison.ranking:
        name = escape_latex(entry.name)
        if entry.leaks:
            name += r"$^\dagger$"
        figure = _with_interval(entry.primary)
        if unbeaten(comparison, entry):
            figure = rf"\textbf{{{figure}}}"
        row = [name, str(len(entry.matrices)), figure]
        if second is not None:
            row.append(_with_interval(entry.estimates[second]))
        cost = entry.cost
        minutes = None if cost.training_seconds is None else cost.training_seconds / 60
        row.append(ABSENT if cost.parameters is None else f"{cost.parameters / 1e6:.2f}")
        row += [_tenths(minutes), _tenths(cost.milliseconds_per_image)]
        rows.append(row)
    for failed in comparison.failed:
        rows.append([escape_latex(failed.name), "0", "failed", *[""] * (len(head) - 3)])
    layout = "lr" + "l" * (len(head) - 2 - len(_COSTS)) + "r" * len(_COSTS)
    caption = escape_latex(" ".join(_runs_caption(comparison)))
    if any(entry.leaks for entry in comparison.entries):
        caption += r" $^\dagger$Trained with a split that leaks."
    return booktabs("comparison", caption, layout, [escape_latex(h) for h in head], rows, wide=True)


def pairs_latex(comparison: Comparison) -> str:
    """A row a paired difference, with its interval, p-values and verdict."""
    head = ["a", "b", "a minus b", "p", "p (equiv.)", "a is"]
    rows = [
        [
            escape_latex(pair.a),
            escape_latex(pair.b),
            _signed(pair),
            _p(pair.p_adjusted),
            _p(pair.p_equivalent_adjusted),
            escape_latex(pair.verdict),
        ]
        for pair in comparison.pairs
    ]
    caption = (
        f"Paired differences in {_estimand(comparison)} {_sample(comparison)} {_tests(comparison)}"
    )
    return booktabs(
        "pairs", escape_latex(caption), "lllrrl", [escape_latex(h) for h in head], rows, wide=True
    )


def unbeaten(comparison: Comparison, entry: Entry) -> bool:
    """True where no other run is *better*; false where nothing is known of it.

    A second annotator takes no part: what people reach is no model to choose.

    Raises:
        DataError: the entry is not of this comparison.
    """
    if entry.primary.value is None or not entry.contender.runs:
        return False
    others = [
        comparison.pair(entry.name, other.name)
        for other in comparison.entries
        if other.name != entry.name and other.contender.runs
    ]
    known = [pair for pair in others if pair.verdict != "n/a"]
    lost = [
        pair for pair in known if pair.verdict == ("worse" if pair.a == entry.name else "better")
    ]
    return bool(known) and not lost


def _runs_caption(comparison: Comparison) -> list[str]:
    sentences = [f"{_capital(_estimand(comparison))} {_sample(comparison)}", _tests(comparison)]
    sentences.append("In bold: runs that no other run is better than.")
    if any(len(entry.matrices) > 1 for entry in comparison.entries):
        sentences.append("Figures and training times are means over the repeats.")
    if any(not entry.contender.runs for entry in comparison.entries):
        sentences.append("The second annotator takes no part in that.")
    if any(entry.chosen_on for entry in comparison.entries):
        sentences.append(
            "Checkpoints were chosen on these images: the figures are a little better than the "
            "truth."
        )
    return sentences


def _estimand(comparison: Comparison) -> str:
    """What is estimated, its class by name; ends with a full stop."""
    text = comparison.entries[0].primary.description
    return text.replace(comparison.estimand.name, comparison.metric_name, 1)


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _sample(comparison: Comparison) -> str:
    groups = len(set(comparison.groups))
    unit = "" if comparison.unit == "image" else f" in {groups} groups"
    return f"{comparison.data}, {comparison.split}: {comparison.images} images{unit}."


def _tests(comparison: Comparison) -> str:
    count = len(comparison.pairs)
    many = f", p-values adjusted after Holm for all {count} pairs" if count > 1 else ""
    return (
        f"In brackets, intervals at {100 * comparison.level:g} %, tests at "
        f"{100 * (1 - comparison.level):.3g} %{many}; equivalence within "
        f"±{comparison.margin:g} by two one-sided tests."
    )


def _second_metric(comparison: Comparison) -> str | None:
    """Pixel accuracy beside what runs are ranked by, unless it is that."""
    shown = "pixel_accuracy" in comparison.entries[0].estimates
    return "pixel_accuracy" if shown and comparison.estimand.metric != "pixel_accuracy" else None


def _with_interval(estimate: Estimate) -> str:
    if estimate.value is None:
        return ABSENT
    if estimate.interval is None:
        return f"{estimate.value:.3f} ({ABSENT})"
    return f"{estimate.value:.3f} [{estimate.interval.low:.3f}, {estimate.interval.high:.3f}]"


def _signed(pair: Difference) -> str:
    if pair.value is None:
        return ABSENT
    if pair.interval is None:
        return f"${pair.value:+.3f}$ ({ABSENT})"
    return f"${pair.value:+.3f}$ [${pair.interval.low:+.3f}$, ${pair.interval.high:+.3f}$]"


def _p(value: float | None) -> str:
    if value is None:
        return ABSENT
    return "$<$ 0.001" if value < 0.001 else f"{value:.3f}"


def _tenths(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.1f}"
