"""Groups by when and where the photographs were taken, from their EXIF data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.groups.joining import Groups, join_pairs
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError, ImageError
from intarsia.images import Capture, read_capture

EARTH = 6_371_000.0  # metres, mean radius
_EXAMPLES = 3


def by_time(samples: Sequence[Sample], seconds: float) -> Groups:
    """Photographs with no longer pause between one and the next are one group.

    Raises:
        DataError: images without a time in their EXIF data.
    """
    captures = _captures(samples)
    _all_have([c.time for c in captures], samples, "time in their EXIF data", "exif-time")
    times = {s.name: c.time for s, c in zip(samples, captures, strict=True) if c.time is not None}
    ordered = sorted(times, key=lambda name: (times[name], name))
    groups: Groups = {}
    start = ordered[0]
    for before, name in pairwise([ordered[0], *ordered]):
        if (times[name] - times[before]).total_seconds() > seconds:
            start = name
        groups[name] = f"{times[start]:%Y-%m-%d %H:%M:%S}"
    return groups


def by_place(samples: Sequence[Sample], metres: float) -> Groups:
    """Photographs that a chain of distances up to `metres` connects are one group.

    Raises:
        DataError: images without a place in their EXIF data.
    """
    captures = _captures(samples)
    _all_have([c.place for c in captures], samples, "place (GPS) in their EXIF data", "gps")
    places = [c.place for c in captures if c.place is not None]
    labels = _connected(on_sphere(places), metres)
    first: dict[int, str] = {}
    for label, (latitude, longitude) in sorted(zip(labels, places, strict=True)):
        first.setdefault(label, f"{latitude:.5f} {longitude:.5f}")
    return {s.name: first[label] for s, label in zip(samples, labels, strict=True)}


def on_sphere(places: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """(N, 3) metres from the centre of the earth, of latitudes and longitudes in degrees.

    Straight distances stand for those along the ground: 100 km differ by a metre.
    """
    latitude, longitude = np.radians(np.asarray(places, np.float64).reshape(-1, 2)).T
    return EARTH * np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        axis=1,
    )


def _connected(points: NDArray[np.float64], metres: float) -> list[int]:
    """Single linkage. Crowded places must not cost the square of their photographs: points are
    gathered in cells within which all are close, and cells are joined by their closest points."""
    from scipy.spatial import cKDTree

    side = metres / np.sqrt(3)
    _, cell, members = np.unique(
        np.floor(points / side), axis=0, return_inverse=True, return_counts=True
    )
    cell = cell.reshape(-1)
    order = np.argsort(cell, kind="stable")
    inside = np.split(points[order], np.cumsum(members)[:-1])
    centres = np.stack([part.mean(axis=0) for part in inside])
    near = cKDTree(centres).query_pairs(metres + 2 * side * np.sqrt(3))
    trees = {at: cKDTree(inside[at]) for at in {at for pair in near for at in pair}}
    pairs = [
        (one, other)
        for one, other in near
        if np.isfinite(
            trees[one].query(inside[other], distance_upper_bound=metres * (1 + 1e-9))[0]
        ).any()
    ]
    labels = join_pairs(len(inside), pairs)
    return [labels[at] for at in cell]


def _captures(samples: Sequence[Sample]) -> list[Capture]:
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(_capture, samples))


def _capture(sample: Sample) -> Capture:
    try:
        return read_capture(sample.image)
    except ImageError:  # a format without EXIF, such as DICOM
        return Capture()


def _all_have(values: Sequence[object], samples: Sequence[Sample], what: str, rule: str) -> None:
    without = [s.image.name for s, v in zip(samples, values, strict=True) if v is None]
    if without:
        listed = ", ".join(without[:_EXAMPLES]) + (", ..." if len(without) > _EXAMPLES else "")
        raise DataError(
            f"{len(without)} of {len(samples)} images have no {what}: {listed}",
            where=f"group-by {rule}",
            hint="many programs drop EXIF data when they save; group the copies by the names "
            "instead (prefix, folder, regex:PATTERN), or by a table (csv:FILE:COLUMN)",
        )
