"""Numbers about a data set, as plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from intarsia.datasets import Dataset
from intarsia.doctor.examination import has_background
from intarsia.doctor.inspection import SIDES, ImageFacts, Inspection, MaskFacts

_MOST_SIZES = 500
_UNEVEN = 50.0
_WEIGHT_POWER = 0.4  # the default of loss.weight_power


def statistics(data: Dataset, inspections: Sequence[Inspection]) -> dict[str, Any]:
    """Images, sizes (height, width), depths, and the classes of every split.

    `share` is of the labelled pixels of the split, `images` how many of its images hold the class.
    """
    images = [i.image for i in inspections if isinstance(i.image, ImageFacts)]
    return {
        "images": len(inspections),
        "readable_images": len(images),
        "channels": data.channels,
        "depths": dict(Counter(image.dtype for image in images).most_common()),
        "sizes": _sizes([image.size for image in images]),
        "ignored_classes": list(data.ignored),
        "aspect_ratios": _aspect_ratios([image.size for image in images]),
        "objects": _objects(data, inspections),
        "imbalance": _imbalance(data, inspections),
        "colors": {split: c for split in data.splits if (c := _colors(data, inspections, split))},
        "splits": {split: _split(data, inspections, split) for split in data.splits},
    }


def _sizes(sizes: Sequence[tuple[int, int]]) -> dict[str, Any]:
    if not sizes:
        return {"different": 0}
    by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    common, count = Counter(sizes).most_common(1)[0]
    return {
        "different": len(set(sizes)),
        "smallest": list(by_area[0]),
        "median": list(by_area[len(by_area) // 2]),
        "largest": list(by_area[-1]),
        "most_common": {"size": list(common), "images": count},
        "each": [[*size, n] for size, n in Counter(sizes).most_common(_MOST_SIZES)],
    }


def _aspect_ratios(sizes: Sequence[tuple[int, int]]) -> list[list[float]]:
    """[width / height, images], rounded to two places, ascending."""
    found = Counter(round(width / height, 2) for height, width in sizes)
    return [[ratio, count] for ratio, count in sorted(found.items())]


def _objects(data: Dataset, inspections: Sequence[Inspection]) -> list[dict[str, Any]]:
    """Connected regions by class, and how many fall under 4 px at each training size."""
    count = np.zeros(len(data.labels), np.int64)
    specks = np.zeros(len(data.labels), np.int64)
    under = np.zeros((len(data.labels), len(SIDES) + 1), np.int64)
    found = [one.mask.objects for one in inspections if isinstance(one.mask, MaskFacts)]
    if found:
        classes = np.concatenate([objects.classes for objects in found])
        np.add.at(count, classes, np.concatenate([objects.count for objects in found]))
        np.add.at(specks, classes, np.concatenate([objects.specks for objects in found]))
        np.add.at(under, classes, np.concatenate([objects.under for objects in found]))
    return [
        {
            "name": label.name,
            "objects": int(count[label.id]),
            "specks": int(specks[label.id]),
            "under": {
                name: int(n)
                for name, n in zip(
                    [*map(str, SIDES), "native"], under[label.id].tolist(), strict=True
                )
            },
        }
        for label in data.labels.classes
        if not (label.id == 0 and has_background(data))
    ]


def _imbalance(data: Dataset, inspections: Sequence[Inspection]) -> dict[str, Any] | None:
    """The pixels of train by class, the weights they suggest, and what to do."""
    counts = [
        one.mask.counts
        for one in inspections
        if one.sample.split == "train" and isinstance(one.mask, MaskFacts)
    ]
    pixels = np.sum([np.zeros(len(data.labels), np.int64), *counts], axis=0)
    there = np.flatnonzero(pixels)
    if len(there) < 2:
        return None
    most, least = int(there[pixels[there].argmax()]), int(there[pixels[there].argmin()])
    ratio = float(pixels[most] / pixels[least])
    share = pixels / pixels.sum()
    weights = np.zeros(len(pixels))
    weights[there] = share[there] ** -_WEIGHT_POWER
    weights /= (weights * share).sum()
    advice = "the default loss (cross-entropy + Dice) copes with this; keep it"
    if ratio >= _UNEVEN:
        advice = (
            "keep Dice in the loss (loss.name: cross-entropy+dice) and weigh the classes "
            "(loss.class_weights: frequency)"
        )
    return {
        "most": data.labels.names[most],
        "least": data.labels.names[least],
        "ratio": ratio,
        "threshold": _UNEVEN,
        "advice": advice,
        "weights": [round(float(w), 3) for w in weights],
        "weight_power": _WEIGHT_POWER,
    }


def _colors(data: Dataset, inspections: Sequence[Inspection], split: str) -> dict[str, Any] | None:
    """Mean of the image means, their spread, and the mean contrast, in 0..1, by channel."""
    images = [
        i.image for i in inspections if i.sample.split == split and isinstance(i.image, ImageFacts)
    ]
    if not images:
        return None
    channels = max(len(image.mean) for image in images)
    low, size = data.scaling.low, data.scaling.high - data.scaling.low
    rows = [image for image in images if len(image.mean) == channels]
    means = (np.array([image.mean for image in rows]) - low) / size
    contrast = np.array([image.deviation for image in rows]) / size
    return {
        "images": len(rows),
        "mean": [round(float(v), 4) for v in means.mean(axis=0)],
        "spread": [round(float(v), 4) for v in means.std(axis=0)],
        "contrast": [round(float(v), 4) for v in contrast.mean(axis=0)],
    }


def _split(data: Dataset, inspections: Sequence[Inspection], split: str) -> dict[str, Any]:
    members = [i for i in inspections if i.sample.split == split]
    masks = [i.mask for i in members if isinstance(i.mask, MaskFacts)]
    counts = np.array([mask.counts for mask in masks]).reshape(len(masks), len(data.labels))
    pixels, images = counts.sum(axis=0), (counts > 0).sum(axis=0)
    labelled = int(pixels.sum())
    return {
        "images": len(members),
        "groups": len({i.sample.group for i in members if i.sample.group is not None}),
        "labelled_pixels": labelled,
        "ignored_pixels": sum(mask.ignored for mask in masks),
        "unknown_pixels": sum(mask.unknown_pixels for mask in masks),
        "classes": [
            {
                "name": label.name,
                "pixels": int(pixels[label.id]),
                "share": int(pixels[label.id]) / labelled if labelled else None,
                "images": int(images[label.id]),
            }
            for label in data.labels.classes
        ],
    }
