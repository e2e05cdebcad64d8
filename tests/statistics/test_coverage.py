"""Simulations: how often intervals hold the truth, and differences are seen that are not there."""

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/coverage.py"))


def test_a_few_simulations() -> None:
    held = SCRIPT["intervals"](0, 50, 15, False, resamples=2, metrics=("miou",))
    assert 43 <= held["miou", "logit-t"][0] <= 50
    better, worse, held = SCRIPT["verdicts"](0, 25, 8, False, "alike")
    assert better + worse <= 4
    assert 21 <= held <= 25


@pytest.mark.slow
@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("groups", [8, 15, 30, 100])
def test_intervals_hold_the_truth(groups: int, uneven: bool) -> None:
    simulations = 1000
    held = SCRIPT["intervals"](1, simulations, groups, uneven, resamples=50)
    shares = {metric: held[metric, "logit-t"][0] / simulations for metric in SCRIPT["METRICS"]}
    assert 0.92 <= min(shares.values()) <= max(shares.values()) <= 0.97, shares


@pytest.mark.slow
@pytest.mark.parametrize("groups", [8, 15, 30, 100])
@pytest.mark.parametrize(("kind", "repeats"), [("alike", 1), ("unlike", 1), ("recipes", 3)])
def test_equal_models_are_not_called_better(groups: int, kind: str, repeats: int) -> None:
    simulations = 600
    better, worse, held = SCRIPT["verdicts"](1, simulations, groups, False, kind, repeats)
    # two standard errors of 6 % of 600 simulations are 1.9 %
    assert better / simulations <= 0.06
    assert (better + worse) / simulations <= 0.06 + 0.019
    assert held / simulations >= 0.92
