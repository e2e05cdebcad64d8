"""From annotations to samples: images, classes, and what to say about both."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from intarsia.datasets.background import BACKGROUNDS
from intarsia.datasets.classes import Classes
from intarsia.datasets.drawings.drawing import Drawing, Values
from intarsia.datasets.drawings.sheet import Annotations, Sheet
from intarsia.datasets.encodings import MaskEncoding, Value
from intarsia.datasets.formats.source import listed, refused
from intarsia.datasets.labelmap import is_void
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.lists import sample_name
from intarsia.datasets.layouts.names import IMAGE_FOLDERS, split_name
from intarsia.datasets.layouts.pictures import Pictures, folder_split
from intarsia.datasets.pairing import Pairs, key
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError, ImageError
from intarsia.images import read_header
from intarsia.labels import LabelMap

BACKGROUND = "background"
_IGNORED = "__ignore__"
_MOST_CLASSES = 65_000


@dataclass(frozen=True)
class Source:
    """One file of annotations, read, and the split that its place or name says."""

    path: Path
    format: str
    annotations: Annotations
    split: str | None


@dataclass(frozen=True)
class Entry:
    """One sheet with its image."""

    image: Path
    source: Source
    key: str

    @property
    def sheet(self) -> Sheet:
        return self.source.annotations.sheets[self.key]

    @property
    def split(self) -> str | None:
        subset = self.sheet.split
        return (None if subset is None else folder_split(subset)) or self.source.split


def match(sources: Sequence[Source], root: Path) -> tuple[list[Entry], tuple[str, ...]]:
    """Every sheet whose image is below `root`, by the name that its file gives.

    Raises:
        DataError: none of the images is there, a name means two, or an image is annotated twice.
    """
    pictures = Pictures(root)
    entries: list[Entry] = []
    notes: list[str] = []
    taken: dict[Path, Entry] = {}
    for source in sources:
        missing: list[str] = []
        faults: list[str] = []
        for name, sheet in source.annotations.sheets.items():
            try:
                image = pictures.find(sheet.picture, source.path, source.split)
            except ValueError as error:
                faults.append(str(error))
                continue
            if image is None:
                missing.append(sheet.picture)
                continue
            entry = Entry(image, source, name)
            first = taken.setdefault(image, entry)
            if first is not entry:
                faults.append(
                    f"{image.name} is annotated twice: {first.sheet.picture} in "
                    f"{first.source.path.name} and {sheet.picture} in {source.path.name}"
                )
            entries.append(entry)
        if faults:
            raise refused(faults, source.path, "keep one of each two, or name the folders apart")
        if missing:
            total = len(source.annotations.sheets)
            if len(missing) == total:
                raise DataError(
                    f"none of its {total} images is there, such as {missing[0]}",
                    where=source.path,
                    expected=f"the images below {root}",
                    hint="put the images beside the file (links to folders are not followed), or "
                    "name both: --images DIR --masks FILE",
                )
            notes.append(
                f"{source.path.name}: {len(missing)} of its {total} images are not there and "
                f"left out ({listed(missing, len(missing))})"
            )
    spare = [file.name for file in pictures.files if file not in taken]
    if spare:
        notes.append(
            f"{len(spare)} images are in no annotation and left out ({listed(spare, len(spare))})"
        )
    return entries, tuple(notes)


def assemble(
    layout: str,
    entries: Sequence[Entry],
    root: Path,
    notes: Sequence[str],
    *,
    lone_images: Sequence[Path] = (),
    lone_annotations: Sequence[Path] = (),
    alphabetic: bool = False,
) -> Found:
    """The samples of matched annotations with their classes, in the files' order or by name.

    Raises:
        DataError: nothing is drawn at all.
    """
    sources = list(dict.fromkeys(entry.source for entry in entries))
    found = dict.fromkeys(name for s in sources for name in s.annotations.labels.values())
    names = sorted(found) if alphabetic else list(found)
    if not names:
        raise DataError(
            f"nothing is drawn on any of the {len(entries)} images",
            where=sources[0].path if len(sources) == 1 else root,
            expected="polygons, boxes, ellipses, brushes or masks with a label",
            hint="export the annotations again, with the shapes",
        )
    numbers = _numbers(names)
    values = _values(sources, numbers)
    called = sample_names([entry.image for entry in entries], root)
    sizes = _sizes(entries)
    samples = []
    for entry, size in zip(entries, sizes, strict=True):
        sheet, source = entry.sheet, entry.source
        drawing = None
        if sheet.drawn and size is not None:
            drawing = Drawing(source.path, source.format, entry.key, size, values[source])
        # what nobody has looked at yet neither teaches nor judges
        split = entry.split if sheet.drawn else None
        samples.append(Sample(called[entry.image], entry.image, drawing, split))
    said = [*notes, *(note for s in sources for note in s.annotations.notes)]
    said += _said(entries)
    pairs = Pairs(tuple(samples), tuple(lone_images), tuple(lone_annotations))
    return Found(layout, pairs, _merged(said), _classes(names, numbers))


def _numbers(names: Sequence[str]) -> dict[str, int]:
    """The value of every class: 0 is the background, the others count from 1."""
    if len(names) > _MOST_CLASSES:
        raise DataError(f"{len(names)} classes are too many", expected=f"up to {_MOST_CLASSES}")
    drawn = [name for name in names if name.lower() not in BACKGROUNDS]
    return dict.fromkeys(names, 0) | {name: at for at, name in enumerate(drawn, 1)}


def _values(sources: Iterable[Source], numbers: Mapping[str, int]) -> dict[Source, Values]:
    """Label to value for every source, one object for all that agree."""
    shared: dict[Values, Values] = {}
    values: dict[Source, Values] = {}
    every = tuple(numbers.items())
    for source in sources:
        labels = source.annotations.labels
        # where labels are names, all sources have one table
        named = all(label == name for label, name in labels.items())
        made = every if named else tuple((label, numbers[n]) for label, n in labels.items())
        values[source] = shared.setdefault(made, made)
    return values


def _classes(names: Sequence[str], numbers: Mapping[str, int]) -> Classes:
    drawn = [name for name in names if numbers[name]]
    ignored = [name for name in drawn if is_void(name) or name == _IGNORED]
    kept = [name for name in drawn if name not in ignored]
    table: dict[Value, int | None] = {0: 0}
    table |= {numbers[name]: at for at, name in enumerate(kept, 1)}
    table |= {numbers[name]: None for name in ignored}
    shown = ", ".join(f"{name} = {numbers[name]}" for name in kept[:20])
    note = f"{len(kept)} classes are drawn ({shown}{', ...' if len(kept) > 20 else ''})"
    note += "; what nobody drew is background (0)"
    if ignored:
        note += f"; ignored, as the name says: {', '.join(ignored)}"
    labels = LabelMap.of([BACKGROUND, *kept])
    return Classes(labels, MaskEncoding("ids", table), tuple(ignored), (note,), drawn=True)


def _sizes(entries: Sequence[Entry]) -> list[tuple[int, int] | None]:
    """(height, width) as the file says, else of the image; None where that cannot be read."""
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda e: e.sheet.size or _header_size(e.image), entries))


def _header_size(image: Path) -> tuple[int, int] | None:
    try:
        header = read_header(image)
    except ImageError:  # the check reports the image
        return None
    return header.height, header.width


def sample_names(images: Sequence[Path], root: Path) -> dict[Path, str]:
    """A name for each image: its path without extension and without folders like images/."""
    full = {
        image: key(image, root) if image.is_relative_to(root) else sample_name(image, root)
        for image in images
    }
    plain = {folder.lower() for folder in IMAGE_FOLDERS}
    short = {image: _without(name, plain) for image, name in full.items()}
    return short if len(set(short.values())) == len(short) else full


def _without(name: str, folders: set[str]) -> str:
    *parents, stem = PurePosixPath(name).parts
    return "/".join([*(part for part in parents if part.lower() not in folders), stem])


def folder_splits(images: Sequence[Path], root: Path) -> dict[Path, str] | None:
    """The split of every image by the folders that it lies in; None where any has none."""
    splits = {}
    for image in images:
        parts = image.relative_to(root).parts[:-1] if image.is_relative_to(root) else ()
        found = {s for part in parts if (s := split_name(part) or folder_split(part))}
        if len(found) != 1:
            return None
        splits[image] = found.pop()
    return splits


def _said(entries: Sequence[Entry]) -> list[str]:
    notes = []
    waiting = [entry.image.name for entry in entries if not entry.sheet.drawn]
    if waiting:
        notes.append(
            f"{len(waiting)} of {len(entries)} images are not annotated and belong to no split "
            f"({listed(waiting, len(waiting))})"
        )
    empty = [e.image.name for e in entries if e.sheet.drawn and not e.sheet.strokes]
    if empty:
        notes.append(
            f"nothing is drawn on {len(empty)} of {len(entries)} images: they count as all "
            f"background ({listed(empty, len(empty))})"
        )
    renamed = [e for e in entries if PurePosixPath(e.sheet.picture).stem != e.image.stem]
    renamed = [e for e in renamed if e.source.format in ("coco", "label-studio", "cvat")]
    if renamed:
        first = renamed[0]
        notes.append(
            f"{len(renamed)} images are called otherwise in the annotations, such as "
            f"{first.image.name}: {first.sheet.picture}"
        )
    return notes


def _merged(notes: Sequence[str]) -> tuple[str, ...]:
    """Each sentence once; many files that say the same are said together."""
    kinds: Counter[str] = Counter()
    first: dict[str, str] = {}
    for note in notes:
        _, colon, rest = note.partition(": ")
        kind = rest.partition(": ")[0] if colon and ": " in rest else note
        kinds[kind] += 1
        first.setdefault(kind, note)
    return tuple(
        first[kind] if count == 1 else f"{first[kind]}; and in {count - 1} more files"
        for kind, count in kinds.items()
    )
