"""Which images train, which choose the checkpoint, which judge: by groups, seeded."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from intarsia.datasets.sample import Sample

RATIOS: tuple[tuple[str, float], ...] = (("train", 0.70), ("val", 0.15), ("test", 0.15))
_FEWEST_GROUPS = 10
_LARGEST_SHARE = 0.30
_VAL_SHARE = 0.15
_SEPARATORS = re.compile(r"[_\-. /]+")


def group_by_prefix(names: Sequence[str]) -> dict[str, str] | None:
    """The group of every name by the shortest prefix that makes sense, None where none does.

    A prefix ends at a separator (`/ _ - .` or a space). It counts only where it gives at least
    10 groups, none of them above 30 % of the images, and puts at least two images together. The
    shortest is taken, because a split by recording is safe where one by clip may not be.

    >>> names = [f"patient{p}_slice{s}" for p in range(10) for s in range(3)]
    >>> group_by_prefix(names)["patient4_slice2"]
    'patient4'
    >>> group_by_prefix(["a_1", "a_2", "b_1"]) is None
    True
    """
    ends = {name: [match.start() for match in _SEPARATORS.finditer(name)] for name in names}
    for depth in range(max((len(e) for e in ends.values()), default=0)):
        groups = {
            name: name[: cut[min(depth, len(cut) - 1)]] if cut else name
            for name, cut in ends.items()
        }
        if _sensible(Counter(groups.values()), len(groups)):
            return groups
    return None


def _sensible(sizes: Counter[str], images: int) -> bool:
    return _FEWEST_GROUPS <= len(sizes) < images and max(sizes.values()) <= _LARGEST_SHARE * images


def with_groups(samples: Sequence[Sample], groups: dict[str, str]) -> tuple[Sample, ...]:
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
