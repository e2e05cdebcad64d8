"""PASCAL VOC: JPEGImages/, SegmentationClass/ and the lists in ImageSets/Segmentation/.

CVAT's "Segmentation mask" export and `labelme2voc` write this layout too.
Source: M. Everingham, J. Winn, "The PASCAL Visual Object Classes Challenge 2012 Development Kit".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from intarsia.datasets.classes import Classes, from_values
from intarsia.datasets.labelmap import FILE_NAME
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.lists import offer, read_lines
from intarsia.datasets.layouts.names import image_folder
from intarsia.datasets.pairing import Pairs, key, pair_folders
from intarsia.datasets.sample import Sample
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError

_SPLITS = ("train", "val", "test")
_BOTH = "trainval"
_NAMES = "class_names.txt"  # of labelme2voc


def read(path: Path) -> Found | None:
    """Samples of a VOC folder; images without a mask are left out aloud, they are no fault.

    Raises:
        DataError: no images, or a list names files that are not there; all faults at once.
    """
    masks, lists = path / "SegmentationClass", path / "ImageSets" / "Segmentation"
    if not masks.is_dir():
        return None
    images = image_folder(path)
    if images is None:
        if not lists.is_dir() and not (path / FILE_NAME).is_file():
            return None
        raise DataError(
            "the export holds masks and no images",
            where=path,
            expected="JPEGImages/ beside SegmentationClass/",
            hint='export again with the images ("Save images" in CVAT), or put them into '
            "JPEGImages/",
        )
    pairs = pair_folders(images, masks)
    listed = {file.stem: read_lines(file) for file in sorted(lists.glob("*.txt"))}
    unannotated = {key(file, images): file for file in pairs.unpaired_images}
    orphans = {key(file, masks) for file in pairs.unpaired_masks}
    names = {sample.name for sample in pairs.samples} | set(unannotated) | orphans
    splits = _splits(listed, names, lists)
    # CVAT lists frames that nobody has annotated yet, and VOC the images of its secret test.
    exported = (path / FILE_NAME).is_file()
    wanted = [
        file
        for name, file in unannotated.items()
        if not exported and splits.get(name) in ("train", "val")
    ]
    samples = pairs.samples
    notes = []
    if listed:
        samples = tuple(
            Sample(s.name, s.image, s.mask, splits[s.name]) for s in samples if s.name in splits
        )
        left = [s.name for s in pairs.samples if s.name not in splits]
        if left:
            notes.append(f"{len(left)} pairs are in no list and left out, such as {left[0]}")
    if alone := len(unannotated) - len(wanted):
        example = next(f.name for f in unannotated.values() if f not in wanted)
        why = "not annotated yet" if exported else "for detection, or not annotated yet"
        notes.append(
            f"{alone} images have no mask and are left out, such as {example}: {why}; none is "
            "taken for background"
        )
    used = f" with the lists {', '.join(f'{name}.txt' for name in listed)}" if listed else ""
    return Found(
        f"VOC: {images.name}/ with {masks.name}/{used}",
        Pairs(samples, tuple(wanted), pairs.unpaired_masks, pairs.notes),
        tuple(notes),
        _named(path),
    )


def _splits(
    listed: Mapping[str, list[tuple[int, str]]], names: set[str], folder: Path
) -> dict[str, str | None]:
    """The split of every listed name; other lists (CVAT's default.txt) give none."""
    official = [name for name in (*_SPLITS, _BOTH) if name in listed]
    chosen: dict[str, str | None] = {}
    faults: list[str] = []
    for list_name in official or listed:
        split = "train" if list_name == _BOTH else list_name if list_name in _SPLITS else None
        for line, name in listed[list_name]:
            if name not in names:
                close = offer(name, names, faults)
                faults.append(f'{list_name}.txt line {line}: no image "{name}"{close}')
            elif list_name == _BOTH:
                chosen.setdefault(name, split)
            elif chosen.setdefault(name, split) != split:
                faults.append(f"{list_name}.txt line {line}: {name} is in {chosen[name]}.txt too")
    if faults:
        raise faulty(faults, folder)
    return chosen


def _named(path: Path) -> Classes | None:
    """The classes of labelme2voc, in the order of their values, where its file is there."""
    file = path / _NAMES
    if not file.is_file():
        return None
    names = [name for _, name in read_lines(file) if name != "__ignore__"]
    if not names:
        raise DataError("it names no class", where=file, expected="a name a line")
    named = {value: "background" if n == "_background_" else n for value, n in enumerate(names)}
    return from_values(named, _NAMES, ignored=[255])
