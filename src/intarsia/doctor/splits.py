"""Findings about splits: labels, classes, the same image twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset
from intarsia.doctor.files import printable, shown
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import ImageFacts, Inspection, MaskFacts

_FEW_IMAGES = 3
_EXAMPLES = 3


def findings(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """Everything about how images are spread over the splits."""
    yield from _labels(data, inspections)
    yield from _identical(data, inspections)
    yield from _groups(data)


def _labels(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    for needed in ("train", "val"):
        if needed not in data.splits:
            yield Finding.of(
                "no-split",
                None,
                f"no image in {needed}",
                expected="images in train and val",
                hint="one image is too few: some train, others validate"
                if len(data.samples) < 2
                else "say splits: in dataset.yaml, or leave them out and they are drawn at random",
            )
    every = [i.mask for i in inspections if isinstance(i.mask, MaskFacts)]
    # Compression with loss makes classes that nobody drew: where they are is no question then.
    spoiled = 2 * sum(mask.lossy for mask in every) > len(every)
    held = np.array([mask.counts for mask in every]).reshape(len(every), len(data.labels)) > 0
    ever = held.sum(axis=0)
    for split, samples in data.splits.items():
        masks = [
            i.mask for i in inspections if i.sample.split == split and isinstance(i.mask, MaskFacts)
        ]
        if not any(mask.counts.any() for mask in masks):
            yield Finding.of(
                "split-without-labels",
                None,
                f"{split}: {len(samples)} images, no pixel of any class",
                expected="labels in every split",
                hint="look at its masks: are they all empty, ignored or unreadable?",
            )
            continue
        if spoiled:
            continue
        images = np.stack([mask.counts > 0 for mask in masks]).sum(axis=0)
        yield from _classes(data, split, images, np.broadcast_to(ever, images.shape), len(masks))


def _classes(
    data: Dataset, split: str, images: NDArray[np.int64], ever: NDArray[np.int64], total: int
) -> Iterator[Finding]:
    for label, count, anywhere in zip(data.labels.classes, images, ever, strict=True):
        if count == 0:
            elsewhere = f", in {anywhere} images elsewhere" if anywhere else " nor in any other"
            hint = "its metrics are n/a there; move images with it into the split to judge it"
            if split == "train":
                hint = "it cannot be learnt: move images with it into train, or ignore the class"
            yield Finding.of(
                "class-missing",
                None,
                f'"{label.name}" is in no image of {split}{elsewhere}',
                expected="every class in every split",
                hint=hint,
                severity="error" if split == "train" else "warning",
            )
        elif split == "train" and count < _FEW_IMAGES and total > 10 * count:
            yield Finding.of(
                "rare-class",
                None,
                f'"{label.name}" is in {count} of {total} images of train',
                hint="expect it to be learnt badly: label more of it, or merge it with another",
            )


def _identical(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    same: dict[bytes, list[Inspection]] = {}
    for one in inspections:
        # Empty images are equal without being the same picture; they have their own finding.
        if isinstance(one.image, ImageFacts) and not one.image.blank:
            same.setdefault(one.image.fingerprint, []).append(one)
    for group in same.values():
        # In the order of the splits: what is held out is named as the copy.
        ordered = sorted(group, key=lambda one: _rank(one.sample.split))
        first = ordered[0].sample
        for other in ordered[1:]:
            kept, copy = ordered[0].mask, other.mask
            if (
                isinstance(kept, MaskFacts)
                and isinstance(copy, MaskFacts)
                and kept.fingerprint != copy.fingerprint
            ):
                yield Finding.of(
                    "conflicting-masks",
                    shown(other.sample.image, data),
                    f"the pixels of {shown(first.image, data)}, and another mask",
                    expected="one mask for one picture",
                    hint="keep the better of the two",
                    other=shown(first.image, data),
                )
            across = other.sample.split != first.split
            yield Finding.of(
                "identical-across-splits" if across else "identical-images",
                shown(other.sample.image, data),
                f"{other.sample.split}: the pixels of {shown(first.image, data)} in {first.split}",
                expected="every image in one split only" if across else None,
                hint="remove one of the two, or put both into one split"
                if across
                else "one of the two can go",
                other=shown(first.image, data),
            )


def _groups(data: Dataset) -> Iterator[Finding]:
    splits: dict[str, set[str]] = {}
    for sample in data.samples:
        if sample.group is not None and sample.split is not None:
            splits.setdefault(sample.group, set()).add(sample.split)
    for one, other in combinations(data.splits, 2):
        both = [group for group, found in splits.items() if {one, other} <= found]
        if not both:
            continue
        examples = ", ".join(printable(group) for group in both[:_EXAMPLES])
        hint = f"put each group into one split, or the score on {other} comes out too high"
        if not data.groups_declared:
            hint += (
                "; the groups are guessed from the start of the file names: where these mean "
                "nothing, say groups: none in dataset.yaml"
            )
        yield Finding.of(
            "group-across-splits",
            None,
            f"{len(both)} of {len(splits)} groups lie in {one} and in {other}: {examples}"
            + (", ..." if len(both) > _EXAMPLES else ""),
            expected="every group in one split only",
            hint=hint,
            severity="error" if data.groups_declared else None,
        )


def _rank(split: str | None) -> int:
    return ("train", "val", "test").index(split) if split in ("train", "val", "test") else 3
