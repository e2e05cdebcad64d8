"""From a path to a `Dataset`: layout, classes, channels, splits, each inferred and said."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from intarsia.datasets import classes as classes_
from intarsia.datasets.channels import infer_channels
from intarsia.datasets.classes import Classes
from intarsia.datasets.dataset import Dataset
from intarsia.datasets.known import Known, find_known
from intarsia.datasets.labelmap import FILE_NAME, read_labelmap
from intarsia.datasets.layouts import read_layout
from intarsia.datasets.layouts.folders import read_apart
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import split_name
from intarsia.datasets.sample import Sample
from intarsia.datasets.scan import MaskScan, scan_masks
from intarsia.datasets.splits import (
    group_by_prefix,
    split_samples,
    val_from_train,
    with_groups,
)
from intarsia.errors import DataError, nearest


def open_dataset(path: Path | None, images: Path | None, masks: Path | None, seed: int) -> Dataset:
    """Open a data set; see `Dataset.open`."""
    if path is None:
        if images is None or masks is None:
            raise DataError(
                "no data set is named",
                expected="a folder, a dataset.yaml, or both a folder of images and one of masks",
            )
        root = _folder(images)
        found = read_apart(root, _folder(masks))
    elif images is not None or masks is not None:
        raise DataError(
            "both a data set and separate folders are named",
            where=path,
            expected="either a data set, or a folder of images and one of masks",
        )
    else:
        root = _folder(path)
        found = read_layout(root)
    samples = _paired(found, root)
    scans = list(scan_masks(s.mask for s in samples if s.mask is not None))
    known = _known(samples, scans)
    classes = _classes(samples, scans, known, root)
    samples, split_notes = _split(samples, seed, known)
    channels = infer_channels(samples)
    notes = (f"layout: {found.layout}", *found.notes, *found.pairs.notes)
    return Dataset(
        root=root,
        samples=samples,
        labels=classes.labels,
        encoding=classes.encoding,
        channels=channels.count,
        scaling=channels.scaling,
        layout=found.layout,
        notes=(*notes, *classes.notes, *channels.notes, *split_notes),
        unpaired_images=found.pairs.unpaired_images,
        unpaired_masks=found.pairs.unpaired_masks,
        ignored=classes.ignored,
    )


def _folder(path: Path) -> Path:
    """An existing folder, absolute."""
    folder = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - keeps links, drops ".."
    if folder.is_dir():
        return folder
    if folder.exists():
        zipped = folder.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z")
        raise DataError(
            "this is an archive" if zipped else "this is a file",
            where=path,
            expected="a folder or a dataset.yaml",
            hint="unpack it first" if zipped else None,
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
    numbers = classes_.as_numbers(scans)
    return None if numbers is None else find_known([s.image.stem for s in samples], numbers)


def _classes(
    samples: Sequence[Sample], scans: Sequence[MaskScan], known: Known | None, root: Path
) -> Classes:
    good = classes_.readable(scans)
    if known is not None:
        return classes_.from_known(known)
    file = _labelmap_file(samples, root)
    if file is None:
        return classes_.infer(good)
    named = read_labelmap(file)
    if classes_.fits_labelmap(good, named):
        return classes_.from_labelmap(named)
    inferred = classes_.infer(good)
    note = f"{FILE_NAME} is not used: it names colours and the masks hold ids"
    return replace(inferred, notes=(*inferred.notes, note))


def _labelmap_file(samples: Sequence[Sample], root: Path) -> Path | None:
    """labelmap.txt in the data set's folder, beside the folder of masks, or in it."""
    mask = samples[0].mask
    folders = [root, *(mask.parents[:3] if mask is not None else ())]
    for folder in folders:
        if folder.is_relative_to(root) or (mask is not None and folder == mask.parent):
            file = folder / FILE_NAME
            if file.is_file():
                return file
    return None


def _split(
    samples: tuple[Sample, ...], seed: int, known: Known | None
) -> tuple[tuple[Sample, ...], list[str]]:
    """Groups, and the splits that are not given."""
    notes: list[str] = []
    groups = None if known is not None and known.independent else _groups(samples)
    if groups is not None:
        samples = with_groups(samples, groups)
    splits = Counter(s.split for s in samples)
    unit = _unit(groups)
    if splits[None] == len(samples):
        samples = split_samples(samples, seed)
        notes.append(f"no split is given: drawn 70/15/15 by seed {seed}, {unit}")
    elif not splits["val"] and splits["train"]:
        samples = val_from_train(samples, seed)
        notes.append(f"no val is given: 15 % of train becomes val by seed {seed}, {unit}")
    sizes = Counter(s.split for s in samples)
    notes.append(", ".join(f"{sizes[name]} {name}" for name in ("train", "val", "test")))
    return samples, notes


def _groups(samples: Sequence[Sample]) -> dict[str, str] | None:
    """Groups by name, the folder of a given split left out of the name."""
    bare = {sample.name: _without_split(sample) for sample in samples}
    found = group_by_prefix(list(dict.fromkeys(bare.values())))
    return None if found is None else {name: found[short] for name, short in bare.items()}


def _without_split(sample: Sample) -> str:
    first, slash, rest = sample.name.partition("/")
    return rest if slash and sample.split is not None and split_name(first) else sample.name


def _unit(groups: dict[str, str] | None) -> str:
    if groups is None:
        return "image by image (the file names show no groups that belong together)"
    count = len(set(groups.values()))
    example = next(iter(groups.values()))
    return (
        f"whole groups together ({count} groups by the start of the file names, such as {example})"
    )
