"""Cityscapes: leftImg8bit/SPLIT/CITY/ with gtFine/SPLIT/CITY/.

Source: M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", 2016,
and the table of labels in github.com/mcordts/cityscapesScripts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from intarsia.datasets.classes import Classes, from_values
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import split_folders
from intarsia.datasets.pairing import Pairs, image_files, key
from intarsia.datasets.sample import Sample
from intarsia.datasets.scan import scan_masks
from intarsia.errors import DataError
from intarsia.labels import Color

# id in labelIds.png, name, colour; the place in the list is the id in labelTrainIds.png.
_CLASSES: tuple[tuple[int, str, Color], ...] = (
    (7, "road", (128, 64, 128)),
    (8, "sidewalk", (244, 35, 232)),
    (11, "building", (70, 70, 70)),
    (12, "wall", (102, 102, 156)),
    (13, "fence", (190, 153, 153)),
    (17, "pole", (153, 153, 153)),
    (19, "traffic light", (250, 170, 30)),
    (20, "traffic sign", (220, 220, 0)),
    (21, "vegetation", (107, 142, 35)),
    (22, "terrain", (152, 251, 152)),
    (23, "sky", (70, 130, 180)),
    (24, "person", (220, 20, 60)),
    (25, "rider", (255, 0, 0)),
    (26, "car", (0, 0, 142)),
    (27, "truck", (0, 0, 70)),
    (28, "bus", (0, 60, 100)),
    (31, "train", (0, 80, 100)),
    (32, "motorcycle", (0, 0, 230)),
    (33, "bicycle", (119, 11, 32)),
)
_IDS = range(34)
_VOID = 255
_IMAGE_ENDING = "_leftImg8bit"
_SEQUENCE = re.compile(r"(.+_\d+)_\d+")


def read(path: Path) -> Found | None:
    """Samples of leftImg8bit/ and gtFine/ (or gtCoarse/), grouped by city and sequence.

    Raises:
        DataError: there are images and annotations, but no label images among them.
    """
    images = path / "leftImg8bit"
    truth = next((f for name in ("gtFine", "gtCoarse") if (f := path / name).is_dir()), None)
    if truth is None or not images.is_dir():
        return None
    files = [file for _, folder in split_folders(truth) for file in image_files(folder)]
    endings = {e: f"_{truth.name}_{e}" for e in ("labelIds", "labelTrainIds")}
    counts = {e: sum(f.stem.endswith(endings[e]) for f in files) for e in endings}
    kind = max(counts, key=lambda e: counts[e])
    if not counts[kind]:
        raise DataError(
            f"{truth.name}/ holds no *_labelIds.png and no *_labelTrainIds.png",
            where=truth,
            expected=f"CITY/NAME{endings['labelIds']}.png for CITY/NAME{_IMAGE_ENDING}.png",
            hint="download gtFine_trainvaltest.zip, or make them from the polygons with "
            "csCreateTrainIdLabelImgs of cityscapesScripts",
        )
    pairs, notes = Pairs(), []
    for split, folder in split_folders(images):
        found = _pairs(folder, truth / folder.name, endings[kind], split)
        if not found.samples and found.unpaired_images:
            notes.append(
                f"{folder.name}/ has {len(found.unpaired_images)} images and no masks: left out"
            )
        elif split == "test" and not _counts(found.samples, kind):
            notes.append(
                f"the {len(found.samples)} masks of {folder.name}/ hold no class that counts (the "
                "true ones are kept secret): left out"
            )
        else:
            pairs += found
    layout = f"Cityscapes: leftImg8bit/ with the {kind} of {truth.name}/"
    return Found(layout, pairs, tuple(notes), _classes(kind))


def _pairs(images: Path, masks: Path, ending: str, split: str) -> Pairs:
    pictures = {key(file, images).removesuffix(_IMAGE_ENDING): file for file in image_files(images)}
    drawn = {
        name.removesuffix(ending): file
        for file in (image_files(masks) if masks.is_dir() else [])
        if (name := key(file, masks)).endswith(ending)
    }
    samples = [
        Sample(f"{images.name}/{name}", file, drawn[name], split, _group(name))
        for name, file in pictures.items()
        if name in drawn
    ]
    return Pairs(
        tuple(samples),
        tuple(file for name, file in pictures.items() if name not in drawn),
        tuple(file for name, file in drawn.items() if name not in pictures),
    )


def _group(name: str) -> str:
    """City and sequence, such as aachen_000003; the folder of the city for other names."""
    city, _, stem = name.rpartition("/")
    match = _SEQUENCE.fullmatch(stem)
    return match[1] if match else city or stem


def _values(kind: str) -> dict[int, str]:
    return {i if kind == "labelTrainIds" else c[0]: c[1] for i, c in enumerate(_CLASSES)}


def _counts(samples: Sequence[Sample], kind: str) -> bool:
    """True where any mask holds a class that counts; the first one that does ends the search."""
    values = set(_values(kind))
    scans = scan_masks(s.mask for s in samples if s.mask is not None)
    return any(scan.error is not None or not values.isdisjoint(scan.counts) for scan in scans)


def _classes(kind: str) -> Classes:
    named = _values(kind)
    colors = dict(zip(named, (c[2] for c in _CLASSES), strict=True))
    # The other ids of labelIds.png do not count; -1 (a licence plate) is stored as 255.
    others = [*(_IDS if kind == "labelIds" else ()), _VOID]
    return from_values(named, "Cityscapes", colors=colors, ignored=others)
