"""Ultralytics' semantic segmentation: a YAML that says `masks_dir`.

Source: docs.ultralytics.com/datasets/semantic (the format; none of its code).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intarsia.datasets.classes import Classes, from_values
from intarsia.datasets.encodings import MaskEncoding, Value
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.lists import listed_file, offer_beside, read_lines, sample_name
from intarsia.datasets.pairing import Pairs, entries, image_files
from intarsia.datasets.sample import Sample
from intarsia.datasets.strict_yaml import faulty, read_yaml
from intarsia.errors import DataError
from intarsia.labels import LabelMap, distinct_colors

_KEY = "masks_dir"
_HAS_KEY = re.compile(rb"^masks_dir\s*:", re.MULTILINE)
_SPLITS = ("train", "val", "test")
_ENDINGS = (".png", ".PNG", ".bmp", ".tif")
_IGNORED = 255


def read(path: Path) -> Found | None:
    """Samples of a folder that holds one such YAML.

    Raises:
        DataError: it holds two, or faults in the one.
    """
    ours = [file for file in entries(path) if _says_masks_dir(file)]
    if len(ours) > 1:
        raise DataError(
            f"two files describe the data: {ours[0].name} and {ours[1].name}",
            where=path,
            hint=f"name the one that is meant: {ours[0]}",
        )
    return read_file(ours[0]) if ours else None


def read_file(path: Path) -> Found | None:
    """Samples of one such YAML; None for any other file.

    Raises:
        DataError: keys, folders or names that do not fit; all faults at once.
    """
    if not _says_masks_dir(path):
        return None
    content = read_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get(_KEY), str):
        raise DataError(f"{_KEY} is not the name of a folder", where=path, expected="masks")
    faults: list[str] = []
    root, notes = _root(content, path)
    pairs = Pairs()
    for split in _SPLITS:
        for item in _listed(content.get(split), split, faults):
            images = _images(root, item, split, faults)
            pairs += _pairs(images, root, content[_KEY], split)
    if not any(content.get(split) for split in _SPLITS):
        faults.append("it names no images: train: images/train")
    named = _names(content.get("names"), faults)
    mapping = _mapping(content.get("label_mapping"), named, faults)
    if faults:
        raise faulty(faults, path)
    layout = f"Ultralytics: {path.name} with {_KEY}"
    return Found(layout, pairs, tuple(notes), _classes(named, mapping, path))


def _says_masks_dir(file: Path) -> bool:
    """True for a YAML with the key; any other file may hold what it likes."""
    if file.suffix.lower() not in (".yaml", ".yml") or not file.is_file():
        return False
    try:
        return _HAS_KEY.search(file.read_bytes()) is not None
    except OSError:
        return False


def _root(content: Mapping[Any, Any], file: Path) -> tuple[Path, list[str]]:
    """The folder that `path` means, and what to say where it is the file's own instead."""
    named = content.get("path")
    here = file.parent
    if not isinstance(named, str):
        return here, []
    # Ultralytics looks beside the file and in a folder of all data sets, which we do not know.
    for place in (here / named, here.parent / named):
        if place.is_dir():
            return Path(os.path.normpath(place)), []
    return here, [f"path: {named} is not there: the folder of {file.name} is taken"]


def _listed(value: object, split: str, faults: list[str]) -> list[str]:
    items = [] if value is None else value if isinstance(value, list) else [value]
    wrong = [item for item in items if not isinstance(item, str)]
    if wrong:
        faults.append(f"{split}: {wrong[0]!r} is not a folder or a list of images")
    return [item for item in items if isinstance(item, str)]


def _images(root: Path, item: str, split: str, faults: list[str]) -> list[Path]:
    place = listed_file(root, item)
    if place.is_dir():
        return image_files(place)
    if place.is_file() and place.suffix.lower() == ".txt":
        images = [(line, _beside(place, root, name)) for line, name in read_lines(place)]
        faults += [
            f"{place.name} line {n}: no image {f.name}" for n, f in images if not f.is_file()
        ]
        return [file for _, file in images]
    faults.append(f"{split}: no folder or list {item} in {root}{offer_beside(place, faults)}")
    return []


def _beside(file: Path, root: Path, name: str) -> Path:
    return listed_file(file.parent if name.startswith("./") else root, name)


def _pairs(images: list[Path], root: Path, masks_dir: str, split: str) -> Pairs:
    samples, alone = [], []
    for image in images:
        relative = image.relative_to(root) if image.is_relative_to(root) else image
        parts = list(relative.parts)
        # The last "images" of the path becomes `masks_dir`.
        at = max((i for i, part in enumerate(parts[:-1]) if part == "images"), default=None)
        if at is not None:
            parts[at] = masks_dir
        stem = root.joinpath(*parts).with_suffix("")
        mask = next((f for e in _ENDINGS if (f := stem.with_name(stem.name + e)).is_file()), None)
        if mask is None or at is None:
            alone.append(image)
            continue
        name = sample_name(image, root).removeprefix("images/")
        samples.append(Sample(name, image, mask, split))
    return Pairs(tuple(samples), tuple(alone), _orphans(samples))


def _orphans(samples: list[Sample]) -> tuple[Path, ...]:
    """Masks without an image, in the folders where masks were found."""
    used = {sample.mask for sample in samples}
    folders = dict.fromkeys(
        sample.mask.parent for sample in samples if isinstance(sample.mask, Path)
    )
    files = [file for folder in folders for file in image_files(folder)]
    return tuple(dict.fromkeys(file for file in files if file not in used))


def _names(value: object, faults: list[str]) -> dict[int, str]:
    items = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(items, dict) or not items:
        faults.append("names: write {0: road, 1: car}, or a list of names")
        return {}
    wrong = [k for k, v in items.items() if type(k) is not int or not isinstance(v, str)]
    if wrong:
        faults.append(f"names: {wrong[0]!r}: {items[wrong[0]]!r} is not an id and a name")
        return {}
    return items


def _mapping(value: object, named: Mapping[int, str], faults: list[str]) -> dict[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or any(type(x) is not int for p in value.items() for x in p):
        faults.append("label_mapping: write {value in the masks: id}")
        return None
    unknown = [i for i in value.values() if i not in named and i != _IGNORED]
    if unknown and named:
        faults.append(f"label_mapping: {unknown[0]} is not in names")
    return value


def _classes(named: Mapping[int, str], mapping: Mapping[int, int] | None, path: Path) -> Classes:
    if mapping is None:
        return from_values(named, path.name, ignored=[_IGNORED])
    # What label_mapping leaves out is ignored, so that every value of a byte means something.
    names = [named[i] for i in sorted(named)]
    ids = {value: at for at, value in enumerate(sorted(named))}
    table: dict[Value, int | None] = dict.fromkeys(range(256))
    table |= {value: ids.get(target) for value, target in mapping.items()}
    labels = LabelMap.of(names, distinct_colors(len(names)))
    note = f"{len(names)} classes are named by {path.name} ({', '.join(names)}), by label_mapping"
    return Classes(labels, MaskEncoding("ids", table), (), (note,))
