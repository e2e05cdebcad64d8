"""The splits of the reports, drawn from whole images."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

from intarsia.datasets import Dataset, Sample
from intarsia.datasets.encodings import MaskEncoding
from intarsia.errors import DataError
from intarsia.labels import LabelMap

# how the sentences begin that tell the split a data set was opened with
_SPLIT_NOTES = ("no split is given", "no val is given", "images in each split")


def drawn(data: Dataset, shares: Mapping[str, float], *, seed: int) -> Dataset:
    """Every image drawn into a split, `shares` of the images each; the first takes what is left.

    Groups that dataset.yaml names stay together.

    Raises:
        DataError: too few images for one in each split.
    """
    members: dict[str, list[str]] = {}
    for sample in data.samples:
        group = sample.group if data.groups_declared else None
        members.setdefault(group or sample.name, []).append(sample.name)
    units = sorted(members)
    if len(units) < len(shares):
        raise DataError(
            f"{len(units)} images or groups are too few for {' / '.join(shares)}", where=data.root
        )
    random.Random(seed).shuffle(units)
    chosen: dict[str, str] = {}
    for split, share in list(shares.items())[1:]:
        wanted = max(1, round(share * len(data.samples)))
        while list(chosen.values()).count(split) < wanted and len(units) > 1:
            chosen |= dict.fromkeys(members[units.pop()], split)
    first = next(iter(shares))
    return _divided(data, (replace(s, split=chosen.get(s.name, first)) for s in data.samples))


def val_as_test(data: Dataset, *, share: float, seed: int, always: bool = False) -> Dataset:
    """The given val split as test, and `share` of the train images as val.

    Data that have a test split keep theirs, unless `always`: then it is left out.
    """
    if "test" in data.splits and not always:
        return data
    train = sorted(sample.name for sample in data.split("train"))
    random.Random(seed).shuffle(train)
    held_out = set(train[: max(1, round(share * len(train)))])
    turned = {"val": "test"}
    return _divided(
        data,
        (
            replace(s, split="val" if s.name in held_out else turned.get(s.split or "", s.split))
            for s in data.samples
            if s.split in ("train", "val")
        ),
    )


def _divided(data: Dataset, samples: Iterable[Sample]) -> Dataset:
    """The data in another split, told by its notes instead of the one it was opened with."""
    kept = [note for note in data.notes if not note.startswith(_SPLIT_NOTES)]
    divided = replace(data, samples=tuple(samples))
    counts = ", ".join(f"{len(some)} {split}" for split, some in divided.splits.items())
    return replace(divided, notes=(*kept, f"split as the report did, by seed: {counts}"))


def few(data: Dataset, most: Mapping[str, int]) -> Dataset:
    """At most so many images of each split, evenly spaced."""
    kept: set[str] = set()
    for split, samples in data.splits.items():
        step = max(1, len(samples) // most[split])
        kept |= {s.name for s in samples[::step][: most[split]]}
    part = replace(data, samples=tuple(s for s in data.samples if s.name in kept))
    if len(part.samples) == len(data.samples):
        return data
    counts = ", ".join(f"{len(some)} {split}" for split, some in part.splits.items())
    return replace(part, notes=(*data.notes, f"a few of them are used: {counts}"))


def counting_ignored(data: Dataset, name: str) -> Dataset:
    """The same data with its ignored pixels as one more class."""
    if name in data.labels.names or None not in data.encoding.map.values():
        return data
    new = len(data.labels)
    names, colors = data.labels.names, [label.color for label in data.labels.classes]
    table = {value: new if i is None else i for value, i in data.encoding.map.items()}
    return replace(
        data,
        labels=LabelMap.of([*names, name], [*colors, (0, 0, 0)]),
        encoding=MaskEncoding(data.encoding.kind, table, data.encoding.threshold),
    )
