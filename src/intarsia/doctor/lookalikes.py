"""Clusters of images that look nearly the same, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from intarsia.datasets import Dataset, Sample
from intarsia.datasets.groups.joining import join_pairs
from intarsia.datasets.neighbours import close_pairs
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import ImageFacts, Inspection

_MOST_LISTED = 100
_PICTURED, _SIDE_BY_SIDE = 3, 4
_EXAMPLES = 3

Cluster = list[tuple[str, str]]  # (file, split) of every image


def clusters(data: Dataset, inspections: Sequence[Inspection]) -> list[Cluster]:
    """The clusters that chains of near duplicates connect, the largest first.

    Of images with the very same pixels one counts: the others have a finding of their own.
    """
    seen: dict[bytes, tuple[bytes, Sample]] = {}
    for one in inspections:
        if isinstance(one.image, ImageFacts) and one.image.look is not None:
            seen.setdefault(one.image.fingerprint, (one.image.look, one.sample))
    looks = [look for look, _ in seen.values()]
    pairs = close_pairs(looks)
    if not len(pairs):
        return []
    members: dict[int, list[Sample]] = {}
    for label, (_, sample) in zip(join_pairs(len(looks), pairs), seen.values(), strict=True):
        members.setdefault(label, []).append(sample)
    found = sorted((c for c in members.values() if len(c) > 1), key=len, reverse=True)
    return [[(shown(s.image, data), s.split or "") for s in cluster] for cluster in found]


def as_json(found: Sequence[Cluster]) -> dict[str, Any]:
    """How many, and the largest of them with their files."""
    return {
        "clusters": len(found),
        "images": sum(map(len, found)),
        "largest": [[file for file, _ in cluster] for cluster in found[:_MOST_LISTED]],
    }


def findings(found: Sequence[Cluster]) -> Iterator[Finding]:
    """One note on all of them."""
    if not found:
        return
    largest = [file for file, _ in found[0]]
    examples = ", ".join(largest[:_EXAMPLES]) + (", ..." if len(largest) > _EXAMPLES else "")
    yield Finding.of(
        "near-duplicates",
        None,
        f"{sum(map(len, found))} images in {len(found)} clusters; the largest has {len(largest)}: "
        + examples,
        hint="they show one thing several times, and count for more than the others; a split keeps "
        "each cluster on one side: intarsia split DATA --group-by near-duplicate",
        beside=(
            tuple((split, file) for file, split in cluster[:_SIDE_BY_SIDE])
            for cluster in found[:_PICTURED]
        ),
    )
