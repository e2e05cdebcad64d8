"""What a dataset.yaml declares, brought together with the files that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from intarsia.datasets.channels import (
    Channels,
    channel_percentile_scaling,
    infer_channels,
    percentile_scaling,
    sampled_images,
)
from intarsia.datasets.classes import Classes, as_numbers
from intarsia.datasets.description import ClassItem, Description, PrimarySection
from intarsia.datasets.encodings import Kind, MaskEncoding, Value, show
from intarsia.datasets.primary import Primary
from intarsia.datasets.remapping import IGNORE, unknown_class
from intarsia.datasets.sample import Sample
from intarsia.datasets.scan import MaskScan
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError, nearest
from intarsia.file_cache import FileCache
from intarsia.images import Scaling
from intarsia.labels import LabelMap, distinct_colors

_MOSTLY = 0.9

Table = dict[Value, int | None]


def declared_classes(
    description: Description, scans: Sequence[MaskScan], inferred: Classes | None, where: Path
) -> Classes:
    """The classes that dataset.yaml names, or the inferred ones with its `ignore_index`.

    Raises:
        DataError: the names, values and colours do not fit together; all faults at once.
    """
    masks = description.masks
    numbers = as_numbers(scans)
    items = sorted(description.classes or (), key=lambda c: -1 if c.id is None else c.id)
    if not items and masks.map is not None:
        names = dict.fromkeys(str(t) for t in masks.map.values() if t != IGNORE)
        items = [ClassItem(name=name) for name in names]
    if not items and masks.encoding == "binary":
        items = [ClassItem(name=name) for name in ("background", "foreground")]
    if not items:
        if inferred is None:
            raise DataError("dataset.yaml names no classes", where=where, hint="add classes: [...]")
        return _with_ignored(inferred, description)
    # Ids without colours are said of numbers, even where some masks hold colours by mistake.
    only_ids = any(c.id is not None for c in items) and any(c.color is None for c in items)
    kind = masks.encoding or ("colors" if numbers is None and not only_ids else "ids")
    faults: list[str] = []
    ignored: Table = dict.fromkeys(description.ignore_index)
    threshold = masks.threshold
    if threshold is not None and kind != "binary":
        faults.append("masks.threshold: only with masks.encoding: binary")
    if threshold is not None and masks.map is not None:
        faults.append("masks: threshold and map say two things; write one of them")
    if masks.map is not None:
        table = _mapped(masks.map, items, faults)
    elif kind == "colors":
        table = _by_color(items, faults)
    elif kind == "binary":
        table = _binary(items, numbers or {}, faults)
    else:
        counts = {v: n for v, n in (numbers or {}).items() if v not in ignored}
        if len(items) == 2 and _black_and_white(counts):
            counts = {v: n for v, n in counts.items() if v in (0, 255)}
        values = list(counts)
        if not ignored and (top := _undeclared_top(items, values)) is not None:
            ignored[top] = None
            values.remove(top)
        table = _by_id(items, values)
    for value in ignored:
        id_ = table.get(value)
        if id_ is not None and masks.map is None and items[id_].id is not None:
            faults.append(
                f'ignore_index: {show(value)} is also the value of class "{items[id_].name}"'
            )
    wrong = [v for v in [*table, *ignored] if isinstance(v, int) == (kind == "colors")]
    if wrong and not faults:
        expected = "colours" if kind == "colors" else "whole numbers"
        faults.append(f"masks: {show(wrong[0])} does not fit: the masks hold {expected}")
    if faults:
        raise faulty(faults, where)
    ours = distinct_colors(len(items))
    labels = LabelMap.of(
        [c.name for c in items],
        [ours[i] if c.color is None else c.color for i, c in enumerate(items)],
    )
    encoding = MaskEncoding(_kind(kind), table | ignored, threshold)
    note = f"{len(labels)} classes are named in {where.name} ({', '.join(labels.names)})"
    void = [show(v) for v, i in encoding.map.items() if i is None]
    if void:
        note += f"; ignored: {', '.join(void)}"
    return Classes(labels, encoding, (), (note,))


def with_drawn_values(description: Description, drawn: Classes) -> Description:
    """The description with the values of annotations for the classes that it only names.

    A name that nobody drew is a class all the same, with a value of its own.
    """
    items = description.classes
    if not items or description.masks.map is not None or items[0].id is not None:
        return description
    names = drawn.labels.names
    values = {names[i]: v for v, i in drawn.encoding.map.items() if i is not None}
    free = max((v for v in drawn.encoding.map if isinstance(v, int)), default=0) + 1
    given = [
        item.model_copy(update={"id": values.get(item.name, free + at)})
        for at, item in enumerate(items)
    ]
    void = [v for v, i in drawn.encoding.map.items() if i is None]
    return description.model_copy(
        update={"classes": given, "ignore_index": [*description.ignore_index, *void]}
    )


def _kind(kind: str) -> Kind:
    return "colors" if kind == "colors" else "binary" if kind == "binary" else "ids"


def _with_ignored(inferred: Classes, description: Description) -> Classes:
    """The inferred classes without those whose value is declared to be ignored."""
    if not description.ignore_index:
        return inferred
    gone = {inferred.encoding.map.get(value) for value in description.ignore_index} - {None}
    ids = {i for i in gone if i is not None}
    kept = [c for c in inferred.labels.classes if c.id not in ids]
    if not kept:
        raise DataError("ignore_index leaves no class")
    encoding = inferred.encoding.ignoring(ids)
    void: Table = dict.fromkeys(description.ignore_index)
    table = dict(encoding.map) | void
    labels = LabelMap.of([c.name for c in kept], [c.color for c in kept])
    listed = ", ".join(show(v) for v in description.ignore_index)
    return Classes(
        labels,
        MaskEncoding(encoding.kind, table),
        inferred.ignored,
        (*inferred.notes, f"ignored, as dataset.yaml says: {listed}"),
    )


def _mapped(
    mapping: Mapping[Value, str | int], items: Sequence[ClassItem], faults: list[str]
) -> Table:
    names = {c.name: i for i, c in enumerate(items)}
    ids = {i if c.id is None else c.id: i for i, c in enumerate(items)}
    table: Table = {}
    for value, target in mapping.items():
        if target == IGNORE and IGNORE not in names:
            table[value] = None
        elif isinstance(target, int) and target in ids:
            table[value] = ids[target]
        elif isinstance(target, str) and target in names:
            table[value] = names[target]
        else:
            close = nearest(str(target), names)
            offer = f'; did you mean "{close}"?' if close else ""
            faults.append(f"masks.map.{show(value)}: no class {target!r}{offer}")
    unused = [c.name for i, c in enumerate(items) if i not in table.values()]
    if unused and not faults:
        faults.append(f"masks.map: no value stands for {', '.join(unused)}")
    return table


def _by_color(items: Sequence[ClassItem], faults: list[str]) -> Table:
    table: Table = {}
    for i, item in enumerate(items):
        if item.color is None:
            faults.append(f'classes: "{item.name}" has no color, and the masks hold colours')
        elif item.color in table:
            faults.append(f"classes: the color {show(item.color)} stands twice")
        else:
            table[item.color] = i
    return table


def _binary(items: Sequence[ClassItem], counts: Mapping[Value, int], faults: list[str]) -> Table:
    if len(items) != 2:
        faults.append(f"classes: {len(items)} classes, and masks.encoding: binary means 2")
    top = max((v for v in counts if isinstance(v, int)), default=255)
    return {0: 0, (1 if top == 1 else 255): 1}


def _by_id(items: Sequence[ClassItem], values: Sequence[Value]) -> Table:
    """By declared id; bare names count from 0, from 1, or are black and white, as the masks are."""
    if items[0].id is not None:
        return {c.id: i for i, c in enumerate(items) if c.id is not None}
    found = {v for v in values if isinstance(v, int)}
    count = len(items)
    if count == 2 and found <= {0, 255} and 255 in found:
        return {0: 0, 255: 1}
    first = 1 if found and 0 not in found and count in found and found <= {*range(count + 1)} else 0
    return {first + i: i for i in range(count)}


def _black_and_white(counts: Mapping[Value, int]) -> bool:
    """0 and 255, and next to nothing else: a smoothed mask among them is the check's to find."""
    share = counts.get(0, 0) + counts.get(255, 0)
    return counts.get(255, 0) > counts.get(1, 0) and share >= _MOSTLY * sum(counts.values())


