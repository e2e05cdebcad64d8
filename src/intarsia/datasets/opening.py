"""From a path to a `Dataset`: layout, classes, channels, splits, each inferred and said."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.datasets.archive import is_zip, unzip
from intarsia.datasets.channels import infer_channels
from intarsia.datasets.classes import (
    Classes,
    as_numbers,
    drawn_classes,
    fits_labelmap,
    from_known,
    from_labelmap,
    infer,
    readable,
)
from intarsia.datasets.dataset import SPLITS, Dataset
from intarsia.datasets.groups import Groups, group_by_prefix, without_split
from intarsia.datasets.known import Known, find_known
from intarsia.datasets.labelmap import FILE_NAME, read_labelmap
from intarsia.datasets.layouts import (
    LIST_FILES,
    read_annotation_file,
    read_file,
    read_layout,
)
from intarsia.datasets.layouts.folders import read_apart
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import nested
from intarsia.datasets.sample import Sample
from intarsia.datasets.scan import MaskScan, scan_masks
from intarsia.datasets.splits import split_samples, val_from_train, with_groups
from intarsia.errors import DataError, nearest

if TYPE_CHECKING:
    from intarsia.datasets.description import Description
    from intarsia.file_cache import FileCache

_FILE_NAMES = ("dataset.yaml", "dataset.yml")
_ANNOTATIONS = (".json", ".xml")


def open_dataset(
    path: Path | None,
    images: Path | None,
    masks: Path | None,
    seed: int,
    cache: FileCache | None = None,
    *,
    divided: bool = True,
) -> Dataset:
    """Open a data set; see `Dataset.open`.

    With `divided` false no split of dataset.yaml is applied and none is drawn: all samples are
    there, with the split of their folder, if any.
    """
    description: Description | None = None
    if path is None:
        if images is None or masks is None:
            raise DataError(
                "no data set is named",
                expected="a folder, a dataset.yaml, or both a folder of images and one of masks",
            )
        where = root = _folder(images)
        found = _apart(root, masks)
    elif images is not None or masks is not None:
        raise DataError(
            "both a data set and separate folders are named",
            where=path,
            expected="either a data set, or a folder of images and one of masks",
        )
    else:
        unpacked = unzip(_absolute(path)) if is_zip(_absolute(path)) else None
        where = description_file(path if unpacked is None else unpacked[0])
        listed = read_file(where) or read_annotation_file(where, where.parent)
        if listed is not None:
            root, found = where.parent, listed
        elif where.suffix.lower() in _ANNOTATIONS:
            raise DataError(
                "no annotations are recognised in this file",
                where=where,
                expected="COCO, Label Studio or LabelMe JSON, or CVAT for images XML",
                hint="name the folder of the data set, or export the annotations again",
            )
        elif where.is_dir():
            root, found = where, read_layout(where)
        else:
            # Only here: pydantic is not needed, nor loaded, for a plain folder.
            from intarsia.datasets.description import read_description

            root, description = where.parent, read_description(where)
            found = _declared_layout(description, root)
        if unpacked is not None:
            root, found = unpacked[0], found.with_note(unpacked[1])
    samples = _paired(found, root)
    scans = list(scan_masks((s.mask for s in samples if s.mask is not None), cache))
    known = _known(samples, scans)
    classes = _classes(samples, scans, known, found.classes, root, description, where)
    ignored_masks: frozenset[str] = frozenset()
    empty_notes: tuple[str, ...] = ()
    if description is not None and description.empty in ("ignore", "drop"):
        from intarsia.datasets.declared import empty_masks

        empty = empty_masks(samples, scans, classes)
        empty_notes = (f"{len(empty)} masks of background only: {description.empty}, as declared",)
        if description.empty == "drop":
            samples = tuple(s for s in samples if s.name not in empty)
        else:
            ignored_masks = empty
    split_notes: list[str] = []
    if divided:
        samples, split_notes = _split(samples, seed, known, description, where)
    elif not _gives_groups(found) and (groups := _guessed(samples, known)) is not None:
        samples = with_groups(samples, groups)
    page = None
    names = found.channel_names
    if description is None:
        channels = infer_channels(samples)
    else:
        from intarsia.datasets.declared import declared_channels

        channels = declared_channels(description, samples)
        names, page = tuple(description.image.channels or names), description.image.page
    notes = (f"layout: {found.layout}", *found.notes, *found.pairs.notes)
    return Dataset(
        root=root,
        samples=samples,
        labels=classes.labels,
        encoding=classes.encoding,
        channels=channels.count,
        scaling=channels.scaling,
        layout=found.layout,
        notes=(*notes, *classes.notes, *empty_notes, *channels.notes, *split_notes),
        unpaired_images=found.pairs.unpaired_images,
        unpaired_masks=found.pairs.unpaired_masks,
        doubled=found.pairs.doubled,
        ignored=classes.ignored,
        channel_names=names,
        page=page,
        ignored_masks=ignored_masks,
        empty=None if description is None else description.empty,
        groups_declared=_gives_groups(found)
        or (description is not None and description.groups is not None),
        splits_declared=description is not None and description.splits is not None,
        groups_given=_gives_groups(found),
    )


def description_file(path: Path) -> Path:
    """The file meant by a path (its dataset.yaml, if it has one), or the folder itself."""
    file = _absolute(path)
    if file.is_file() and file.suffix.lower() in (".yaml", ".yml", *LIST_FILES, *_ANNOTATIONS):
        return file
    folder = _folder(path)
    for place in nested(folder):
        for name in _FILE_NAMES:
            if (place / name).is_file():
                return place / name
    return folder


def _declared_layout(description: Description, root: Path) -> Found:
    if description.images is not None and description.masks.dir is not None:
        return _apart(_folder(root / description.images.dir), root / description.masks.dir)
    return read_layout(root)


def _apart(images: Path, masks: Path) -> Found:
    """The samples of a folder of images with a folder of masks, or with a file of annotations."""
    found = read_annotation_file(_absolute(masks), images)
    return read_apart(images, _folder(masks)) if found is None else found


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - keeps links, drops ".."


def _folder(path: Path) -> Path:
    """An existing folder, absolute."""
    folder = _absolute(path)
    if folder.is_dir():
        return folder
    if folder.exists():
        zipped = folder.suffix.lower() in (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
        raise DataError(
            "this is an archive" if zipped else "this is a file",
            where=path,
            expected="a folder, a zip, a dataset.yaml, or a CSV or parquet file",
            hint="unpack it first, or make it a zip" if zipped else None,
        )
    beside = [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else []
    close = nearest(folder.name, beside)
    raise DataError(
        "no such folder",
        where=path,
        hint=f'did you mean "{folder.parent / close}"?' if close else None,
    )


def _paired(found: Found, root: Path) -> tuple[Sample, ...]:
    """The samples of a layout.

    Raises:
        DataError: no image met a mask, or two samples have one name.
    """
    pairs = found.pairs
    if not pairs.samples:
        image = pairs.unpaired_images[0].name if pairs.unpaired_images else "none"
        mask = pairs.unpaired_masks[0].name if pairs.unpaired_masks else "none"
        raise DataError(
            f"no image has a mask of its name ({len(pairs.unpaired_images)} images such as "
            f"{image}, {len(pairs.unpaired_masks)} masks such as {mask})",
            where=root,
            expected="x.jpg with x.png, or one prefix or suffix common to all masks (x_mask.png)",
            hint="rename the masks after their images",
        )
    names = Counter(sample.name for sample in pairs.samples)
    doubled = [name for name, count in names.items() if count > 1]
    if doubled:
        raise DataError(
            f"{len(doubled)} names stand for two images each, such as {doubled[0]}", where=root
        )
    return pairs.samples


def _known(samples: Sequence[Sample], scans: Sequence[MaskScan]) -> Known | None:
    numbers = as_numbers(scans)
    if numbers is None:
        return None
    palettes = [scan.palette for scan in scans if scan.error is None]
    return find_known([s.image.stem for s in samples], numbers, palettes)


def _classes(
    samples: Sequence[Sample],
    scans: Sequence[MaskScan],
    known: Known | None,
    found: Classes | None,
    root: Path,
    description: Description | None,
    where: Path,
) -> Classes:
    """dataset.yaml first, then the layout's files, labelmap.txt, the known sets, the values."""
    good = readable(scans)
    if found is not None and found.drawn:
        found = drawn_classes(found, good)
    if description is None:
        return found or _undeclared_classes(samples, good, known, root)
    from intarsia.datasets.declared import declared_classes, with_drawn_values
    from intarsia.datasets.remapping import remapped

    if found is not None and found.drawn:
        description = with_drawn_values(description, found)
    inferred = None
    if not (description.classes or description.masks.map or description.masks.encoding == "binary"):
        inferred = found or _undeclared_classes(samples, good, known, root)
    classes = declared_classes(description, good, inferred, where)
    if description.remap is None and description.order is None:
        return classes
    return remapped(classes, description.remap or {}, description.order or (), where)


