"""LabelMe: a JSON file for every image, beside it or in a folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from intarsia.datasets.formats.masks import read_annotations
from intarsia.datasets.formats.source import listed
from intarsia.datasets.layouts.annotation_files import files_below, kind_of
from intarsia.datasets.layouts.drawn import Entry, Source, assemble, folder_splits
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.pictures import Pictures
from intarsia.datasets.pairing import image_files
from intarsia.errors import DataError

_DEPTH = 4
_PROBES = 5
_MOST_FAULTS = 10


def read(path: Path) -> Found | None:
    """Samples of every LabelMe file in a folder and four levels below.

    Raises:
        DataError: some of the files are damaged; all of them are named.
    """
    files = files_below(path, ".json", _DEPTH)
    probes = [kind_of(file) for file in files[:: max(1, len(files) // _PROBES)]]
    if "labelme" not in probes:
        return None
    return read_files([file for file in files if kind_of(file) == "labelme"], path)


def read_files(files: Sequence[Path], images: Path) -> Found:
    """Samples of these LabelMe files with the images below a folder."""
    pictures = Pictures(images)
    beside = {file.with_suffix(""): file for file in image_files(images)}
    found: list[tuple[Path, Source]] = []
    faults: list[DataError] = []
    lone: list[Path] = []
    for file in files:
        try:
            source = Source(file, "labelme", read_annotations("labelme", file), None)
        except DataError as error:
            faults.append(error)
            continue
        image = beside.get(file.with_suffix(""))
        if image is None:
            image = _named(pictures, file, source)
        if image is None:
            lone.append(file)
        else:
            found.append((image, source))
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "".join(f"\n  - {e.where}: {e.what}" for e in faults[:_MOST_FAULTS])
        raise DataError(
            f"{len(faults)} LabelMe files are damaged:{lines}", where=images, hint=faults[0].hint
        )
    if not found:
        raise DataError(
            f"none of the {len(files)} LabelMe files has its image, such as {files[0].name}",
            where=images,
            hint="put the images beside the JSON files",
        )
    splits = folder_splits([image for image, _ in found], images) or {}
    entries = [
        Entry(image, Source(s.path, s.format, s.annotations, splits.get(image)), "")
        for image, s in found
    ]
    taken = {image for image, _ in found}
    spare = [file.name for file in pictures.files if file not in taken]
    notes = ["where objects overlap, the later in the file lies on top"]
    if spare:
        notes.append(
            f"{len(spare)} images have no JSON and are left out, as not annotated "
            f"({listed(spare, len(spare))})"
        )
    return assemble("LabelMe JSON", entries, images, notes, lone_annotations=lone, alphabetic=True)


def _named(pictures: Pictures, file: Path, source: Source) -> Path | None:
    """The image of the file's own name elsewhere, else the one that it names."""
    for name in (file.stem, source.annotations.sheets[""].picture):
        try:
            image = pictures.find(name, file, None)
        except ValueError as error:
            raise DataError(
                str(error), where=file, hint="put each JSON file beside its image"
            ) from error
        if image is not None:
            return image
    return None
