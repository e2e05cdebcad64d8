"""Which groups and splits a data set has when it is opened: those given, and those drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.datasets.dataset import SPLITS
from intarsia.datasets.groups import Groups, group_by_prefix, without_split
from intarsia.datasets.known import Known
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.sample import Sample
from intarsia.datasets.splits import split_samples, val_from_train, with_groups

if TYPE_CHECKING:
    from intarsia.datasets.description import Description


def partition(
    samples: tuple[Sample, ...],
    seed: int,
    known: Known | None,
    description: Description | None,
    where: Path,
    held: Mapping[str, frozenset[int]],
) -> tuple[tuple[Sample, ...], list[str]]:
    """The samples with groups and splits, given or drawn by `seed`, and what to say of them.

    `held` are the classes in the mask of every sample, by name.
    """
    notes: list[str] = []
    groups, unit = _groups(samples, known, description, where)
    if groups is not None:
        samples = with_groups(samples, groups)
    if description is not None:
        from intarsia.datasets.declared_partition import declared_splits

        samples, notes = declared_splits(description, samples, where)
    unlabelled = tuple(s for s in samples if s.mask is None)
    samples = tuple(s for s in samples if s.mask is not None)
    splits = Counter(s.split for s in samples)
    if splits[None] == len(samples):
        samples = split_samples(samples, seed, held)
        notes.append(f"no split is given: drawn 70/15/15 by seed {seed}, {unit}")
    elif not splits["val"] and splits["train"]:
        samples = val_from_train(samples, seed, held)
        notes.append(f"no val is given: 15 % of train becomes val by seed {seed}, {unit}")
    sizes = Counter(s.split for s in samples)
    counts = [f"{sizes[name] or 'no'} {name}" for name in SPLITS]
    notes.append(f"images in each split: {', '.join(counts)}")
    return (*samples, *unlabelled), notes


def _groups(
    samples: Sequence[Sample], known: Known | None, description: Description | None, where: Path
) -> tuple[Groups | None, str]:
    """The group of every sample by name, None where images are the unit, and how to say it."""
    if description is not None and description.groups is not None:
        from intarsia.datasets.declared_partition import declared_groups

        declared = declared_groups(description, samples, where.parent)
        if declared is None:
            return None, "image by image, as declared"
        count = len({group or name for name, group in declared.items()})
        return declared, f"whole groups together ({count} as declared)"
    given = {s.group for s in samples if s.group is not None}
    if given:
        return None, f"whole groups together ({len(given)} groups come with the data)"
    if known is not None and known.independent:
        return None, f"image by image (the images of {known.name} are independent of each other)"
    groups = guessed_groups(samples, known)
    if groups is None:
        return None, "image by image (the file names show no groups that belong together)"
    example = next(iter(groups.values()))
    count = len(set(groups.values()))
    return groups, (
        f"whole groups together ({count} groups by the start of the file names, such as {example})"
    )


def guessed_groups(samples: Sequence[Sample], known: Known | None) -> Groups | None:
    """Groups by the start of the file names, None where these show none."""
    if known is not None and known.independent:
        return None
    short = {sample.name: without_split(sample) for sample in samples}
    found = group_by_prefix(list(dict.fromkeys(short.values())))
    return None if found is None else {name: found[text] for name, text in short.items()}


def gives_groups(found: Found) -> bool:
    """Whether the layout itself says what belongs together."""
    return any(sample.group is not None for sample in found.pairs.samples)