def _undeclared_classes(
    samples: Sequence[Sample], scans: Sequence[MaskScan], known: Known | None, root: Path
) -> Classes:
    file = _labelmap_file(samples, root)
    named = [] if file is None else read_labelmap(file)
    if named and fits_labelmap(scans, named):
        return from_labelmap(named)
    inferred = infer(scans) if known is None else from_known(known)
    if not named:
        return inferred
    note = f"{FILE_NAME} is not used: it names colours and the masks hold ids"
    return replace(inferred, notes=(*inferred.notes, note))


def _labelmap_file(samples: Sequence[Sample], root: Path) -> Path | None:
    """labelmap.txt in the data set's folder, beside the folder of masks, or in it."""
    mask = samples[0].mask if isinstance(samples[0].mask, Path) else None
    folders = [root, *(mask.parents[:3] if mask is not None else ())]
    for folder in folders:
        if folder.is_relative_to(root) or (mask is not None and folder == mask.parent):
            file = folder / FILE_NAME
            if file.is_file():
                return file
    return None


def _split(
    samples: tuple[Sample, ...],
    seed: int,
    known: Known | None,
    description: Description | None,
    where: Path,
) -> tuple[tuple[Sample, ...], list[str]]:
    """Groups, the splits that are given, and those that are not."""
    notes: list[str] = []
    groups, unit = _groups(samples, known, description, where)
    if groups is not None:
        samples = with_groups(samples, groups)
    if description is not None:
        from intarsia.datasets.declared import declared_splits

        samples, notes = declared_splits(description, samples, where)
    unlabelled = tuple(s for s in samples if s.mask is None)
    samples = tuple(s for s in samples if s.mask is not None)
    splits = Counter(s.split for s in samples)
    if splits[None] == len(samples):
        samples = split_samples(samples, seed)
        notes.append(f"no split is given: drawn 70/15/15 by seed {seed}, {unit}")
    elif not splits["val"] and splits["train"]:
        samples = val_from_train(samples, seed)
        notes.append(f"no val is given: 15 % of train becomes val by seed {seed}, {unit}")
    sizes = Counter(s.split for s in samples)
    counts = [f"{sizes[name] or 'no'} {name}" for name in SPLITS]
    notes.append(f"images in each split: {', '.join(counts)}")
    return (*samples, *unlabelled), notes


