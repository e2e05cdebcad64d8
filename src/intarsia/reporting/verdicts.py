"""Verdicts as a page shows them: sentences, a cell for every pair, the figures behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intarsia.comparison import Comparison
from intarsia.reporting.quantities import ABSENT, quantity
from intarsia.reporting.tables import Column, Table
from intarsia.statistics import Difference, Verdict

# a sign beside the colour, so that neither is needed alone
_LOOKS: dict[Verdict, tuple[str, str, str]] = {
    "better": ("better", "\N{BLACK UP-POINTING TRIANGLE}", "better"),
    "worse": ("worse", "\N{BLACK DOWN-POINTING TRIANGLE}", "worse"),
    "equivalent": ("equivalent", "\N{ALMOST EQUAL TO}", "equivalent"),
    "no detectable difference": ("undecided", "?", "undecided"),
    "n/a": (ABSENT, "\N{EN DASH}", "undecided"),
}
_NAMED = 4  # runs that a sentence names; of more it counts the rest


@dataclass(frozen=True)
class _Shown:
    """Something with a verdict, and how that looks."""

    verdict: Verdict

    @property
    def word(self) -> str:
        return _LOOKS[self.verdict][0]

    @property
    def sign(self) -> str:
        return _LOOKS[self.verdict][1]

    @property
    def look(self) -> str:
        """The class of the style sheet that colours it."""
        return _LOOKS[self.verdict][2]


@dataclass(frozen=True)
class VerdictCell(_Shown):
    """One run (the row) against another (the column): `difference` is row minus column."""

    difference: float | None
    sentence: str

    @property
    def text(self) -> str:
        return signed(self.difference)


@dataclass(frozen=True)
class Sentence(_Shown):
    """One thing that the comparison says; `verdict` is what the first run named is."""

    text: str


@dataclass(frozen=True)
class PairDetails:
    """One pair: the verdict as a sentence, the figures that it rests on, what is said of it."""

    a: str
    b: str
    cell: VerdictCell
    figures: Table
    remarks: tuple[str, ...]


def signed(value: float | None) -> str:
    """A difference with its sign; None is n/a.

    >>> signed(0.0213), signed(0.0), signed(None)
    ('+0.021', '0.000', 'n/a')
    """
    if value is None:
        return ABSENT
    text = f"{abs(value):.3f}"
    if float(text) == 0:
        return text
    sign = "+" if value > 0 else "\N{MINUS SIGN}"
    return f"{sign}{text}"


def p_text(value: float | None) -> str:
    """A p-value as it is quoted.

    >>> p_text(0.04321), p_text(0.00003), p_text(None)
    ('0.043', '< 0.0001', 'n/a')
    """
    if value is None:
        return ABSENT
    return "< 0.0001" if value < 0.0001 else f"{value:.2g}"


def verdict_rows(comparison: Comparison) -> list[list[VerdictCell | None]]:
    """A row and a column a run, the best first; None where a run meets itself."""
    names = [entry.name for entry in comparison.ranking]
    return [[None if a == b else _cell(_seen_from(comparison, a, b)) for b in names] for a in names]


def pair_details(comparison: Comparison) -> list[PairDetails]:
    """Every pair, the better-ranked run first."""
    names = [entry.name for entry in comparison.ranking]
    common = set(shared_remarks(comparison))
    found = []
    for place, a in enumerate(names):
        for b in names[place + 1 :]:
            pair = _seen_from(comparison, a, b)
            remarks = tuple(text for text in pair.remarks if text not in common)
            found.append(PairDetails(a, b, _cell(pair), _figures(pair), remarks))
    return found


def shared_remarks(comparison: Comparison) -> tuple[str, ...]:
    """What the statistics say of every pair alike."""
    first, *others = comparison.pairs
    return tuple(t for t in first.remarks if all(t in pair.remarks for pair in others))


def sentences(comparison: Comparison) -> list[Sentence]:
    """What the comparison says: who is better than whom first, then what cannot be told apart.

    That one is worse is said by the other's being better.
    """
    names = [entry.name for entry in comparison.ranking]
    found: dict[Verdict, list[Sentence]] = {
        "better": [],
        "equivalent": [],
        "no detectable difference": [],
        "n/a": [],
    }
    for place, a in enumerate(names):
        below = {b: _seen_from(comparison, a, b).verdict for b in names[place + 1 :]}
        for verdict, said in found.items():
            met = [b for b in below if below[b] == verdict]
            if met:
                everyone = len(met) == len(names) - 1 > 1
                said.append(Sentence(verdict, _sentence(comparison, verdict, a, met, everyone)))
    return [sentence for said in found.values() for sentence in said]


def _sentence(
    comparison: Comparison, verdict: Verdict, a: str, met: Sequence[str], everyone: bool
) -> str:
    others = f"all {len(met)} others" if everyone and len(met) > 2 else _listed(met)
    if verdict == "better":
        return f"{a} is better than {others}."
    if verdict == "equivalent":
        return f"{a} is equivalent to {others} within ±{comparison.margin:g}."
    if verdict == "n/a":
        return f"{a} cannot be compared with {others}."
    text = f"No detectable difference between {a} and {others}"
    if len(met) == 1:
        return f"{text} ({_more(comparison.pair(a, met[0]))})."
    return f"{text}."


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence has them.

    >>> _listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"]
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])


def _more(pair: Difference) -> str:
    """What it would take to detect a difference of this size."""
    if pair.needed is None:
        if pair.spread is not None and pair.spread.repeats:
            return f"more {pair.unit_name} alone would not do: the trainings differ too much"
        return "no number of images up to a million would detect one of this size"
    more = pair.needed - pair.groups
    if more <= 0:
        return f"one of this size is seen 4 times of 5 with {pair.groups} {pair.unit_name}"
    images = "" if pair.unit_name == "images" else f", {_images(more, pair)} images,"
    return f"about {quantity(more, 'count')} more {pair.unit_name}{images} would detect it"


def _images(groups: int, pair: Difference) -> str:
    return quantity(groups * pair.images / pair.groups, "count")


def _seen_from(comparison: Comparison, a: str, b: str) -> Difference:
    """The pair as a minus b, whichever way round it was measured."""
    pair = comparison.pair(a, b)
    return pair if pair.a == a else pair.turned


def _cell(pair: Difference) -> VerdictCell:
    return VerdictCell(pair.verdict, pair.value, str(pair))


def _figures(pair: Difference) -> Table:
    level = f"{100 * pair.level:g} %"
    interval = ABSENT
    if pair.interval is not None:
        interval = f"{signed(pair.interval.low)} to {signed(pair.interval.high)}"
    rows = [
        (f"{pair.a} minus {pair.b}", signed(pair.value)),
        (f"{level} interval", interval),
        ("p, swapping the two at random", p_text(pair.p_swap)),
        ("p, resampling pairs", p_text(pair.p_bootstrap)),
        ("p, with the repeats", p_text(pair.p_repeats)),
        ("p for all pairs together (Holm)", p_text(pair.p_adjusted)),
        (f"p of equivalence within ±{pair.margin:g}", p_text(pair.p_equivalent)),
        ("the same for all pairs (Holm)", p_text(pair.p_equivalent_adjusted)),
    ]
    if pair.spread is not None:
        rows.append((f"standard error by the {pair.unit_name}", f"{pair.spread.groups:.4f}"))
        trainings = pair.spread.repeats
        rows.append(("by the trainings", ABSENT if trainings is None else f"{trainings:.4f}"))
    rows.append((f"{pair.unit_name} compared on", quantity(pair.groups, "count")))
    rows.append((f"{pair.unit_name} to detect it 4 times of 5", quantity(pair.needed, "count")))
    return Table("pair", f"{pair.a} and {pair.b}", (Column("what"), Column("value")), tuple(rows))
