"""What a path means: a folder in some layout, a file that lists a data set, or a dataset.yaml."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.datasets.archive import is_zip, unzip
from intarsia.datasets.layouts import (
    LIST_FILES,
    read_annotation_file,
    read_annotation_folder,
    read_file,
    read_layout,
)
from intarsia.datasets.layouts.folders import read_apart
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import nested
from intarsia.errors import DataError, nearest

if TYPE_CHECKING:
    from intarsia.datasets.description import Description

_FILE_NAMES = ("dataset.yaml", "dataset.yml")
_ANNOTATIONS = (".json", ".xml")


@dataclass(frozen=True)
class Place:
    """Where a data set is: the file or folder that was meant, its root, its pairs.

    `description` is its dataset.yaml, None where it has none.
    """

    where: Path
    root: Path
    found: Found
    description: Description | None = None


def find_place(path: Path | None, images: Path | None, masks: Path | None) -> Place:
    """The place of a data set by one path, or by a folder of images and one of masks.

    Raises:
        DataError: nothing is there, no layout fits, or dataset.yaml has faults.
    """
    if path is None:
        if images is None or masks is None:
            raise DataError(
                "no data set is named",
                expected="a folder, a dataset.yaml, or both a folder of images and one of masks",
            )
        root = _folder(images)
        return Place(root, root, _apart(root, masks))
    if images is not None or masks is not None:
        raise DataError(
            "both a data set and separate folders are named",
            where=path,
            expected="either a data set, or a folder of images and one of masks",
        )
    if not is_zip(_absolute(path)):
        return _found(description_file(path))
    folder, note = unzip(_absolute(path))
    place = _found(description_file(folder))
    return Place(place.where, folder, place.found.with_note(note), place.description)


def _found(where: Path) -> Place:
    listed = read_file(where) or read_annotation_file(where, where.parent)
    if listed is not None:
        return Place(where, where.parent, listed)
    if where.suffix.lower() in _ANNOTATIONS:
        raise DataError(
            "no annotations are recognised in this file",
            where=where,
            expected="COCO, Label Studio or LabelMe JSON, or CVAT for images XML",
            hint="name the folder of the data set, or export the annotations again",
        )
    if where.is_dir():
        return Place(where, where, read_layout(where))
    # Only here: pydantic is not needed, nor loaded, for a plain folder.
    from intarsia.datasets.description import read_description

    description = read_description(where)
    return Place(where, where.parent, _declared_layout(description, where.parent), description)


def description_file(path: Path) -> Path:
    """The file meant by a path (its dataset.yaml, if it has one), or the folder itself."""
    file = _absolute(path)
    if file.suffix.lower() in (".yaml", ".yml", *LIST_FILES, *_ANNOTATIONS) and file.is_file():
        return file
    folder = _folder(path)
    for place in nested(folder):
        for name in _FILE_NAMES:
            if (place / name).is_file():
                return place / name
    return folder


def _declared_layout(description: Description, root: Path) -> Found:
    if description.images is not None and description.masks.dir is not None:
        return _apart(_folder(root / description.images.dir), root / description.masks.dir)
    return read_layout(root)


def _apart(images: Path, masks: Path) -> Found:
    """The samples of a folder of images with one of masks, or with annotations, file or folder."""
    place = _absolute(masks)
    found = read_annotation_file(place, images) or read_annotation_folder(place, images)
    return read_apart(images, _folder(masks)) if found is None else found


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - keeps links, drops ".."


def _folder(path: Path) -> Path:
    """An existing folder, absolute."""
    folder = _absolute(path)
    try:
        there, is_folder = folder.exists(), folder.is_dir()
    except OSError as error:  # a name too long, a folder above that may not be entered
        raise DataError(f"cannot be opened: {error.strerror or error}", where=path) from error
    if is_folder:
        return folder
    if there:
        zipped = folder.suffix.lower() in (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
        raise DataError(
            "this is an archive" if zipped else "this is a file",
            where=path,
            expected="a folder, a zip, a dataset.yaml, a CSV or parquet file, or annotations (JSON "
            "or XML)",
            hint="unpack it first, or make it a zip"
            if zipped
            else "name the folder of the whole data set",
        )
    beside = [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else []
    close = nearest(folder.name, beside)
    raise DataError(
        "no such folder",
        where=path,
        hint=f'did you mean "{folder.parent / close}"?' if close else None,
    )
