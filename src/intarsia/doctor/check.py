"""Everything that can be known about a data set before training, all at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from intarsia.datasets import Dataset
from intarsia.doctor import files, masks, nearest, saved_split, sequences, splits
from intarsia.doctor.findings import Finding, Report
from intarsia.doctor.inspection import Inspection, inspect
from intarsia.doctor.statistics import statistics

_IN_FLIGHT = 256


def check(data: Dataset, *, progress: Callable[[int, int], None] | None = None) -> Report:
    """Decode every image and mask and report all faults, the data set's and the files'.

    Never raises for a bad file: each becomes a `Finding`. `progress` is called with the number
    of samples done and of all samples.
    """
    inspections = []
    for one in _inspected(data):
        inspections.append(one)
        if progress is not None:
            progress(len(inspections), len(data.samples))
    recordings = sequences.interleaved(data, inspections)
    neighbours = nearest.nearest_train(data, inspections, recordings)
    across = [*splits.findings(data, inspections)]
    identical = {f.file: f for f in across if f.code == "identical-across-splits" and f.file}
    found = [
        *files.findings(data, inspections),
        *masks.findings(data, inspections),
        *across,
        *sequences.findings(data, inspections, recordings),
        *nearest.findings(neighbours, identical),
        *saved_split.findings(data),
        *(Finding.of("inferred", None, note) for note in data.notes),
    ]
    numbers = statistics(data, inspections) | {"nearest_train": nearest.as_json(neighbours)}
    return Report.of(data.name, found, numbers)


def _inspected(data: Dataset) -> Iterator[Inspection]:
    """In the order of the samples, on all cores, with few results waiting."""
    waiting = iter(data.samples)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        while batch := list(islice(waiting, _IN_FLIGHT)):
            yield from pool.map(lambda sample: inspect(data, sample), batch)
