"""One mask file an object: x/images/x.png with x/masks/*.png, masks/x/*.png, x_0.png, x_1.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from intarsia.datasets.formats.masks import read_annotations
from intarsia.datasets.formats.objects import LABEL, numbered
from intarsia.datasets.formats.source import listed
from intarsia.datasets.layouts.drawn import Entry, Source, assemble, folder_splits
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import images_and_masks, subfolders
from intarsia.datasets.pairing import entries, image_files, image_paths, is_image, key

_PROBES = 20
_Place = tuple[Path, str]  # the folder of the objects, and their key in it


def read(path: Path) -> Found | None:
    """Samples of the three arrangements; every file is one object of the one class."""
    return _a_folder_an_image(path) or _masks_apart(path)


def _a_folder_an_image(path: Path) -> Found | None:
    """x/images/x.png with x/masks/*.png, directly inside or one folder deeper (stage1_train/)."""
    folders = subfolders(path)
    if not any((folder / "masks").is_dir() for folder in folders[:_PROBES]):
        folders = [inner for folder in folders for inner in subfolders(folder)]
    images: dict[Path, _Place] = {}
    alone: list[Path] = []
    for folder in folders:
        inside = image_paths(folder / "images") if (folder / "images").is_dir() else []
        if len(inside) != 1:
            # several images in one of the folders are a split or a patient, not one image
            if inside and (folder / "masks").is_dir():
                return None
            continue
        if (folder / "masks").is_dir():
            images[Path(inside[0])] = (folder / "masks", "")
        else:
            alone.append(Path(inside[0]))
    # a folder of one image and one mask is a pair like any other
    if not any(len(_files(place)) > 1 for place, _ in list(images.values())[:_PROBES]):
        return None
    return _found("a folder an image, a mask file an object", images, alone, path)


def _masks_apart(path: Path) -> Found | None:
    """images/x.jpg with masks/x/*.png, or with masks/x_0.png, masks/x_1.png."""
    both = images_and_masks(path)
    if both is None:
        return None
    pictures = {key(file, both[0]): file for file in image_files(both[0])}
    drawn = {key(file, both[1]): file for file in image_files(both[1])}
    if pictures.keys() & drawn.keys():
        return None
    nested: dict[str, _Place] = {}
    flat: dict[str, _Place] = {}
    several = False
    for name, file in drawn.items():
        parent = name.rpartition("/")[0]
        stem = numbered(file.stem)
        if parent in pictures:
            several |= parent in nested
            nested[parent] = (file.parent, "")
        elif stem is not None and (whole := f"{parent}/{stem}".lstrip("/")) in pictures:
            several |= whole in flat
            flat[whole] = (file.parent, stem)
        else:
            return None
    places = nested | flat
    if not several:
        return None
    images = {file: places[name] for name, file in pictures.items() if name in places}
    alone = [file for name, file in pictures.items() if name not in places]
    return _found(
        f"{both[0].name}/ with {both[1].name}/, a mask file an object", images, alone, path
    )


def _files(folder: Path) -> list[Path]:
    return [file for file in entries(folder) if is_image(file)]


def _found(layout: str, images: Mapping[Path, _Place], alone: Sequence[Path], root: Path) -> Found:
    splits = folder_splits(list(images), root) or {}
    entries = [
        Entry(
            image,
            Source(folder, "objects", read_annotations("objects", folder), splits.get(image)),
            name,
        )
        for image, (folder, name) in images.items()
    ]
    notes = [f'every mask file is one object, and all of them are "{LABEL}"']
    if alone:
        notes.append(
            f"{len(alone)} images have no masks and are left out, as not annotated "
            f"({listed([file.name for file in alone], len(alone))})"
        )
    return assemble(layout, entries, root, notes)
