"""A comparison from matrices alone: no data, no runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intarsia.comparison import Comparison, Contender, Cost, Entry
from intarsia.labels import LabelMap
from intarsia.statistics import MIOU, Estimand, compare_pairs, count_groups, estimate


def made_comparison(
    names: Sequence[str], *, images: int = 12, repeats: int = 1, seed: int = 0
) -> Comparison:
    """Contenders of which each answers a little better than the one before it; two classes."""
    random = np.random.default_rng(seed)
    truth = random.integers(200, 400, (images, 2))
    entries, counted = [], {}
    for place, name in enumerate(names):
        matrices = tuple(_matrices(truth, 0.6 + 0.03 * place, random) for _ in range(repeats))
        counted[name] = counts = count_groups(matrices)
        entries.append(
            Entry(
                contender=Contender(name, annotator=Path(name)),
                matrices=matrices,
                sheets=(),
                primary=estimate(counts),
                estimates={"miou": estimate(counts)},
                class_estimates=tuple(estimate(counts, Estimand("miou", (k,))) for k in range(2)),
                cost=Cost(parameters=1000 * (place + 1), training_seconds=60.0),
            )
        )
    return Comparison(
        data="made",
        split="val",
        labels=LabelMap.of(["ground", "box"]),
        files=tuple(f"image{n}" for n in range(images)),
        groups=tuple(f"image{n}" for n in range(images)),
        estimand=MIOU,
        declared=False,
        margin=0.01,
        level=0.95,
        entries=tuple(entries),
        pairs=compare_pairs(counted) if len(counted) > 1 else (),
        given=tuple(names),
    )


def _matrices(
    truth: NDArray[np.int64], share: float, random: np.random.Generator
) -> NDArray[np.int64]:
    right = random.binomial(truth, share)
    matrices = np.zeros((len(truth), 2, 2), np.int64)
    for k in range(2):
        matrices[:, k, k] = right[:, k]
        matrices[:, k, 1 - k] = truth[:, k] - right[:, k]
    return matrices


def texts(comparison: Comparison) -> list[str]:
    """What is said beside a comparison."""
    return [remark.text for remark in comparison.remarks]
