"""From a path to a `Dataset`: its place, classes, channels and splits, each said aloud."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.datasets.channels import infer_channels
from intarsia.datasets.classes import (
    Classes,
    as_numbers,
    drawn_classes,
    fits_labelmap,
    from_known,
    from_labelmap,
    held_classes,
    readable,
)
from intarsia.datasets.dataset import Dataset
from intarsia.datasets.inferred_classes import infer
from intarsia.datasets.known import Known, find_known
from intarsia.datasets.labelmap import FILE_NAME, read_labelmap
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.partition import gives_groups, guessed_groups, partition
from intarsia.datasets.place import find_place
from intarsia.datasets.sample import Sample
from intarsia.datasets.scan import MaskScan, scan_mask, scan_masks
from intarsia.datasets.splits import with_groups
from intarsia.errors import DataError

if TYPE_CHECKING:
    from intarsia.datasets.description import Description
    from intarsia.file_cache import FileCache

_PROBES, _FEW_VALUES = 5, 64


def open_dataset(
    path: Path | None,
    images: Path | None,
    masks: Path | None,
    seed: int,
    cache: FileCache | None = None,
    *,
    divided: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Open a data set; see `Dataset.open`.

    With `divided` false no split of dataset.yaml is applied and none is drawn: all samples are
    there, with the split of their folder, if any.
    """
    place = find_place(path, images, masks)
    where, root, found = place.where, place.root, place.found
    description = place.description
    samples = _paired(found, root)
    scans = list(scan_masks((s.mask for s in samples if s.mask is not None), cache, progress))
    known = _known(samples, scans)
    classes = _classes(samples, scans, known, found.classes, root, description, where)
    held = held_classes([s for s in samples if s.mask is not None], scans, classes)
    ignored_masks: frozenset[str] = frozenset()
    empty_notes: tuple[str, ...] = ()
    if description is not None and description.empty in ("ignore", "drop"):
        from intarsia.datasets.declared import empty_masks

        empty = empty_masks(held, len(scans))
        empty_notes = (f"{len(empty)} masks of background only: {description.empty}, as declared",)
        if description.empty == "drop":
            samples = tuple(s for s in samples if s.name not in empty)
        else:
            ignored_masks = empty
    split_notes: list[str] = []
    drawn = None
    if divided:
        samples, split_notes, drawn = partition(samples, seed, known, description, where, held)
    elif not gives_groups(found) and (groups := guessed_groups(samples, known)) is not None:
        samples = with_groups(samples, groups)
    page = None
    names = found.channel_names
    if description is None:
        channels = infer_channels(samples, cache=cache)
    else:
        from intarsia.datasets.declared import declared_channels

        channels = declared_channels(description, samples, cache)
        names, page = tuple(description.image.channels or names), description.image.page
    primary = None
    if description is not None and description.primary is not None:
        from intarsia.datasets.declared import declared_primary

        primary = declared_primary(description.primary, classes.labels, where)
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
        groups_declared=gives_groups(found)
        or (description is not None and description.groups is not None),
        splits_declared=description is not None and description.splits is not None,
        groups_given=gives_groups(found),
        primary=primary,
        splits_drawn=drawn,
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
    inferred = _inferred(samples, scans) if known is None else from_known(known)
    if not named:
        return inferred
    note = f"{FILE_NAME} is not used: it names colours and the masks hold ids"
    return replace(inferred, notes=(*inferred.notes, note))


def _inferred(samples: Sequence[Sample], scans: Sequence[MaskScan]) -> Classes:
    """The classes by the values of the masks; where these are photographs, are they swapped?"""
    try:
        return infer(scans)
    except DataError as fault:
        some = [scan_mask(sample.image) for sample in samples[:_PROBES]]
        if any(scan.error or scan.distinct > _FEW_VALUES for scan in some):
            raise
        raise DataError(
            fault.what,
            where=fault.where,
            expected=fault.expected,
            hint="the images look like masks, with few values each: were the two folders swapped? "
            "Rename them, or name them the other way round: --images DIR --masks DIR",
        ) from fault


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