def _undeclared_top(items: Sequence[ClassItem], values: Sequence[Value]) -> int | None:
    """255 or 65535 where the masks hold it as their highest value and no class has it."""
    found = {v for v in values if isinstance(v, int)}
    top = max(found, default=0)
    ids = {i if c.id is None else c.id for i, c in enumerate(items)}
    # Bare names: 0 and 255 alone are black and white, and the last of 255 classes may be 255.
    bare = items[0].id is None
    if top not in (255, 65535) or top in ids or len(items) < 2:
        return None
    if bare and (top == len(items) or (len(items) == 2 and found <= {0, 255})):
        return None
    return top


def empty_masks(held: Mapping[str, frozenset[int]], masks: int) -> frozenset[str]:
    """The names of the samples whose mask holds the first class only, besides ignored pixels.

    `held` are the ids in the masks by name, `masks` how many there are, those with faults too.

    Raises:
        DataError: every mask is of that kind, so that nothing would be left.
    """
    empty = frozenset(name for name, ids in held.items() if ids == {0})
    if len(empty) == masks:
        raise DataError(
            "every mask holds background only",
            hint="label the images, or say empty: background in dataset.yaml",
        )
    return empty


def declared_primary(section: PrimarySection, labels: LabelMap, where: Path) -> Primary:
    """The primary figure, whose class is one of those that `remap` has left.

    Raises:
        DataError: no such class; the nearest is offered.
    """
    if section.class_ is not None and section.class_ not in labels.names:
        raise faulty([unknown_class("primary.class", section.class_, labels.names)], where)
    return Primary(section.metric, section.class_)


