"""Groups of images into the parts asked for, and what the groups are where nothing says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.dataset import Dataset
from intarsia.datasets.formats.masks import read_mask
from intarsia.datasets.groups import Groups, Rule, group_samples, without_split
from intarsia.datasets.groups.joining import natural
from intarsia.datasets.groups.recordings import true_recordings
from intarsia.datasets.ratio import parse_ratio
from intarsia.datasets.sample import Sample
from intarsia.datasets.split_table import FILE_NAME, LEFT_OUT
from intarsia.datasets.stratification import assign_groups
from intarsia.errors import DataError, ImageError

RATIO = "70/15/15"
_BLOCKS = Rule("blocks", "8")
_FARTHEST = 0.10  # how much of all images whole recordings may make a split too large or small


@dataclass(frozen=True)
class Shape:
    """What is asked for: shares by split, a number of folds, or a fold for every group."""

    ratio: str | None = None
    folds: int | None = None
    leave_one_out: bool = False

    @property
    def shares(self) -> dict[str, float]:
        """The share of each part; nothing where every group is a part."""
        if self.leave_one_out:
            return {}
        if self.folds is not None:
            return {str(fold): 1 / self.folds for fold in range(self.folds)}
        return parse_ratio(self.ratio or RATIO)

    @property
    def is_folds(self) -> bool:
        return self.leave_one_out or self.folds is not None

    def to_yaml(self, seed: int) -> dict[str, Any]:
        """The value of `splits` in dataset.yaml."""
        if self.leave_one_out:
            return {"file": FILE_NAME, "folds": "leave-one-out"}
        if self.folds is not None:
            return {"file": FILE_NAME, "folds": self.folds, "seed": seed}
        return {"file": FILE_NAME, "ratio": self.ratio or RATIO, "seed": seed}


def class_presence(data: Dataset) -> tuple[NDArray[np.int64], list[str]]:
    """(N, K) 1 where a sample holds a class; and a note on masks that cannot be read."""

    def look(sample: Sample) -> NDArray[np.int64] | None:
        try:
            if sample.mask is None:
                return None
            ids, _ = data.encoding.decode(read_mask(sample.mask), data.labels)
        except ImageError:  # a finding of the check
            return None
        top = data.labels.ignore_index + 1
        return (np.bincount(ids.reshape(-1), minlength=top)[: len(data.labels)] > 0).astype(int)

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        found = list(pool.map(look, data.samples))
    empty = np.zeros(len(data.labels), np.int64)
    unread = sum(one is None for one in found)
    notes = [f"{unread} masks cannot be read and count as empty: intarsia check"] if unread else []
    return np.stack([empty if one is None else one for one in found]), notes


def short_names(data: Dataset) -> dict[str, str]:
    """What the rules look at, by name: the names without the folder of a given split."""
    return {sample.name: without_split(sample) for sample in data.samples}


def infer_rule(data: Dataset, shares: Mapping[str, float]) -> tuple[Rule, str]:
    """What the files show of what belongs together, and why, in words."""
    short = short_names(data)
    found = true_recordings(data.samples, short, data.read_image)
    frames = sum(len(names) for names in found.values())
    if 2 * frames > len(data.samples):
        what = f"{frames} images are frames of {len(found)} recordings ({', '.join(found)})"
        groups = group_samples(
            data.samples, [Rule("sequence")], root=data.root, read=data.read_image
        )
        if shares and not can_divide(groups, shares):
            return _BLOCKS, (
                f"{what}, too few or too uneven to divide: blocks of frames with gaps between "
                "(stricter: --group-by sequence --leave-one-out)"
            )
        return Rule("sequence"), what
    if data.groups_given:
        return Rule("given"), "groups come with the data"
    groups_guessed = {s.group for s in data.samples}
    if None not in groups_guessed:
        return Rule("prefix"), f"the file names begin with {len(groups_guessed)} prefixes"
    return Rule("none"), "neither file names nor images show what belongs together"


def can_divide(groups: Groups, shares: Mapping[str, float]) -> bool:
    """Whether whole groups come near the shares: no part off by more than a tenth of all."""
    sizes = list(Counter(group or name for name, group in groups.items()).values())
    if len(sizes) < len(shares):
        return False
    parts = assign_groups(sizes, np.zeros((len(sizes), 0), int), list(shares.values()), 0)
    have = np.bincount(parts, weights=sizes, minlength=len(shares)) / sum(sizes)
    return bool(np.abs(have - list(shares.values())).max() <= _FARTHEST)


def divide(
    samples: Sequence[Sample],
    groups: Groups,
    presence: NDArray[np.int64],
    shape: Shape,
    seed: int,
    tests: frozenset[str],
) -> dict[str, str]:
    """The place of every sample; those that belong with a kept test go nowhere."""
    test_groups = {groups[name] for name in tests} - {None}
    places = {
        s.name: "test" if s.name in tests else LEFT_OUT
        for s in samples
        if s.name in tests or groups[s.name] in test_groups
    }
    rest = [(at, s.name) for at, s in enumerate(samples) if s.name not in places]
    units: dict[str, list[int]] = {}
    for at, name in rest:
        units.setdefault(groups[name] or f"\0{name}", []).append(at)
    shares = dict(shape.shares)
    if tests and not shape.is_folds:
        shares.pop("test", None)
        shares = {place: share / sum(shares.values()) for place, share in shares.items()}
    _enough(units, shares, shape)
    sizes = [len(members) for members in units.values()]
    held = np.stack([presence[members].sum(axis=0) for members in units.values()])
    if shares:
        names = list(shares)
        parts = [names[part] for part in assign_groups(sizes, held, list(shares.values()), seed)]
    else:
        titles = list(units)
        order = sorted(range(len(units)), key=lambda at: natural(titles[at]))
        parts = [""] * len(units)
        for fold, at in enumerate(order):
            parts[at] = str(fold)
    for members, part in zip(units.values(), parts, strict=True):
        for at in members:
            places[samples[at].name] = part
    return {sample.name: places[sample.name] for sample in samples}


def _enough(units: Mapping[str, Sequence[int]], shares: Mapping[str, float], shape: Shape) -> None:
    needed = len(shares) or 2
    if len(units) >= needed:
        return
    listed = ", ".join(name.strip("\0") for name in list(units)[:5]) or "none"
    what = "folds" if shape.is_folds else "splits"
    if all(name.startswith("\0") for name in units):  # nothing to group more finely
        raise DataError(
            f"{len(units)} image{'s' if len(units) != 1 else ''} for {needed} {what}: {listed}",
            expected=f"{needed} images or more",
            hint=f"ask for fewer {what}, or add images",
        )
    raise DataError(
        f"{len(units)} group{'s' if len(units) != 1 else ''} for {needed} {what}: {listed}",
        where="group-by",
        expected=f"{needed} groups or more",
        hint=f"ask for fewer {what}, or group by something finer; frames of a few recordings can "
        "be cut into blocks: --group-by blocks:8",
    )
