"""Which images train, which choose the checkpoint, which judge: by groups, seeded."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from intarsia.datasets.groups import Groups
from intarsia.datasets.sample import Sample

RATIOS: tuple[tuple[str, float], ...] = (("train", 0.70), ("val", 0.15), ("test", 0.15))
_VAL_SHARE = 0.15


def with_groups(samples: Sequence[Sample], groups: Groups) -> tuple[Sample, ...]:
    """The samples with the group of their name."""
    return tuple(replace(s, group=groups[s.name]) for s in samples)


def split_samples(samples: Sequence[Sample], seed: int) -> tuple[Sample, ...]:
    """Every sample in train, val or test, 70/15/15, whole groups together, by `seed`."""
    wanted = {name: share * len(samples) for name, share in RATIOS}
    return _assign(samples, wanted, seed)


def val_from_train(samples: Sequence[Sample], seed: int) -> tuple[Sample, ...]:
    """The same samples with 15 % of train, by groups, turned into val."""
    train = [s for s in samples if s.split == "train"]
    wanted = {"train": (1 - _VAL_SHARE) * len(train), "val": _VAL_SHARE * len(train)}
    moved = {s.name: s for s in _assign(train, wanted, seed)}
    return tuple(moved.get(s.name, s) for s in samples)


def _assign(samples: Sequence[Sample], wanted: dict[str, float], seed: int) -> tuple[Sample, ...]:
    """Largest group first, each to the split that lacks most; ties in seeded order.

    Two or more units always leave something for `val`, three or more for `test`.
    """
    sizes = Counter(s.group or s.name for s in samples)
    units = sorted(sizes)
    random.Random(seed).shuffle(units)
    units.sort(key=lambda unit: -sizes[unit])
    names = list(wanted)
    missing = dict(wanted)
    chosen: dict[str, str] = {}
    for left, unit in zip(range(len(units), 0, -1), units, strict=True):
        empty = [name for name in names if name not in chosen.values()]
        # Tiny sets: the last units go to the splits that have nothing yet.
        split = empty[0] if empty and left <= len(empty) else max(names, key=missing.__getitem__)
        chosen[unit] = split
        missing[split] -= sizes[unit]
    return tuple(replace(s, split=chosen[s.group or s.name]) for s in samples)
