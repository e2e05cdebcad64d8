"""MMSegmentation: img_dir/ with ann_dir/, most often with train/ and val/ in both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from intarsia.datasets.layouts.folders import read_apart
from intarsia.datasets.layouts.found import Found


def read(path: Path) -> Found | None:
    """Samples of img_dir/ and ann_dir/."""
    images, masks = path / "img_dir", path / "ann_dir"
    if not (images.is_dir() and masks.is_dir()):
        return None
    return replace(read_apart(images, masks), layout="MMSegmentation: img_dir/ with ann_dir/")
