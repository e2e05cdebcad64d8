"""Files that hold annotations: where they lie and what they are, told from their first bytes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from intarsia.datasets.formats.source import read_start

_LABELME = re.compile(r'"(shapes|imageData|imagePath)"\s*:')
_COCO = re.compile(r'"(categories|file_name|category_id|licenses)"\s*:')
_LABEL_STUDIO = re.compile(r'"(annotations|completions|predictions|annotation_id|annotator)"\s*:')
_CVAT = re.compile(r"<annotations>")


def files_below(path: Path, suffix: str, depth: int) -> list[Path]:
    """The files with this extension in a folder and `depth` levels below, sorted."""
    found = []
    for folder, inside, names in os.walk(path):
        level = len(Path(folder).relative_to(path).parts)
        inside[:] = sorted(
            n for n in inside if level < depth and not n.startswith(".") and n != "__MACOSX"
        )
        found += [
            Path(folder, n) for n in names if n.lower().endswith(suffix) and not n.startswith(".")
        ]
    return sorted(found)


def kind_of(file: Path) -> str | None:
    """ "coco", "labelme", "label-studio" or "cvat"; None for anything else."""
    start = read_start(file).lstrip()
    if start.startswith("["):
        return "label-studio" if _LABEL_STUDIO.search(start) else None
    if start.startswith("{"):
        if _LABELME.search(start):
            return "labelme"
        return "coco" if _COCO.search(start) else None
    return "cvat" if start.startswith("<") and _CVAT.search(start) else None
