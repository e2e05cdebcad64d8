"""Everything that can be known about a data set before training, all at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from intarsia.datasets import Dataset
from intarsia.doctor import files, masks, sequences, splits
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
    found = [
        *files.findings(data, inspections),
        *masks.findings(data, inspections),
        *splits.findings(data, inspections),
        *sequences.findings(data, inspections),
        *(Finding.of("inferred", None, note) for note in data.notes),
    ]
    return Report.of(data.name, found, statistics(data, inspections))


def _inspected(data: Dataset) -> Iterator[Inspection]:
    """In the order of the samples, on all cores, with few results waiting."""
    waiting = iter(data.samples)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        while batch := list(islice(waiting, _IN_FLIGHT)):
            yield from pool.map(lambda sample: inspect(data, sample), batch)
