"""Findings about the values of masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from intarsia.datasets import Dataset
from intarsia.datasets.encodings import Value, show
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import Inspection, MaskFacts

_LOSSY_FORMATS = ("JPEG",)
_THRESHOLD = "masks: {encoding: binary, threshold: 128}"
_MOST_VALUES_SHOWN = 6


def findings(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """Everything about what masks hold."""
    facts = [(i, i.mask) for i in inspections if isinstance(i.mask, MaskFacts)]
    from_one = _counted_from_one(data, [mask for _, mask in facts])
    junk = _junk_classes(data, [mask for _, mask in facts])
    for one, mask in facts:
        file = shown(one.sample.mask or one.sample.image, data)
        yield from _values(data, file, mask, from_one, junk)
        yield from _emptiness(data, file, mask)


def _values(
    data: Dataset, file: str, mask: MaskFacts, from_one: bool, junk: int
) -> Iterator[Finding]:
    pixels = mask.size[0] * mask.size[1]
    if mask.format in _LOSSY_FORMATS:
        yield Finding.of(
            "lossy-mask",
            file,
            f"{mask.format} with {mask.distinct} different values",
            expected="PNG or TIFF, which keep every value",
            hint="export the mask again from where it was drawn; a converted JPEG keeps the damage",
        )
        return
    strange = set(mask.unknown)
    if mask.strays and strange <= set(mask.strays):
        hint = "export the mask without smoothing, and scale masks with nearest-neighbour only"
        if {0, 255} <= {v for v, id_ in data.encoding.map.items() if id_ is not None}:
            hint += (
                f"; if black and white are the only two classes, say {_THRESHOLD} in dataset.yaml"
            )
        most = junk > len(data.labels) / 2
        if most and not strange:
            hint += f"; {junk} of the {len(data.labels)} classes are such values and no classes"
        lost = sum(mask.unknown.values())
        yield Finding.of(
            "blurred-mask",
            file,
            f"{len(mask.strays)} of {mask.distinct} values only on borders"
            + (f", {lost} pixels ({lost / pixels:.2%}) of no class" if lost else ""),
            expected="only the values of classes",
            hint=hint,
            # With values of no class the mask cannot be read in training; where most classes are
            # such values, what would be trained is not what was drawn.
            severity="error" if strange or most else None,
        )
        return
    if strange:
        colors = any(isinstance(value, tuple) for value in mask.unknown)
        hint = (
            "add the colour to labelmap.txt or dataset.yaml (classes, or masks: {map: ...}), or "
            "repaint it"
            if colors
            else "add the class to dataset.yaml (classes, or masks: {map: ...}), or repaint it"
        )
        if from_one and not colors:
            hint = "the masks count from 1: say masks: {map: {1: 0, 2: 1, ...}} in dataset.yaml"
        if data.encoding.kind == "binary" and all(
            isinstance(value, int) and 0 <= value <= 255 for value in mask.unknown
        ):
            hint = f"where only black and white count, say {_THRESHOLD} in dataset.yaml"
        yield Finding.of(
            "unknown-color" if colors else "unknown-value",
            file,
            _listed(mask.unknown),
            expected=_known(data),
            hint=hint,
        )


def _listed(unknown: dict[Value, int]) -> str:
    by_size = sorted(unknown.items(), key=lambda item: -item[1])
    parts = [f"{show(v)} ({n} pixels)" for v, n in by_size[:_MOST_VALUES_SHOWN]]
    rest = by_size[_MOST_VALUES_SHOWN:]
    if rest:
        parts.append(f"{len(rest)} more ({sum(n for _, n in rest)} pixels)")
    return ", ".join(parts)


def _known(data: Dataset) -> str:
    values = list(data.encoding.map)
    parts = [show(value) for value in values[:16]]
    return ", ".join(parts) + (f" or one of {len(values) - 16} more" if len(values) > 16 else "")


def _counted_from_one(data: Dataset, masks: Sequence[MaskFacts]) -> bool:
    """K classes declared as 0..K-1, and the files hold 1..K."""
    classes = len(data.labels)
    strange = {value for mask in masks for value in mask.unknown}
    return (
        strange == {classes}
        and data.encoding.map.get(0) == 0
        and all(int(mask.counts[0]) == 0 for mask in masks)
    )


def _junk_classes(data: Dataset, masks: Sequence[MaskFacts]) -> int:
    """How many classes are border values in most of the masks that they occur in."""
    present = np.zeros(len(data.labels), np.int64)
    stray = np.zeros(len(data.labels), np.int64)
    for mask in masks:
        present += mask.counts > 0
        ids = {data.encoding.map.get(value) for value in mask.strays}
        stray[[id_ for id_ in ids if id_ is not None]] += 1
    return int(((stray > 0) & (2 * stray > present)).sum())


def _emptiness(data: Dataset, file: str, mask: MaskFacts) -> Iterator[Finding]:
    if mask.unknown:
        return
    if not mask.counts.any():
        yield Finding.of(
            "all-ignored",
            file,
            f"{mask.ignored} ignored pixels",
            expected="at least one pixel of a class",
            hint="label it, or move the pair out of the data set",
        )
    elif _has_background(data) and not mask.counts[1:].any():
        yield Finding.of(
            "empty-mask",
            file,
            f'only "{data.labels.names[0]}"',
            hint="right where nothing is to be found; else the mask was not drawn yet",
        )


def _has_background(data: Dataset) -> bool:
    """Two classes, the first of them 0 or black."""
    first = {v for v, id_ in data.encoding.map.items() if id_ == 0}
    return len(data.labels) == 2 and bool(first & {0, (0, 0, 0)})
