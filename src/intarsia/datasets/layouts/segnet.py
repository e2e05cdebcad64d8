"""train/ beside trainannot/: the layout of CamVid as SegNet published it."""

from __future__ import annotations

from pathlib import Path

from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import split_folders, subfolders
from intarsia.datasets.pairing import Pairs, image_paths, pair_folders

_ENDINGS = ("annot", "_annot", "_labels", "_masks", "_mask", "-masks")


def read(path: Path) -> Found | None:
    """Samples from every `<split>/` that has a folder of masks beside it."""
    beside = {p.name.lower(): p for p in subfolders(path)}
    pairs, names, alone = Pairs(), [], []
    for split, images in split_folders(path):
        masks = next(
            (beside[n] for e in _ENDINGS if (n := images.name.lower() + e) in beside), None
        )
        if masks is not None:
            pairs += pair_folders(images, masks, prefix=f"{images.name}/", split=split)
            names.append(f"{images.name}/ with {masks.name}/")
        else:
            alone.append(images)
    if not names:
        return None
    notes = (
        f"{images.name}/ has {count} images and no masks: left out"
        for images in alone
        if (count := len(image_paths(images)))
    )
    return Found(f"CamVid / SegNet folders: {', '.join(names)}", pairs, tuple(notes))
