"""The classes of a data set, where somebody names them, and which of them a mask holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from intarsia.datasets.encodings import MaskEncoding, Value
from intarsia.datasets.known import Known
from intarsia.datasets.labelmap import FILE_NAME, is_void
from intarsia.datasets.sample import Sample
from intarsia.datasets.scan import MaskScan
from intarsia.errors import DataError
from intarsia.images import RawMask
from intarsia.labels import Color, LabelMap, distinct_colors

_MOSTLY = 0.9


@dataclass(frozen=True)
class Classes:
    """Label classes, how files hold them, which names are ignored, and what to say about it.

    `drawn` where the values are ours, given to the names of annotations.
    """

    labels: LabelMap
    encoding: MaskEncoding
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    drawn: bool = False


def readable(scans: Sequence[MaskScan]) -> list[MaskScan]:
    """The scans of masks that could be read.

    Raises:
        DataError: there is none; the first fault is named.
    """
    good = [scan for scan in scans if scan.error is None]
    if not good:
        first = scans[0].error
        raise DataError(
            f"none of the {len(scans)} masks can be read; the first: {first.what if first else ''}",
            where=scans[0].path,
            hint="look whether these are really the masks",
        )
    # A few masks saved as JPEG hold values that nobody drew: the others say what there is.
    exact = [scan for scan in good if scan.format != "JPEG"]
    return exact if 2 * len(exact) > len(good) else good


def as_numbers(scans: Sequence[MaskScan]) -> dict[Value, int] | None:
    """Pixel counts by whole number, where every mask holds ids; None where colours are used.

    Ids saved as RGB with three equal channels count as ids. A few masks of colours among many of
    ids are left to the check.
    """
    counts: dict[Value, int] = {}
    colored = [scan for scan in scans if any(_is_colored(value) for value in scan.counts)]
    if colored and sum(scan.kind != "colors" for scan in scans) >= _MOSTLY * len(scans):
        strange = {id(scan) for scan in colored}
        scans = [scan for scan in scans if id(scan) not in strange]
    for scan in scans:
        for value, pixels in scan.counts.items():
            if not isinstance(value, int):
                if value[0] != value[1] or value[1] != value[2]:
                    return None
                value = value[0]
            counts[value] = counts.get(value, 0) + pixels
    return counts


def _is_colored(value: Value) -> bool:
    return not isinstance(value, int) and not value[0] == value[1] == value[2]


def from_known(known: Known) -> Classes:
    """The classes of a public data set."""
    table: dict[Value, int | None] = {v: i for i, (v, _, _) in enumerate(known.classes)}
    table |= {value: None for value, _ in known.ignored}
    labels = LabelMap.of([n for _, n, _ in known.classes], [c for _, _, c in known.classes])
    ignored = tuple(name for _, name in known.ignored)
    by = "palette or file names" if known.palette else "file names"
    note = f"the {by} and mask values are those of {known.name}: its {len(labels)} class names"
    note += " are used (" + ", ".join(labels.names) + ")"
    if known.ignored:
        note += "; ignored: " + ", ".join(f"{n} (value {v})" for v, n in known.ignored)
    return Classes(labels, MaskEncoding("ids", table), ignored, (note,))


def from_values(
    named: Mapping[int, str],
    source: str,
    *,
    colors: Mapping[int, Color] | None = None,
    ignored: Iterable[int] = (),
) -> Classes:
    """The classes that `source`, a file or a published list, names by their value in the masks.

    Values of one name are one class. A name such as "void" or "ignore" does not count, and
    neither do the values in `ignored`. Colours are ours where `colors` has none.

    >>> classes = from_values({0: "sky", 4: "car", 7: "ignore"}, "dataset.json", ignored=[255])
    >>> classes.labels.names, classes.encoding.map
    (['sky', 'car'], {0: 0, 4: 1, 7: None, 255: None})

    Raises:
        DataError: no name counts.
    """
    void = list(dict.fromkeys(name for name in named.values() if is_void(name)))
    names = list(dict.fromkeys(name for name in named.values() if not is_void(name)))
    if not names:
        raise DataError(f"{source} names no class that counts", expected="at least one class")
    ours = distinct_colors(len(names))
    given = {named[value]: color for value, color in (colors or {}).items() if value in named}
    labels = LabelMap.of(names, [given.get(name, ours[i]) for i, name in enumerate(names)])
    table: dict[Value, int | None] = {
        value: None if is_void(name) else names.index(name) for value, name in named.items()
    }
    table |= {value: None for value in ignored if value not in table}
    note = f"{len(labels)} classes are named by {source} ({', '.join(names)})"
    if void:
        note += f"; ignored, as the name says: {', '.join(void)}"
    return Classes(labels, MaskEncoding("ids", table), tuple(void), (note,))


def drawn_classes(classes: Classes, scans: Sequence[MaskScan]) -> Classes:
    """The classes of drawings; without a background where shapes cover every pixel of all images.

    How many pixels more than one object covers is said.
    """
    notes = list(classes.notes)
    overlapping = [scan.overlapping for scan in scans if scan.overlapping]
    if overlapping:
        notes.append(
            f"{sum(overlapping)} pixels in {len(overlapping)} images lie in more than one object: "
            "the one that is painted later is on top"
        )
    if any(scan.counts.get(0) for scan in scans):
        return replace(classes, notes=tuple(notes))
    kept = classes.labels.classes[1:]
    notes.append("objects cover every pixel of every image: there is no background class")
    table = {v: i and i - 1 for v, i in classes.encoding.map.items() if v != 0}
    labels = LabelMap.of([c.name for c in kept])
    return replace(classes, labels=labels, encoding=MaskEncoding("ids", table), notes=tuple(notes))


def from_labelmap(named: Sequence[tuple[str, Color]]) -> Classes:
    """The classes of a CVAT label map; names such as "void" are ignored, and this is said."""
    kept = [(name, color) for name, color in named if not is_void(name)]
    void = [(name, color) for name, color in named if is_void(name)]
    if not kept:
        raise DataError(f"{FILE_NAME} names no class that counts", expected="at least one class")
    labels = LabelMap.of([n for n, _ in kept], [c for _, c in kept])
    table: dict[Value, int | None] = {color: i for i, (_, color) in enumerate(kept)}
    table |= {color: None for _, color in void}
    note = f"{len(labels)} classes and their colours are read from {FILE_NAME}"
    note += " (" + ", ".join(labels.names) + ")"
    if void:
        note += f"; ignored, as the name says: {', '.join(name for name, _ in void)}"
    notes = [note]
    black = next((name for name, color in kept if color == (0, 0, 0)), None)
    if black is not None and not void:
        notes.append(
            f'"{black}" is black and counts as a class; where it only marks what nobody labelled, '
            "name it in data.ignore of the recipe"
        )
    return Classes(labels, MaskEncoding("colors", table), tuple(n for n, _ in void), tuple(notes))


def fits_labelmap(scans: Sequence[MaskScan], named: Sequence[tuple[str, Color]]) -> bool:
    """True where the masks hold colours, or a palette made of the label map's colours."""
    if as_numbers(scans) is None:
        return True
    colors = {color for _, color in named}
    return all(
        (scan.palette and set(scan.palette.values()) <= colors) or _colors_of(scan) <= colors
        for scan in scans
    )


