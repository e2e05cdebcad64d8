"""The official folder of the Oxford-IIIT Pet data set, with its two lists."""

from __future__ import annotations

from pathlib import Path

from intarsia.datasets.layouts.found import Found
from intarsia.datasets.pairing import Pairs, image_files, key
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError

_LISTS = (("train", "trainval.txt"), ("test", "test.txt"))


def read(path: Path) -> Found | None:
    """Samples named in annotations/trainval.txt (train) and annotations/test.txt (test)."""
    images, notes_folder = path / "images", path / "annotations"
    trimaps = notes_folder / "trimaps"
    lists = [(split, file) for split, name in _LISTS if (file := notes_folder / name).is_file()]
    if not (images.is_dir() and trimaps.is_dir() and lists):
        return None
    pictures = {key(file, images): file for file in image_files(images)}
    masks = {key(file, trimaps): file for file in image_files(trimaps)}
    samples: list[Sample] = []
    missing: list[str] = []
    listed: set[str] = set()
    for split, file in lists:
        for name in _names(file):
            if name in listed:
                continue
            listed.add(name)
            if name in pictures and name in masks:
                samples.append(Sample(name, pictures[name], masks[name], split))
            elif name not in pictures and name not in masks:
                missing.append(name)
    notes = []
    if missing:
        notes.append(
            f"{len(missing)} names in the lists have neither image nor trimap, such as {missing[0]}"
        )
    unlisted = [n for n in pictures if n in masks and n not in listed]
    if unlisted:
        notes.append(
            f"{len(unlisted)} pairs are in neither list and left out, such as {unlisted[0]}"
        )
    pairs = Pairs(
        tuple(samples),
        tuple(file for name, file in pictures.items() if name not in masks),
        tuple(file for name, file in masks.items() if name not in pictures),
    )
    used = " and ".join(f"{file.name} ({split})" for split, file in lists)
    return Found(f"Oxford-IIIT Pet with its lists {used}", pairs, tuple(notes))


def _names(file: Path) -> list[str]:
    """The first word of every line that is not a comment."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the list cannot be read: {error}", where=file) from error
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
