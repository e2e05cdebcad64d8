"""The folder names that layouts are recognised by."""

from __future__ import annotations

from pathlib import Path

from intarsia.datasets.pairing import entries, has_images

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "2d_images", "JPEGImages")
MASK_FOLDERS = (
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "2d_masks",
    "SegmentationClass",
)
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_ORDER = ("train", "val", "test")
_DEEPEST = 2


def split_name(folder: str) -> str | None:
    """The split that a folder of this name holds.

    >>> split_name("Valid"), split_name("train"), split_name("other")
    ('val', 'train', None)
    """
    return _SPLITS.get(folder.lower())


def subfolders(path: Path) -> list[Path]:
    """The folders directly inside, sorted; hidden ones left out."""
    return [
        p
        for p in entries(path)
        if p.is_dir() and not p.name.startswith(".") and p.name != "__MACOSX"
    ]


def nested(path: Path) -> list[Path]:
    """The folder itself, then what it holds as long as that is one folder only, two levels deep.

    Archives often unpack into one folder inside another (VOCdevkit/VOC2012).
    """
    places = [path]
    while len(places) <= _DEEPEST and len(inside := subfolders(places[-1])) == 1:
        places.append(inside[0])
    return places


def split_folders(path: Path) -> list[tuple[str, Path]]:
    """(split, folder) of the folders named like a split: train first, then val, test."""
    named = [(split_name(p.name), p) for p in subfolders(path)]
    found = [(split, p) for split, p in named if split is not None]
    return sorted(found, key=lambda item: (_ORDER.index(item[0]), item[1].name))


def images_and_masks(path: Path) -> tuple[Path, Path] | None:
    """The folder of images and the folder of masks inside `path`, None where one is missing."""
    images = image_folder(path)
    masks = _folder_of_images(path, MASK_FOLDERS)
    return None if images is None or masks is None else (images, masks)


def image_folder(path: Path) -> Path | None:
    """The folder inside `path` that holds images and is called so."""
    return _folder_of_images(path, IMAGE_FOLDERS)


def _folder_of_images(path: Path, names: tuple[str, ...]) -> Path | None:
    by_name = {p.name.lower(): p for p in subfolders(path)}
    for name in names:
        folder = by_name.get(name.lower())
        if folder is not None and has_images(folder):
            return folder
    return None
