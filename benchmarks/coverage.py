"""How often the intervals hold the truth, and how often a difference is seen where there is none.

    python benchmarks/coverage.py
    python benchmarks/coverage.py --simulations 200 --groups 8,15

Data are made whose truth is known: groups of images with six classes, from 45 % of the pixels to
1 %, the rarest in 60 % of the groups. Groups differ in what they show and in how hard it is, and
so do the images of one group. `even` groups have six images each, `uneven` ones 1 to 20, most of
them few. The truth is the figure of 20,000 such groups together.

Four tables: the share of 95 % intervals that hold the truth, for each metric and method; how often
one of two models is called better or worse, where they are alike in distribution (`alike`), where
they have the same mIoU but err on other classes and vary otherwise (`unlike`), where one is better
(`apart`), and where two like recipes are trained three times each, and trainings differ
(`recipes`); how often the interval of the mean of three trainings holds the truth; and how often
that of macro mIoU does, by the number of groups of 8 that show the rarest class.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from intarsia.statistics import MIOU, Estimand, GroupCounts, measure_difference
from intarsia.statistics.figure import measure_figure
from intarsia.statistics.ratios import mean_of_ratios

CLASSES, MOST_IMAGES, POPULATION, LEVEL = 6, 20, 20_000, 0.95
TRAININGS, BLOCK, PROCESSES = 200, 100, 2
METRICS = ("miou", "micro_iou", "mean_dice", "pixel_accuracy")
METHODS = ("percentile", "bca", "bootstrap-t", "t", "logit-t")
KINDS = {"alike": 1, "unlike": 1, "apart": 1, "recipes": 3}  # and how often each is trained

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """How well a model does: `ease` (K,) is added to the log-odds of a hit, `own` how much groups
    differ by this model alone, `training` how much its trainings differ."""

    ease: tuple[float, ...] = (0.0,) * CLASSES
    own: float = 0.5
    training: float = 0.0


def make(
    random: np.random.Generator,
    groups: int,
    uneven: bool,
    models: tuple[Model, ...] = (Model(),),
    repeats: int = 1,
) -> list[GroupCounts]:
    """The counts of each model (repeats, groups, 3, K) on the same groups of made images."""
    each = random.geometric(1 / 6, groups).clip(1, MOST_IMAGES) if uneven else np.full(groups, 6)
    images = int(each.sum())
    at = np.repeat(np.arange(groups), each)
    shape = (images, CLASSES)
    area = np.geomspace(0.45, 0.01, CLASSES) * np.exp(
        random.normal(0, 0.7, (groups, CLASSES))[at] + random.normal(0, 0.5, shape)
    )
    area *= (random.random((groups, CLASSES)) < np.linspace(1, 0.6, CLASSES))[at]
    truth = np.round(10_000 * area / area.sum(axis=1, keepdims=True))
    hard = (
        np.linspace(3.0, 0.3, CLASSES)
        + random.normal(0, 0.6, (groups, 1))[at]
        + random.normal(0, 0.6, (groups, CLASSES))[at]
        + random.normal(0, 0.4, (images, 1))
    )
    taken = np.tile(np.geomspace(0.45, 0.01, CLASSES) ** 0.5, (CLASSES, 1))
    np.fill_diagonal(taken, 0)
    taken /= taken.sum(axis=1, keepdims=True)
    found = []
    for model in models:
        own = random.normal(0, model.own, (groups, CLASSES))[at]
        runs = []
        for _ in range(repeats):
            odds = hard + np.array(model.ease) + own + random.normal(0, 0.3, shape)
            odds = odds + random.normal(0, model.training, CLASSES)
            if model.training:
                odds = odds + random.normal(0, 0.2, (groups, CLASSES))[at]
            hits = np.round(truth / (1 + np.exp(-odds)))
            predicted = hits + np.round((truth - hits) @ taken)
            counts = np.zeros((groups, 3, CLASSES))
            np.add.at(counts, at, np.stack([hits, truth, predicted], axis=1))
            runs.append(counts)
        names = tuple(f"{index:05}" for index in range(groups))
        found.append(GroupCounts(np.stack(runs), names, tuple(each.tolist()), "group"))
    return found


@cache
def population(uneven: bool, model: Model) -> Numbers:
    """(3, K) the sums of many groups."""
    (counts,) = make(np.random.default_rng(12345), POPULATION, uneven, (model,))
    return np.asarray(counts.values[0].sum(axis=0))


@cache
def truth(metric: str, uneven: bool, model: Model) -> float:
    """The figure of the population; of a recipe the mean of many trainings of it."""
    estimand = Estimand(metric)
    if not model.training:
        return float(mean_of_ratios(estimand.ratios(population(uneven, model))))
    random = np.random.default_rng(54321)
    values = []
    for _ in range(TRAININGS):
        (counts,) = make(random, POPULATION // TRAININGS, uneven, (model,))
        values.append(float(mean_of_ratios(estimand.ratios(counts.values[0].sum(axis=0)))))
    return float(np.mean(values))


@cache
def unlike(uneven: bool) -> Model:
    """A model of the usual one's mIoU that errs on other classes and differs more by group."""

    def model(shift: float) -> Model:
        return Model(tuple((np.linspace(-0.8, 0.8, CLASSES) + shift).tolist()), own=0.8)

    def apart(shift: float) -> float:
        return truth("miou", uneven, model(shift)) - truth("miou", uneven, Model())

    return model(optimize.brentq(apart, -2, 2, xtol=1e-4))


