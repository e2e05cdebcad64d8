"""Everything that can be known about a data set before training, all at once."""

from __future__ import annotations

from collections.abc import Callable

from intarsia.datasets import Dataset
from intarsia.doctor import (
    files,
    lookalikes,
    masks,
    names,
    nearest,
    oddities,
    saved_split,
    sequences,
    splits,
)
from intarsia.doctor.examination import examine
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Finding, Report
from intarsia.doctor.statistics import statistics
from intarsia.file_cache import FileCache


def check(
    data: Dataset,
    *,
    progress: Callable[[int, int], None] | None = None,
    cache: FileCache | None = None,
) -> Report:
    """Decode every image and mask and report all faults, the data set's and the files'.

    Never raises for a bad file: each becomes a `Finding`. `progress` is called with the number
    of samples done and of all samples. `cache` spares the files that it has seen before.
    """
    inspections = []
    for one in examine(data, cache):
        inspections.append(one)
        if progress is not None:
            progress(len(inspections), len(data.samples))
    recordings = sequences.interleaved(data, inspections)
    neighbours = nearest.nearest_train(data, inspections, recordings)
    across = [*splits.findings(data, inspections)]
    identical = {f.file: f for f in across if f.code == "identical-across-splits" and f.file}
    clusters = lookalikes.clusters(data, inspections)
    numbers = statistics(data, inspections) | {
        "nearest_train": nearest.as_json(neighbours),
        "near_duplicates": lookalikes.as_json(clusters),
    }
    changed = [] if cache is None else sorted({*cache.changed})
    found = [
        *files.findings(data, inspections),
        *names.findings(data),
        *masks.findings(data, inspections),
        *across,
        *sequences.findings(data, inspections, recordings),
        *nearest.findings(neighbours, identical),
        *lookalikes.findings(clusters),
        *saved_split.findings(data, cache),
        *oddities.findings(data, inspections, numbers),
        *(
            Finding.of("changed-since-check", shown(path, data), "other content than last time")
            for path in changed
        ),
        *(Finding.of("inferred", None, note) for note in data.notes),
    ]
    return Report.of(data.name, found, numbers)
