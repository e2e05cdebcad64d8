"""CVAT for images 1.1: annotations.xml beside images/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from intarsia.datasets.formats.masks import read_annotations
from intarsia.datasets.layouts.annotation_files import files_below, kind_of
from intarsia.datasets.layouts.drawn import Source, assemble, match
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.pictures import folder_split

_DEPTH = 2


def read(path: Path) -> Found | None:
    """Samples of every CVAT file in a folder and two levels below."""
    files = [file for file in files_below(path, ".xml", _DEPTH) if kind_of(file) == "cvat"]
    return read_files(files, path) if files else None


def read_files(files: Sequence[Path], images: Path) -> Found:
    """Samples of these CVAT files with the images below a folder."""
    sources = [
        Source(
            file,
            "cvat",
            read_annotations("cvat", file),
            folder_split(file.stem) or folder_split(file.parent.name),
        )
        for file in files
    ]
    entries, said = match(sources, images)
    names = ", ".join(file.name for file in files)
    rule = "where objects overlap, the higher z_order lies on top, then the later in the file"
    return assemble(f"CVAT for images ({names})", entries, images, (rule, *said))
