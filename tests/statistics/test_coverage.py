"""Simulations: how often intervals hold the truth, and differences are seen that are not there."""

import runpy

import numpy as np
import pytest

from intarsia.statistics.remarks import FEW_GROUPS

SCRIPT = runpy.run_path("benchmarks/coverage.py")


def test_a_few_simulations() -> None:
    held = SCRIPT["intervals"](0, 120, 15, False, resamples=2)["miou", "t"]
    assert 0.88 <= held[0] / 120 <= 0.99
    better, worse, held = SCRIPT["verdicts"](0, 60, 8, False, "alike")
    assert better + worse <= 7
    assert 52 <= held <= 60


@pytest.mark.slow
@pytest.mark.parametrize("groups", [8, 15, 30, 100])
@pytest.mark.parametrize("metric", ["miou", "mean_dice", "micro_iou", "pixel_accuracy"])
def test_intervals_hold_the_truth(groups: int, metric: str) -> None:
    simulations = 1500
    held = SCRIPT["intervals"](1, simulations, groups, False, resamples=2, metrics=(metric,))
    share = held[metric, "t"][0] / simulations
    assert 0.92 <= share <= 0.97 or groups < FEW_GROUPS


@pytest.mark.slow
@pytest.mark.parametrize("groups", [8, 15, 30, 100])
@pytest.mark.parametrize(("kind", "repeats"), [("alike", 1), ("unlike", 1), ("recipes", 3)])
def test_equal_models_are_not_called_better(groups: int, kind: str, repeats: int) -> None:
    simulations = 800
    better, worse, held = SCRIPT["verdicts"](1, simulations, groups, False, kind, repeats)
    # two standard errors of 6 % at 800 are 1.7 %
    assert (better + worse) / simulations <= 0.06 + 0.017
    assert held / simulations >= 0.92 - 0.02
