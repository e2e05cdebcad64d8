"""Splits as folders: train/images with train/masks, images/train with masks/train, or pairs."""

from __future__ import annotations

import os
from pathlib import Path

from intarsia.datasets.layouts import suffixes
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import images_and_masks, split_folders, split_name
from intarsia.datasets.pairing import Pairs, image_paths, pair_folders


def read(path: Path) -> Found | None:
    """Samples from split folders in any of the three arrangements."""
    return _splits_outside(path) or _splits_inside(path)


def _splits_outside(path: Path) -> Found | None:
    pairs, names, unlabelled = Pairs(), [], []
    for split, folder in split_folders(path):
        prefix = f"{folder.name}/"
        inner = images_and_masks(folder)
        if inner is not None:
            images, masks = inner
            pairs += pair_folders(images, masks, prefix=prefix, split=split)
            names.append(f"{folder.name}/{images.name} with {folder.name}/{masks.name}")
            continue
        by_suffix = suffixes.pair_by_suffix(folder, prefix=prefix, split=split)
        if by_suffix is not None:
            pairs += by_suffix
            names.append(f"pairs in {prefix}")
        elif count := len(image_paths(folder)):
            unlabelled.append(f"{prefix} has {count} images and no masks: left out")
    if not names:
        return None
    return Found(f"split folders: {', '.join(names)}", pairs, tuple(unlabelled))


def _splits_inside(path: Path) -> Found | None:
    both = images_and_masks(path)
    return None if both is None else read_splits_inside(*both)


def read_splits_inside(images: Path, masks: Path) -> Found | None:
    """images/train with masks/train, ...; None where a folder holds files outside its splits."""
    image_splits, mask_splits = split_folders(images), split_folders(masks)
    if not image_splits or not mask_splits:
        return None
    start = len(f"{images}{os.sep}")
    if any(split_name(p[start:].partition(os.sep)[0]) is None for p in image_paths(images)):
        return None
    by_split = dict(mask_splits)
    pairs, names, notes = Pairs(), [], []
    for split, folder in image_splits:
        inside = by_split.get(split)
        if inside is None:
            count = len(image_paths(folder))
            notes.append(f"{images.name}/{folder.name} has {count} images and no masks: left out")
            continue
        pairs += pair_folders(folder, inside, prefix=f"{folder.name}/", split=split)
        names.append(f"{images.name}/{folder.name} with {masks.name}/{inside.name}")
    return Found(f"split folders: {', '.join(names)}", pairs, tuple(notes)) if names else None
