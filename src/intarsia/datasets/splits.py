"""Which images train, which choose the checkpoint, which judge: by groups, seeded."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from intarsia.datasets.groups import Groups
from intarsia.datasets.sample import Sample
from intarsia.datasets.stratification import assign_groups

RATIOS: tuple[tuple[str, float], ...] = (("train", 0.70), ("val", 0.15), ("test", 0.15))
_VAL_SHARE = 0.15


def with_groups(samples: Sequence[Sample], groups: Groups) -> tuple[Sample, ...]:
    """The samples with the group of their name."""
    return tuple(replace(s, group=groups[s.name]) for s in samples)


def split_samples(
    samples: Sequence[Sample], seed: int, held: Mapping[str, frozenset[int]]
) -> tuple[Sample, ...]:
    """Every sample in train, val or test, 70/15/15, whole groups together, by `seed`.

    Where that leaves a class out of a split that it could be in, classes are spread as
    `intarsia split` does; `held` are those of every sample, by name.
    """
    wanted = {name: share * len(samples) for name, share in RATIOS}
    return _drawn(samples, wanted, seed, held)


def val_from_train(
    samples: Sequence[Sample], seed: int, held: Mapping[str, frozenset[int]]
) -> tuple[Sample, ...]:
    """The same samples with 15 % of train, by groups, turned into val; see `split_samples`."""
    train = [s for s in samples if s.split == "train"]
    wanted = {"train": (1 - _VAL_SHARE) * len(train), "val": _VAL_SHARE * len(train)}
    moved = {s.name: s for s in _drawn(train, wanted, seed, held)}
    return tuple(moved.get(s.name, s) for s in samples)


def _drawn(
    samples: Sequence[Sample],
    wanted: dict[str, float],
    seed: int,
    held: Mapping[str, frozenset[int]],
) -> tuple[Sample, ...]:
    drawn = _assign(samples, wanted, seed)
    units: dict[str, list[Sample]] = {}
    places: dict[int, set[str | None]] = {}
    holders: dict[int, set[str]] = {}
    for sample in drawn:
        unit = sample.group or sample.name
        units.setdefault(unit, []).append(sample)
        for id_ in held.get(sample.name, ()):
            places.setdefault(id_, set()).add(sample.split)
            holders.setdefault(id_, set()).add(unit)
    lacking = any(
        "train" not in found or len(found) < len(wanted) <= len(holders[id_])
        for id_, found in places.items()
    )
    if not lacking or len(units) < len(wanted):
        return drawn
    presence = np.array(
        [[sum(k in held.get(s.name, ()) for s in unit) for k in places] for unit in units.values()]
    )
    shares = [share / len(samples) for share in wanted.values()]
    parts = assign_groups([len(unit) for unit in units.values()], presence, shares, seed)
    names = list(wanted)
    chosen = {unit: names[part] for unit, part in zip(units, parts, strict=True)}
    return tuple(replace(s, split=chosen[s.group or s.name]) for s in samples)


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
