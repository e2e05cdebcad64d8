"""A yes or no for pipelines that retrain: is the first run better than, or as good as, the rest?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intarsia.comparison.comparison import Comparison
from intarsia.statistics import Difference

Rule = Literal["better", "not-worse"]
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
    (non-inferiority), and fails where all of it lies below. Everything else is undecided. A first
    one that could not be trained fails; another one that could not leaves it undecided.
    """
    given = comparison.given or tuple(entry.name for entry in comparison.entries)
    first, others = given[0], given[1:]
    failed = {each.name: each for each in comparison.failed}
    if first in failed:
        return Gate("fail", f"{first} could not be trained: {failed[first].failures[-1]}.")
    gates = [
        Gate("undecided", f"{other} could not be trained: {failed[other].failures[-1]}.")
        if other in failed
        else _judge(first, comparison.pair(first, other), comparison.margin, rule)
        for other in others
    ]
    for answer in ("fail", "undecided"):
        for gate in gates:
            if gate.answer == answer:
                return gate
    return Gate("pass", " ".join(gate.reason for gate in gates))


def _judge(first: str, measured: Difference, margin: float, rule: Rule) -> Gate:
    pair = measured if measured.a == first else measured.turned
    reason = str(pair)
    if pair.interval is None:
        return Gate("undecided", reason)
    if rule == "better":
        if pair.verdict == "better":
            return Gate("pass", reason)
        return Gate("fail" if pair.verdict in ("worse", "equivalent") else "undecided", reason)
    if pair.interval.low > -margin:
        return Gate("pass", reason)
    return Gate("fail" if pair.interval.high < -margin else "undecided", reason)
