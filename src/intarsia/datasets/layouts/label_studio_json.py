"""The JSON export of Label Studio with a folder of images."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from intarsia.datasets.formats.masks import read_annotations
from intarsia.datasets.layouts.annotation_files import files_below, kind_of
from intarsia.datasets.layouts.drawn import Source, assemble, match
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.pictures import folder_split
from intarsia.datasets.pairing import image_paths
from intarsia.errors import DataError

_DEPTH = 1
_BRUSH = re.compile(r"task-\d+-annotation-\d+-by-.*\.png", re.IGNORECASE)


def read(path: Path) -> Found | None:
    """Samples of every JSON export in a folder and one level below."""
    files = [f for f in files_below(path, ".json", _DEPTH) if kind_of(f) == "label-studio"]
    return read_files(files, path) if files else None


def read_beside_brushes(path: Path) -> Found | None:
    """Samples of the JSON export where the PNGs of the brush export are there too; else None.

    Raises:
        DataError: there are only these PNGs, which name tasks and no images.
    """
    # in text, as every folder of 100,000 files is asked first whether it is one of these
    brushes = [Path(p) for p in image_paths(path) if _BRUSH.fullmatch(p.rpartition(os.sep)[2])]
    if not brushes:
        return None
    found = read(path)
    if found is not None:
        return found
    raise DataError(
        f"these are the PNGs of Label Studio's brush export ({len(brushes)} such as "
        f"{brushes[0].name}), which do not say which image they belong to",
        where=brushes[0].parent,
        expected="the full JSON export, which holds the brushes too",
        hint='in Label Studio choose Export, then "JSON" (not JSON-MIN), and put the file beside '
        "the images",
    )


def read_files(files: Sequence[Path], images: Path) -> Found:
    """Samples of these exports with the images below a folder."""
    sources = [
        Source(
            file,
            "label-studio",
            read_annotations("label-studio", file),
            folder_split(file.parent.name),
        )
        for file in files
    ]
    entries, said = match(sources, images)
    names = ", ".join(file.name for file in files)
    rule = "where objects overlap, the later in the file lies on top"
    return assemble(f"Label Studio JSON ({names})", entries, images, (rule, *said), alphabetic=True)