def _groups(
    samples: Sequence[Sample], known: Known | None, description: Description | None, where: Path
) -> tuple[Groups | None, str]:
    """The group of every sample by name, None where images are the unit, and how to say it."""
    if description is not None and description.groups is not None:
        from intarsia.datasets.declared import declared_groups

        declared = declared_groups(description, samples, where.parent)
        if declared is None:
            return None, "image by image, as declared"
        count = len({group or name for name, group in declared.items()})
        return declared, f"whole groups together ({count} as declared)"
    given = {s.group for s in samples if s.group is not None}
    if given:
        return None, f"whole groups together ({len(given)} groups come with the data)"
    if known is not None and known.independent:
        return None, f"image by image (the images of {known.name} are independent of each other)"
    groups = _guessed(samples, known)
    if groups is None:
        return None, "image by image (the file names show no groups that belong together)"
    example = next(iter(groups.values()))
    count = len(set(groups.values()))
    return groups, (
        f"whole groups together ({count} groups by the start of the file names, such as {example})"
    )


def _guessed(samples: Sequence[Sample], known: Known | None) -> Groups | None:
    if known is not None and known.independent:
        return None
    short = {sample.name: without_split(sample) for sample in samples}
    found = group_by_prefix(list(dict.fromkeys(short.values())))
    return None if found is None else {name: found[text] for name, text in short.items()}


def _gives_groups(found: Found) -> bool:
    return any(sample.group is not None for sample in found.pairs.samples)
