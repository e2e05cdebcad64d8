"""Numbers about a data set, as plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from intarsia.datasets import Dataset
from intarsia.doctor.inspection import ImageFacts, Inspection, MaskFacts


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
    }


def _split(data: Dataset, inspections: Sequence[Inspection], split: str) -> dict[str, Any]:
    members = [i for i in inspections if i.sample.split == split]
    masks = [i.mask for i in members if isinstance(i.mask, MaskFacts)]
    none = np.zeros(len(data.labels), np.int64)
    pixels = sum((mask.counts for mask in masks), start=none)
    images = sum((mask.counts > 0 for mask in masks), start=none)
    labelled = int(pixels.sum())
    return {
        "images": len(members),
        "groups": len({i.sample.group for i in members if i.sample.group is not None}),
        "labelled_pixels": labelled,
        "ignored_pixels": sum(mask.ignored for mask in masks),
        "unknown_pixels": sum(sum(mask.unknown.values()) for mask in masks),
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
