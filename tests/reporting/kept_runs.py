"""Runs kept on disk as a training leaves them, and comparisons of them, without a training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.comparison import Comparison, Contender, Cost, Entry
from intarsia.labels import LabelMap
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.statistics import (
    MEAN_DICE,
    MICRO_IOU,
    MIOU,
    PIXEL_ACCURACY,
    Estimand,
    compare_pairs,
    count_groups,
    estimate,
)

LABELS = LabelMap.of(["Sky", "Side_walk & kerb"])
METRICS = (MIOU, MICRO_IOU, MEAN_DICE, PIXEL_ACCURACY)
VERSIONS = {"intarsia": "0.1.0", "python": "3.11.7", "torch": "2.9.1", "timm": "1.0.20"}


def matrices(images: int, right: int, seed: int = 0) -> NDArray[np.int64]:
    """(N, 2, 2) confusion matrices of about `right` of 100 pixels a class; the truth is the same
    for all."""
    rng = np.random.default_rng(seed)
    hits = np.clip(rng.integers(right - 3, right + 4, (images, 2)), 0, 100)
    found = np.zeros((images, 2, 2), np.int64)
    for k in range(2):
        found[:, k, k] = hits[:, k]
        found[:, k, 1 - k] = 100 - hits[:, k]
    return found


def manifest(splits: Mapping[str, int], **changes: object) -> dict[str, Any]:
    """What `dataset.json` holds of so many images a split."""
    samples = [
        {
            "name": f"{split}/{n:03d}",
            "split": split,
            "group": None,
            "fold": None,
            "sha256": f"image {split} {n}",
            "mask_sha256": f"mask {split} {n}",
        }
        for split, count in splits.items()
        for n in range(count)
    ]
    content = {
        "schema": 1,
        "name": "street",
        "root": "street",
        "labels": LABELS.to_json(),
        "encoding": {"kind": "ids", "map": {"0": 0, "1": 1}},
        "channels": 3,
        "scaling": {"low": 0, "high": 255, "rule": "8 bit"},
        "ignored": ["Unlabelled"],
        "notes": ["layout: split folders", "no val is given: 15 % of train becomes val by seed 0"],
        "samples": samples,
        "preprocessing": {
            "size": [64, 96],
            "fit": "letterbox",
            "scaling": {"low": 0, "high": 255, "rule": "8 bit"},
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
    }
    return {**content, **changes}


def keep_run(
    folder: Path,
    recipe: Recipe,
    *,
    data: dict[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    summary: Mapping[str, Any] | None = None,
) -> Run:
    """A finished run in `folder`."""
    folder.mkdir(parents=True)
    recipe.save(folder / "recipe.yaml")
    machine = {
        "versions": VERSIONS,
        "git_commit": None,
        "cpu": "A CPU",
        "cores": 2,
        "threads": 2,
        "device": "cpu",
    }
    ended = {
        "parameters": 6_628_945,
        "epochs": recipe.train.epochs,
        "training_seconds": 75.0,
        "peak_memory_bytes": 2_000_000_000,
        "stopped_because": "all epochs done",
    }
    for name, content in (
        ("dataset.json", data or manifest({"train": 40, "val": 24})),
        ("environment.json", {**machine, **(environment or {})}),
        ("summary.json", {**ended, **(summary or {})}),
    ):
        (folder / name).write_text(json.dumps({"schema": 1, **content}), encoding="utf-8")
    return Run.open(folder)


def entry(
    contender: Contender,
    repeats: Sequence[NDArray[np.int64]],
    *,
    groups: Sequence[str] | None = None,
    estimand: Estimand = MIOU,
    **changes: object,
) -> Entry:
    """What `compare` makes of a contender, from confusion matrices."""
    counts, names = count_groups(repeats, groups), tuple(LABELS.names)
    summaries = [run.summary for run in contender.runs]
    cost = Cost()
    if summaries:
        cost = Cost(
            parameters=summaries[0]["parameters"],
            multiply_adds=1_500_000_000,
            training_seconds=float(np.mean([s["training_seconds"] for s in summaries])),
            epochs=float(np.mean([s["epochs"] for s in summaries])),
            images_per_second=21.5,
            evaluation_seconds=3.25,
            milliseconds_per_image=41.5,
            peak_memory_bytes=2_000_000_000,
        )
    made = Entry(
        contender=contender,
        matrices=tuple(repeats),
        sheets=(),
        primary=estimate(counts, estimand, names=names, resamples=50),
        estimates={m.metric: estimate(counts, m, names=names, resamples=50) for m in METRICS},
        class_estimates=tuple(
            estimate(counts, Estimand("miou", (k,)), names=names, resamples=50)
            for k in range(len(names))
        ),
        cost=cost,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def comparison(
    entries: Sequence[Entry],
    *,
    groups: Sequence[str] | None = None,
    estimand: Estimand = MIOU,
    **changes: object,
) -> Comparison:
    """A comparison of entries on the same images."""
    counts = {each.name: count_groups(each.matrices, groups) for each in entries}
    names = tuple(LABELS.names)
    files = tuple(f"val/{n:03d}" for n in range(len(entries[0].matrices[0])))
    made = Comparison(
        data="street",
        split="val",
        labels=LABELS,
        files=files,
        groups=tuple(groups or files),
        estimand=estimand,
        declared=False,
        margin=0.01,
        level=0.95,
        entries=tuple(entries),
        pairs=compare_pairs(counts, estimand, class_names=names, resamples=50, swaps=200),
    )
    return replace(made, **changes)  # type: ignore[arg-type]
