"""The images that run and export are compared on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intarsia.datasets import Dataset, Sample
from intarsia.errors import DataError
from intarsia.runs import CrossValidation, Run


def run_dataset(run: Run, data: Dataset | str | Path | None) -> Dataset:
    """The data of the training, or another copy of it, in the run's classes and splits."""
    if data is None:
        return run.dataset()
    given = data if isinstance(data, Dataset) else Dataset.open(data)
    dataset = given.ignoring(run.recipe.data.ignore).keeping(run.recipe.data.classes)
    if dataset.labels.names != run.labels.names:
        raise DataError(
            f"the classes are {', '.join(dataset.labels.names)}",
            where=dataset.root,
            expected=f"those of the run: {', '.join(run.labels.names)}",
        )
    channels = len(run.preprocessing.mean)
    if dataset.channels != channels:
        raise DataError(
            f"the images have {dataset.channels} channels, the model takes {channels}",
            where=dataset.root,
            hint="--data with the data of the training",
        )
    return dataset.with_splits_of(run.manifest) if dataset.known_to(run.manifest) else dataset


def validation_images(data: Dataset, run: Run) -> tuple[str, tuple[Sample, ...]]:
    """The split to compare on; of a cross-validation, all images that have a fold."""
    if isinstance(run, CrossValidation):
        split, samples = "all folds", tuple(s for s in data.samples if s.fold is not None)
    else:
        split, samples = "val", tuple(data.splits.get("val", ()))
    samples = tuple(sample for sample in samples if sample.mask is not None)
    if not samples:
        raise DataError(
            "no validation images with masks to compare run and export on",
            where=data.root,
            hint="--data with a data set that has a split val",
        )
    gone = [sample.name for sample in samples if not sample.image.exists()]
    if gone:
        raise DataError(
            f"{len(gone)} validation images of the run are not there: {', '.join(gone[:3])}",
            where=data.root,
            hint=f"--data with the folder where {run.manifest['name']} lies now",
        )
    return split, samples


def spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """At most `count` of them, evenly spaced."""
    if count < 1:
        return []
    places = np.linspace(0, len(samples) - 1, min(count, len(samples)))
    return [samples[place] for place in sorted({int(at) for at in places.round()})]
