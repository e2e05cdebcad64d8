"""The yes or no for pipelines: of the first, against all others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intarsia.comparison import Comparison, Contender, judge_first
from intarsia.comparison.gate import Rule
from intarsia.statistics import MIOU, Difference, Interval

from .made_comparison import made_comparison


def _pair(a: str, b: str, value: float, half: float, margin: float = 0.01) -> Difference:
    """A difference with a symmetric interval; equivalent where it lies within the margin."""
    interval = Interval(value - half, value + half, 0.95, "t")
    clear = 0.001 if abs(value) > half else 0.5
    within = abs(value) + half < margin
    return Difference(
        a=a,
        b=b,
        estimand=MIOU,
        description="",
        value=value,
        margin=margin,
        level=0.95,
        groups=9,
        images=9,
        unit_name="images",
        remarks=(),
        interval=interval,
        p_adjusted=clear,
        p_equivalent_adjusted=0.001 if within else 0.5,
    )


def _with(*pairs: Difference) -> Comparison:
    names = tuple(dict.fromkeys(name for pair in pairs for name in (pair.a, pair.b)))
    return replace(made_comparison(names), pairs=pairs)


@pytest.mark.parametrize(
    ("value", "half", "better", "not_worse"),
    [
        (0.05, 0.02, "pass", "pass"),
        (0.05, 0.09, "undecided", "undecided"),
        (0.02, 0.025, "undecided", "pass"),  # above -margin
        (0.001, 0.002, "fail", "pass"),  # equivalent
        (-0.015, 0.01, "fail", "undecided"),
        (-0.05, 0.02, "fail", "fail"),
    ],
)
def test_the_first_against_one(value: float, half: float, better: str, not_worse: str) -> None:
    there = _with(_pair("new", "old", value, half))
    assert judge_first(there, "better").answer == better
    assert judge_first(there, "not-worse").answer == not_worse
    # the same, measured the other way round
    back = replace(there, pairs=(_pair("old", "new", -value, half),))
    assert judge_first(back, "better").answer == better
    assert judge_first(back, "not-worse").answer == not_worse
    assert judge_first(back, "better") == judge_first(there, "better")


def test_against_several_the_worst_answer_counts() -> None:
    good, open_, bad = (0.05, 0.02), (0.05, 0.09), (-0.05, 0.02)

    def answer(one: tuple[float, float], two: tuple[float, float]) -> str:
        between = _pair("a", "b", -0.5, 0.01)  # of no interest
        there = _with(_pair("new", "a", *one), _pair("new", "b", *two), between)
        return judge_first(there, "better").answer

    assert answer(good, good) == "pass"
    assert answer(good, open_) == "undecided"
    assert answer(open_, bad) == "fail"
    reason = judge_first(_with(_pair("new", "old", *bad)), "better").reason
    assert reason.startswith("new is worse than old (-0.0500")


@pytest.mark.parametrize("rule", ["better", "not-worse"])
def test_what_could_not_be_trained(rule: Rule) -> None:
    there = _with(_pair("new", "old", 0.05, 0.02))
    failed = (Contender("x", failures=("repeat 0 failed: no memory",)),)
    first = replace(there, failed=failed, given=("x", "new", "old"))
    assert judge_first(first, rule).answer == "fail"
    assert "x could not be trained: repeat 0 failed: no memory." in judge_first(first, rule).reason
    last = replace(there, failed=failed, given=("new", "old", "x"))
    assert judge_first(last, rule).answer == "undecided"


@pytest.mark.parametrize("rule", ["better", "not-worse"])
def test_without_an_interval_it_is_undecided(rule: Rule) -> None:
    pair = replace(_pair("new", "old", 0.05, 0.02), interval=None, remarks=("One image: (n/a).",))
    answer = judge_first(_with(pair), rule)
    assert answer.answer == "undecided"
    assert "One image" in answer.reason