def _colors_of(scan: MaskScan) -> set[Value]:
    return set(scan.counts)


def held_classes(
    samples: Sequence[Sample], scans: Sequence[MaskScan], classes: Classes
) -> dict[str, frozenset[int]]:
    """The ids in the mask of every sample, by name; not of masks with faults.

    `scans` are those of the samples, in their order.
    """
    found: dict[str, frozenset[int]] = {}
    seen: dict[object, frozenset[int] | None] = {}  # many masks hold the same values
    for sample, scan in zip(samples, scans, strict=True):
        if scan.error is not None or not scan.counts:
            continue
        alike = (scan.kind, tuple(scan.counts), tuple(scan.palette.items()))
        if alike not in seen:
            ids, unknown = classes.encoding.decode(_one_pixel_a_value(scan), classes.labels)
            held = frozenset(ids.ravel().tolist()) - {classes.labels.ignore_index}
            seen[alike] = None if unknown else held
        if (ids_held := seen[alike]) is not None:
            found[sample.name] = ids_held
    return found


def _one_pixel_a_value(scan: MaskScan) -> RawMask:
    colors = scan.kind == "colors"
    values = np.array([list(scan.counts)], np.uint8 if colors else np.int64)
    palette = None
    if scan.palette:
        palette = np.zeros((max(scan.palette) + 1, 3), np.uint8)
        for index, color in scan.palette.items():
            palette[index] = color
    return RawMask(values, scan.kind, palette, scan.format)
