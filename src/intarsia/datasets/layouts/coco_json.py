"""COCO JSON beside its images: annotations/instances_train.json, train/_annotations.coco.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from intarsia.datasets.formats.masks import read_annotations
from intarsia.datasets.layouts.annotation_files import files_below, kind_of
from intarsia.datasets.layouts.drawn import Source, assemble, match
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.pictures import folder_split

_DEPTH = 2
_MOST_OTHERS = 100  # a folder of so many JSON files that are not COCO has one an image


def read(path: Path) -> Found | None:
    """Samples of every COCO file in a folder and two levels below; its name tells the split."""
    found: list[Path] = []
    for at, file in enumerate(files_below(path, ".json", _DEPTH)):
        if not found and at > _MOST_OTHERS:
            return None
        if kind_of(file) == "coco":
            found.append(file)
    if not found:
        return None
    files = _instances(found)
    rest = [file.name for file in found if file not in files]
    notes = (f"only instances*.json are used, not {', '.join(rest)}",) if rest else ()
    return read_files(files, path, notes)


def read_files(files: Sequence[Path], images: Path, notes: tuple[str, ...] = ()) -> Found:
    """Samples of these COCO files with the images below a folder."""
    sources = [
        Source(file, "coco", read_annotations("coco", file), _split(file, images)) for file in files
    ]
    entries, said = match(sources, images)
    names = ", ".join(
        (f.relative_to(images) if f.is_relative_to(images) else f).as_posix() for f in files
    )
    rule = "where objects overlap, the smaller lies on top of the larger"
    return assemble(f"COCO JSON ({names})", entries, images, (*notes, rule, *said))


def _instances(files: list[Path]) -> list[Path]:
    """Without the keypoints, captions and stuff that COCO itself puts beside the instances."""
    named = [file for file in files if file.name.startswith("instances")]
    folders = {file.parent for file in named}
    return [file for file in files if file in named or file.parent not in folders]


def _split(file: Path, root: Path) -> str | None:
    own = folder_split(file.stem)
    if own is not None or not file.is_relative_to(root):
        return own
    parents = [folder_split(part) for part in file.relative_to(root).parts[:-1]]
    return next((split for split in reversed(parents) if split is not None), None)
