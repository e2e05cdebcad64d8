"""A yes or no for pipelines that retrain: is the first run better than, or as good as, the rest?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intarsia.comparison.comparison import Comparison
from intarsia.statistics import Difference, Verdict

Rule = Literal["better", "not-worse"]
_TURNED: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}
Answer = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True)
class Gate:
    """The answer, and the sentence that it rests on."""

    answer: Answer
    reason: str


def judge_first(comparison: Comparison, rule: Rule) -> Gate:
    """Whether the first contender is better than (or not worse than) every other one.

    `better` passes where the verdict is *better*, and fails where it is *worse* or *equivalent*.
    `not-worse` passes where the whole interval of the difference lies above -margin
    (non-inferiority), and fails where all of it lies below. Everything else is undecided.
    """
    first = comparison.entries[0].name
    others = [entry.name for entry in comparison.entries[1:]]
    gates = [
        _judge(first, comparison.pair(first, other), comparison.margin, rule) for other in others
    ]
    for answer in ("fail", "undecided"):
        for gate in gates:
            if gate.answer == answer:
                return gate
    return Gate("pass", " ".join(gate.reason for gate in gates))


def _judge(first: str, pair: Difference, margin: float, rule: Rule) -> Gate:
    reason = str(pair)
    if pair.interval is None:
        return Gate("undecided", reason)
    low, high, verdict = pair.interval.low, pair.interval.high, pair.verdict
    if pair.a != first:
        low, high = -high, -low
        verdict = _TURNED.get(verdict, verdict)
    if rule == "better":
        if verdict == "better":
            return Gate("pass", reason)
        return Gate("fail" if verdict in ("worse", "equivalent") else "undecided", reason)
    if low > -margin:
        return Gate("pass", reason)
    return Gate("fail" if high < -margin else "undecided", reason)
