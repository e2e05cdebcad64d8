"""YOLO segmentation: images/ beside labels/ with a text file an image, and data.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from intarsia.datasets.drawings.sheet import Annotations
from intarsia.datasets.formats.masks import read_annotations
from intarsia.datasets.formats.source import read_start, read_text
from intarsia.datasets.layouts.drawn import Entry, Source, assemble, folder_splits
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.lists import listed_file, read_lines
from intarsia.datasets.layouts.names import split_folders
from intarsia.datasets.pairing import image_files, is_image
from intarsia.datasets.strict_yaml import read_yaml
from intarsia.errors import DataError

_YAMLS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_SPLITS = (("train", "train"), ("val", "val"), ("valid", "val"), ("test", "test"))
_MOST_FAULTS = 10


def is_yolo_yaml(file: Path) -> bool:
    """True where a YAML file says what Ultralytics' do: names, and a train or val."""
    keys = [line.partition(":")[0].rstrip() for line in read_start(file).splitlines()]
    return "names" in keys and ("train" in keys or "val" in keys) and "masks_dir" not in keys


def read(path: Path) -> Found | None:
    """Samples of a folder that has labels/*.txt beside images/, with or without data.yaml."""
    file = next((path / name for name in _YAMLS if is_yolo_yaml(path / name)), None)
    if file is not None:
        found = read_yolo_yaml(file)
        if found is not None:
            return found
    folders = [(None, path), *((split, folder) for split, folder in split_folders(path))]
    images = [
        (image, split)
        for split, folder in folders
        if (folder / "images").is_dir() and _has_texts(folder / "labels")
        for image in image_files(folder / "images")
    ]
    if not images:
        return None
    inside = folder_splits([image for image, _ in images], path)
    if inside is not None:
        images = [(image, inside[image]) for image, _ in images]
    names = _text_names(path)
    return _assembled("YOLO segmentation (images/ with labels/)", images, path, names)


def read_yolo_yaml(file: Path) -> Found | None:
    """Samples of an Ultralytics data.yaml; None where its labels are not text files.

    Raises:
        DataError: no such YAML, or none of its folders is there.
    """
    content = read_yaml(file)
    if not isinstance(content, dict):
        return None
    root = file.parent
    names = _names(content.get("names"), file)
    images: list[tuple[Path, str | None]] = []
    missing = []
    for name, split in _SPLITS:
        listed_ = content.get(name)
        for place in listed_ if isinstance(listed_, list) else [listed_]:
            if not isinstance(place, str) or not place:
                continue
            found = _images(place, content.get("path"), root)
            if found is None:
                missing.append(f"{name}: {place}")
            images += [(image, split) for image in found or ()]
    if not images:
        if missing:
            raise DataError(
                f"none of its folders is there: {', '.join(missing)}",
                where=file,
                hint="correct path, train and val: they are relative to the file",
            )
        return None
    if not any(_has_texts(_label(image).parent) for image, _ in images[:50]):
        return None
    notes = tuple(f"{file.name}: {one} is not there and left out" for one in missing)
    return _assembled(f"YOLO segmentation ({file.name})", images, root, names, notes)


def _images(place: str, base: object, root: Path) -> list[Path] | None:
    """The images of a folder or of a list file, looked for as Ultralytics does, None if absent."""
    bases = [root / base, root] if isinstance(base, str) and base else [root]
    # Roboflow writes ../train/images into the file that lies beside train/
    tries = [(b, place) for b in bases] + [(root, place.removeprefix("../"))]
    for there in (listed_file(*one) for one in tries):
        if there.is_dir():
            return image_files(there)
        if there.is_file() and there.suffix == ".txt":
            return [
                p for _, line in read_lines(there) if is_image(p := listed_file(there.parent, line))
            ]
    return None


def _names(value: object, file: Path) -> dict[str, str]:
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, list):
        pairs = list(enumerate(value))
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    if not pairs or not all(str(k).isdecimal() and isinstance(v, (str, int)) for k, v in pairs):
        raise DataError(
            "names is neither a list of names nor a table from number to name",
            where=file,
            expected="names: [cat, dog] or names: {0: cat, 1: dog}",
        )
    return {str(int(k)): str(v) for k, v in pairs}


def _text_names(path: Path) -> dict[str, str] | None:
    for place in (path / "classes.txt", path / "labels" / "classes.txt"):
        if place.is_file():
            lines = read_text(place).splitlines()
            return {str(at): line.strip() for at, line in enumerate(lines) if line.strip()}
    return None


def _label(image: Path) -> Path:
    """The last folder images becomes labels, as in Ultralytics."""
    parts = list(image.parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "images":
            parts[at] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _has_texts(folder: Path) -> bool:
    return folder.is_dir() and next(_texts(folder), None) is not None


def _texts(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*.txt") if p.name != "classes.txt" and p.is_file())


def _assembled(
    layout: str,
    images: Sequence[tuple[Path, str | None]],
    root: Path,
    names: Mapping[str, str] | None,
    notes: tuple[str, ...] = (),
) -> Found:
    read: list[tuple[Path, str | None, Path, str, Annotations]] = []
    faults: list[DataError] = []
    for image, split in images:
        file = _label(image)
        # Ultralytics has no file for an image on which nothing is to be found
        place, form = (file, "yolo") if file.is_file() else (image, "blank")
        try:
            annotations = read_annotations(form, place)
            _check_names(annotations, names, file)
        except DataError as error:
            faults.append(error)
        else:
            read.append((image, split, place, form, annotations))
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "".join(f"\n  - {e.where}: {e.what}" for e in faults[:_MOST_FAULTS])
        more = f"\n  and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise DataError(
            f"{len(faults)} label files are damaged:{lines}{more}", where=root, hint=faults[0].hint
        )
    _check_boxes([annotations for *_, annotations in read], root)
    used = {int(label) for *_, annotations in read for label in annotations.labels}
    labels = {str(i): (names or {}).get(str(i), f"class {i}") for i in sorted(used)}
    entries = [
        Entry(image, Source(place, form, replace(annotations, labels=labels), split), "")
        for image, split, place, form, annotations in read
    ]
    rule = "where objects overlap, the later in the file lies on top"
    return assemble(layout, entries, root, (*notes, rule), lone_annotations=_lone(images))


def _check_names(annotations: Annotations, names: Mapping[str, str] | None, file: Path) -> None:
    strange = [label for label in annotations.labels if names is not None and label not in names]
    if strange and names is not None:
        raise DataError(
            f"class {strange[0]} has no name",
            where=file,
            expected=f"0 to {len(names) - 1} ({', '.join(list(names.values())[:8])})",
            hint="add its name to the YAML, or correct the labels",
        )


def _check_boxes(every: Sequence[Annotations], root: Path) -> None:
    boxes = sum(annotations.boxes for annotations in every)
    objects = sum(len(annotations.sheets[""].strokes) for annotations in every)
    if boxes and boxes == objects:
        raise DataError(
            f"all {boxes} objects are boxes: these are labels for detection",
            where=root,
            expected="polygons (class x1 y1 x2 y2 x3 y3 ...)",
            hint="export the labels for segmentation",
        )


def _lone(images: Sequence[tuple[Path, str | None]]) -> list[Path]:
    """Label files without an image."""
    wanted = {_label(image) for image, _ in images}
    folders = {file.parent for file in wanted}
    return sorted(
        p
        for folder in folders
        if folder.is_dir()
        for p in folder.glob("*.txt")
        if p not in wanted and p.name != "classes.txt"
    )
