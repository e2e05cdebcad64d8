"""Groups of images that are copies of one picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numpy.typing import NDArray

from intarsia.datasets.groups.joining import Groups, join_pairs, natural
from intarsia.datasets.neighbours import close_pairs
from intarsia.datasets.perceptual import perceptual_hash
from intarsia.datasets.sample import Sample
from intarsia.errors import IntarsiaError

Read = Callable[[Sample], NDArray[Any]]


def by_looks(samples: Sequence[Sample], read: Read) -> Groups:
    """Images that a chain of near duplicates connects are one group, called by its first image.

    An image that cannot be read, or shows nothing, is its own.
    """
    hashes = list(zip(samples, _hashes(samples, read), strict=True))
    seen = [(sample.name, code) for sample, code in hashes if code is not None]
    labels = join_pairs(len(seen), close_pairs([code for _, code in seen]))
    members: dict[int, list[str]] = {}
    for (name, _), label in zip(seen, labels, strict=True):
        members.setdefault(label, []).append(name)
    return {
        name: f"like {min(names, key=natural)}"
        for names in members.values()
        if len(names) > 1
        for name in names
    }


def _hashes(samples: Sequence[Sample], read: Read) -> list[bytes | None]:
    def look(sample: Sample) -> bytes | None:
        try:
            return perceptual_hash(read(sample))
        except IntarsiaError:  # a finding of the check
            return None

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(look, samples))