def declared_channels(
    description: Description, samples: Sequence[Sample], cache: FileCache | None = None
) -> Channels:
    """Channels and scale as dataset.yaml says, the rest inferred.

    Raises:
        DataError: no image can be read.
    """
    image = description.image
    channels = infer_channels(samples, image.page, cache)
    if image.channels is not None:
        names = ", ".join(image.channels)
        notes = tuple(note for note in channels.notes if "channels" not in note)
        channels = replace(
            channels,
            count=len(image.channels),
            notes=(*notes, f"{len(image.channels)} channels are named: {names}"),
        )
    if image.scale is None:
        return channels
    scaling = _scaling(description, samples, channels.count)
    note = f"pixel values from {scaling.low:g} to {scaling.high:g} become 0 to 1 ({scaling.rule})"
    if scaling.each:
        shown = (f"{low:g} to {high:g}" for low, high in scaling.each)
        note = f"pixel values become 0 to 1 ({scaling.rule}): {', '.join(shown)}"
    kept = tuple(n for n in channels.notes if not n.startswith("pixel values"))
    return replace(channels, scaling=scaling, notes=(*kept, note))


def _scaling(description: Description, samples: Sequence[Sample], channels: int) -> Scaling:
    scale, rescale = description.image.scale, description.image.rescale
    slope, intercept = (1.0, 0.0) if rescale is None else (rescale.slope, rescale.intercept)
    if scale is not None and scale.percentile is not None:
        low, high = scale.percentile
        images = sampled_images(samples, description.image.page)
        if scale.per_channel:
            return channel_percentile_scaling(images, low, high, channels)
        return percentile_scaling(images, low, high)
    if scale is not None and scale.window is not None:
        center, width = scale.window.center, scale.window.width
        bottom, top = center - width / 2, center + width / 2
        rule = f"window {center:g} ± {width / 2:g}"
    else:
        bottom, top = (scale.clip if scale is not None else None) or (0.0, 255.0)
        rule = f"clip {bottom:g} to {top:g}"
    if rescale is not None:
        rule += f" after {slope:g} x value {intercept:+g}"
    return Scaling((bottom - intercept) / slope, (top - intercept) / slope, rule)