def pair(kind: str, uneven: bool) -> tuple[Model, Model]:
    if kind == "unlike":
        return Model(), unlike(uneven)
    if kind == "recipes":
        return Model(training=0.15), Model(training=0.15)
    return Model(), Model(ease=(0.3 if kind == "apart" else 0.0,) * CLASSES)


def intervals(
    seed: int,
    simulations: int,
    groups: int,
    uneven: bool,
    repeats: int = 1,
    resamples: int = 1000,
    metrics: tuple[str, ...] = METRICS,
) -> dict[tuple[str, str], Numbers]:
    """For each metric and method how many intervals held the truth, lay above it, lay below it,
    and the sum of their widths."""
    random = np.random.default_rng(seed)
    model = Model(training=0.15 if repeats > 1 else 0.0)
    found = {(metric, method): np.zeros(4) for metric in metrics for method in METHODS}
    for index in range(simulations):
        (counts,) = make(random, groups, uneven, (model,), repeats)
        for metric in metrics:
            true = truth(metric, uneven, model)
            figure = measure_figure(
                Estimand(metric).ratios(counts.values), resamples=resamples, seed=seed + index
            )
            if figure is None:
                continue
            for method in METHODS:
                one = figure.interval(LEVEL, method)
                found[metric, method] += (
                    true in one,
                    true < one.low,
                    true > one.high,
                    one.high - one.low,
                )
    return found


def verdicts(
    seed: int, simulations: int, groups: int, uneven: bool, kind: str, repeats: int = 1
) -> Numbers:
    """How often a is called better, worse, and the interval of the difference held the true one."""
    random = np.random.default_rng(seed)
    one, two = pair(kind, uneven)
    true = truth("miou", uneven, one) - truth("miou", uneven, two) if kind == "apart" else 0.0
    found = np.zeros(3)
    for index in range(simulations):
        a, b = make(random, groups, uneven, (one, two), repeats)
        difference = measure_difference(
            a, b, margin=1e-9, resamples=100, swaps=999, seed=seed + index
        )
        interval = difference.interval
        found += (
            difference.verdict == "better",
            difference.verdict == "worse",
            interval is not None and true in interval,
        )
    return found


