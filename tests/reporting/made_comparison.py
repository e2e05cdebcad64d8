"""A made comparison: confusion matrices by chance, figures by the statistics room, made runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from made_run import FakeData, FakeRun, make_log
from numpy.typing import NDArray

from intarsia.comparison import Comparison, Contender, Cost, Entry
from intarsia.labels import LabelMap
from intarsia.statistics import MIOU, Estimand, compare_pairs, count_groups, estimate

_RESAMPLES = 100  # the intervals shown need none


class ComparedData(FakeData):
    """Made data with the classes that the recipe leaves as they are."""

    def ignoring(self, names: Sequence[str]) -> ComparedData:
        return self

    def keeping(self, names: Sequence[str]) -> ComparedData:
        return self


def made_matrices(
    labels: LabelMap, images: int, skill: float, seed: int, *, left_out: bool = False
) -> NDArray[np.int64]:
    """(N, K, K) of a model that has about `skill` of each class right; the truth is always one.

    `left_out` adds a column: pixels that an annotator gave no class.
    """
    count = len(labels)
    truth = np.random.default_rng(99).integers(200, 3000, (images, count))
    rng = np.random.default_rng(seed)
    matrices = np.zeros((images, count, count + left_out), np.int64)
    for image in range(images):
        for place in range(count):
            share = np.clip(skill + rng.normal(0, 0.03), 0, 1)
            hit = round(truth[image, place] * share)
            others = count + left_out - 1
            wrong = rng.multinomial(truth[image, place] - hit, np.full(others, 1 / others))
            matrices[image, place] = np.insert(wrong, place, hit)
    return matrices


def made_entry(
    folder: Path,
    name: str,
    matrices: Sequence[NDArray[np.int64]],
    labels: LabelMap,
    groups: Sequence[str] | None,
    *,
    cost: Cost | None = None,
    annotator: bool = False,
    estimand: Estimand = MIOU,
    data: ComparedData | None = None,
    **told: Any,
) -> Entry:
    counts, names = count_groups(matrices, groups), tuple(labels.names)
    runs = tuple(
        made_run(folder / f"repeat-{number}", labels, data) for number in range(len(matrices))
    )
    failures = told.pop("failures", ())
    return Entry(
        contender=Contender(name, annotator=folder)
        if annotator
        else Contender(name, runs, failures=failures),  # type: ignore[arg-type]
        matrices=tuple(matrices),
        sheets=(),
        primary=estimate(counts, estimand, names=names, resamples=_RESAMPLES),
        estimates={
            key: estimate(counts, Estimand(key), names=names, resamples=_RESAMPLES)  # type: ignore[arg-type]
            for key in ("miou", "micro_iou", "mean_dice", "pixel_accuracy")
        },
        class_estimates=tuple(
            estimate(counts, Estimand("miou", (k,)), names=names, resamples=_RESAMPLES)
            for k in range(len(labels))
        ),
        cost=cost or Cost(),
        **told,
    )


def made_run(path: Path, labels: LabelMap, data: ComparedData | None) -> FakeRun:
    return FakeRun(
        path=path,
        labels=labels,
        data=data,
        log=make_log(4),
        evaluations={},
        manifest={"name": "street", "root": "street", "samples": []},
        summary={},
    )


def compared(
    entries: Sequence[Entry],
    labels: LabelMap,
    groups: Sequence[str] | None,
    *,
    estimand: Estimand = MIOU,
    **told: Any,
) -> Comparison:
    images = len(entries[0].matrices[0])
    files = tuple(f"val/{place:03d}" for place in range(images))
    return Comparison(
        data="street",
        split="val",
        labels=labels,
        files=files,
        groups=tuple(files if groups is None else groups),
        estimand=estimand,
        declared=False,
        margin=0.01,
        level=0.95,
        entries=tuple(entries),
        pairs=compare_pairs(
            {entry.name: count_groups(entry.matrices, groups) for entry in entries},
            estimand,
            class_names=tuple(labels.names),
            resamples=_RESAMPLES,
            swaps=_RESAMPLES,
        ),
        **told,
    )
