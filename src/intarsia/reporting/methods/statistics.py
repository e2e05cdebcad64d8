"""How sure the figures are, in sentences: what `intarsia.statistics` did with these runs."""

from __future__ import annotations

from intarsia.comparison import Comparison, Entry
from intarsia.reporting.methods.wording import code, counted, listing, plain
from intarsia.statistics import Difference, Estimate
from intarsia.statistics.power import POWER
from intarsia.statistics.swaps import EXACT_UP_TO, SWAPS


def statistics_sentences(comparison: Comparison) -> list[str]:
    """Intervals, tests, correction, equivalence, verdicts, power; in the order of the code."""
    return [
        *_intervals(comparison),
        *_differences(comparison),
        *_equivalence(comparison),
        *_power(comparison),
        *_said(comparison),
    ]


def _intervals(comparison: Comparison) -> list[str]:
    unit, count = comparison.unit, len(set(comparison.groups))
    estimates = [e for entry in comparison.entries for e in _estimates(entry)]
    if not any(e.interval is not None for e in estimates):
        return [f"With {counted(count, unit)} no figure has an interval."]
    level = f"{100 * comparison.level:g} %"
    sentences = [
        f"The unit of resampling is the {unit} ({count} of them).",
        f"Intervals at {level} are Student's t on the log-odds of a figure, its standard error "
        f"being that of the jackknife that leaves out one {unit} at a time "
        "[@efron1993introduction], taken to the log-odds by the delta method; the degrees of "
        f"freedom are one less than the number of {unit}s of equal size that would tell as much "
        "[@kish1965survey; @carter2017asymptotic].",
    ]
    repeated = [entry for entry in comparison.entries if len(entry.matrices) > 1]
    if repeated:
        whose = "" if len(repeated) == len(comparison.entries) else _whose(repeated)
        sentences.append(
            f"The figure of a recipe{whose} is the mean over its trainings, which are a second "
            "source of error [@bouthillier2021accounting]: what they add to the variance, beyond "
            f"their interaction with the {unit}s, was estimated by analysis of variance with "
            f"trainings and {unit}s crossed, and added, in the manner of studies with several "
            "readers [@dorfman1992receiver; @hillis2007comparison], with degrees of freedom after "
            "Satterthwaite [@satterthwaite1946approximate]."
        )
    if any(_is_point(e) for e in estimates):
        sentences.append("A figure of exactly 0 or 1 has no such interval: it stands for itself.")
    lacking = any(e.value is not None and e.interval is None for e in estimates)
    if lacking:
        sentences.append(f"A figure that is not defined without some {unit} has no interval.")
    return sentences


def _whose(entries: list[Entry]) -> str:
    return f" with several trainings ({listing([code(e.name) for e in entries])})"


def _estimates(entry: Entry) -> list[Estimate]:
    return [entry.primary, *entry.estimates.values(), *entry.class_estimates]


def _is_point(estimate: Estimate) -> bool:
    found = estimate.interval
    return found is not None and found.low == found.high


def _differences(comparison: Comparison) -> list[str]:
    measured = [pair for pair in comparison.pairs if pair.interval is not None]
    if not measured:
        return ["No two runs could be compared."]
    unit, level = comparison.unit, comparison.level
    alpha = f"{1 - level:.3g}"
    with_repeats = [pair for pair in measured if pair.p_repeats is not None]
    also = ", and the variance that the trainings of either add" if with_repeats else ""
    sentences = [
        "Runs were compared in pairs on the same images: the interval of a difference is Student's "
        f"t with the jackknife over the paired {unit}s{also}; intervals are not adjusted for the "
        "number of pairs."
    ]
    sentences += _tests(measured, unit)
    tested = sum(pair.p_value is not None for pair in measured)
    if len(comparison.pairs) > 1:
        sentences.append(
            f"The p-values of all {tested} pairs were adjusted after Holm [@holm1979simple]."
        )
        adjusted = "adjusted p-value"
    else:
        adjusted = "p-value"
    sentences.append(
        f"A run is called *better* or *worse* where the {adjusted} is at most {alpha} and the "
        "interval leaves out 0."
    )
    return sentences


def _tests(measured: list[Difference], unit: str) -> list[str]:
    sentences = []
    if any(pair.p_repeats is not None for pair in measured):
        which = "" if all(p.p_repeats is not None for p in measured) else " that were trained again"
        sentences.append(
            f"Whether two runs{which} differ was tested by a two-sided t-test with that standard "
            "error."
        )
    if any(pair.p_repeats is None for pair in measured):
        which = "" if all(p.p_repeats is None for p in measured) else " trained once each"
        groups = measured[0].groups
        ways = f"{SWAPS:,} random ones of all ways to do so, and the one found, were tried"
        if groups <= EXACT_UP_TO:
            ways = f"all {2**groups:,} ways to do so were tried"
        sentences.append(
            f"Whether two runs{which} differ was tested by swapping their results {unit} by {unit} "
            "[@good2000permutation], the difference being divided by its standard error "
            f"[@chung2013exact]; {ways}."
        )
    return sentences


def _equivalence(comparison: Comparison) -> list[str]:
    if not any(pair.p_equivalent is not None for pair in comparison.pairs):
        return []
    adjusted = ", adjusted after Holm among themselves" if len(comparison.pairs) > 1 else ""
    return [
        f"Two runs are called *equivalent* where two one-sided t-tests [@schuirmann1987comparison] "
        f"place their difference within ±{comparison.margin:g} at the level "
        f"{1 - comparison.level:.3g}{adjusted}; that goes before *better* and *worse*. All else "
        "is *no detectable difference*."
    ]


def _power(comparison: Comparison) -> list[str]:
    undecided = "no detectable difference"
    if not any(p.needed is not None and p.verdict == undecided for p in comparison.pairs):
        return []
    corrected = ", at the level divided by the number of pairs" if len(comparison.pairs) > 1 else ""
    return [
        f"How many {comparison.unit}s would detect a difference of the size found, in "
        f"{100 * POWER:g} % of studies, is by the noncentral t distribution "
        f"[@cohen1988statistical]{corrected}; it takes the difference found for the true one."
    ]


def _said(comparison: Comparison) -> list[str]:
    """What the statistics themselves say must be said."""
    said = dict.fromkeys(remark for pair in comparison.pairs for remark in pair.remarks)
    return [plain(remark) for remark in said]