def by_presence(seed: int, simulations: int, uneven: bool) -> Numbers:
    """(9, 2) how often the interval of mIoU of 8 groups held the truth, and of how many, by the
    number of groups with the rarest class."""
    random = np.random.default_rng(seed)
    true = truth("miou", uneven, Model())
    found = np.zeros((9, 2))
    for _ in range(simulations):
        (counts,) = make(random, 8, uneven)
        figure = measure_figure(MIOU.ratios(counts.values), resamples=2)
        held = figure is not None and true in figure.interval(LEVEL)
        found[counts.present[-1]] += held, 1
    return found


def spread_out(function: Callable[..., Any], simulations: int, *arguments: Any) -> list[Any]:
    """The results of blocks of simulations, each with a seed of its own, in several processes."""
    blocks = [BLOCK] * (simulations // BLOCK) + [simulations % BLOCK] * (simulations % BLOCK > 0)
    with ProcessPoolExecutor(PROCESSES) as pool:
        jobs = [
            pool.submit(function, 1000 * index, block, *arguments)
            for index, block in enumerate(blocks)
        ]
        return [job.result() for job in jobs]


def remember_truths(uneven: bool) -> None:
    """Computes them before the processes fork, which then have them all."""
    for metric in METRICS:
        truth(metric, uneven, Model())
    for kind in KINDS:
        for model in pair(kind, uneven):
            truth("miou", uneven, model)


def print_intervals(simulations: int, all_groups: list[int], uneven: bool) -> None:
    print(f"\n| {'uneven' if uneven else 'even'} groups | metric | " + " | ".join(METHODS) + " |")
    print("|---" * (2 + len(METHODS)) + "|")
    for groups in all_groups:
        parts = spread_out(intervals, simulations, groups, uneven)
        for metric in METRICS:
            cells = []
            for method in METHODS:
                share = sum(part[metric, method] for part in parts) / simulations
                cells.append(f"{100 * share[0]:.1f} ({share[3]:.3f})")
            print(f"| {groups} | {metric} | " + " | ".join(cells) + " |", flush=True)


def print_verdicts(simulations: int, all_groups: list[int], uneven: bool) -> None:
    word = "uneven" if uneven else "even"
    print(f"\n| {word} groups | models | better | worse | interval holds the difference |")
    print("|---|---|---|---|---|")
    for groups in all_groups:
        for kind, repeats in KINDS.items():
            parts = spread_out(verdicts, simulations, groups, uneven, kind, repeats)
            better, worse, held = 100 * sum(parts) / simulations
            print(f"| {groups} | {kind} | {better:.1f} | {worse:.1f} | {held:.1f} |", flush=True)


def print_repeats(simulations: int, all_groups: list[int], uneven: bool) -> None:
    word = "uneven" if uneven else "even"
    print(f"\n| {word} groups | interval of the mean of 3 trainings holds the truth (width) |")
    print("|---|---|")
    for groups in all_groups:
        parts = spread_out(intervals, simulations, groups, uneven, 3, 100, ("miou",))
        share = sum(part["miou", "logit-t"] for part in parts) / simulations
        print(f"| {groups} | {100 * share[0]:.1f} ({share[3]:.3f}) |", flush=True)


def print_presence(simulations: int, uneven: bool) -> None:
    word = "uneven" if uneven else "even"
    print(f"\n| 8 {word} groups, of which show the rarest class | simulations | held |")
    print("|---|---|---|")
    for number, (held, of) in enumerate(sum(spread_out(by_presence, simulations, uneven))):
        if of:
            print(f"| {number} | {of:.0f} | {100 * held / of:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--groups", default="8,15,30,100")
    chosen = parser.parse_args()
    groups = [int(number) for number in chosen.groups.split(",")]
    begun = time.perf_counter()
    print(f"{chosen.simulations} simulations; percent (mean width)")
    for uneven in (False, True):
        remember_truths(uneven)
        print_intervals(chosen.simulations, groups, uneven)
        print_verdicts(chosen.simulations, groups, uneven)
        print_repeats(chosen.simulations, groups, uneven)
        print_presence(4 * chosen.simulations, uneven)
    print(f"\n{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
