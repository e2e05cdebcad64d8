"""One folder of images, one of masks."""

from __future__ import annotations

from pathlib import Path

from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import images_and_masks
from intarsia.datasets.layouts.split_folders import read_splits_inside
from intarsia.datasets.pairing import pair_folders


def read(path: Path) -> Found | None:
    """Samples from images/ and masks|labels|annotations/, or 2d_images/ and 2d_masks/."""
    both = images_and_masks(path)
    if both is None:
        return None
    images, masks = both
    return Found(f"{images.name}/ with {masks.name}/", pair_folders(images, masks))


def read_apart(images: Path, masks: Path) -> Found:
    """Samples from two folders that lie anywhere, with or without split folders inside."""
    split = read_splits_inside(images, masks)
    if split is not None:
        return split
    return Found(f"{images} with {masks}", pair_folders(images, masks))
