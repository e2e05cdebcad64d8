"""One folder of pairs told apart by a suffix: x.jpg and x_mask.png."""

from __future__ import annotations

from pathlib import Path

from intarsia.datasets.layouts.found import Found
from intarsia.datasets.pairing import (
    IMAGE_AFFIXES,
    MASK_AFFIXES,
    Pairs,
    image_files,
    key,
    pair_files,
    strip_affix,
)


def read(path: Path) -> Found | None:
    """Samples from the pairs in a folder and its subfolders."""
    pairs = pair_by_suffix(path)
    return None if pairs is None else Found("one folder of pairs told apart by name", pairs)


def pair_by_suffix(path: Path, *, prefix: str = "", split: str | None = None) -> Pairs | None:
    """The pairs below one folder; None where no mask affix meets the names of other files."""
    files = image_files(path)
    for affix in MASK_AFFIXES:
        masks = [file for file in files if strip_affix(key(file, path), affix) is not None]
        if not masks:
            continue
        chosen = set(masks)
        images = [file for file in files if file not in chosen]
        wanted = {strip_affix(key(file, path), affix) for file in masks}
        met = sum(
            any(strip_affix(key(file, path), a) in wanted for a in IMAGE_AFFIXES) for file in images
        )
        if met and 2 * met >= len(masks):
            return pair_files(images, path, masks, path, prefix, split)
    return None
