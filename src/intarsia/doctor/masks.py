"""Findings about the values of masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from intarsia.datasets import Dataset
from intarsia.datasets.encodings import show
from intarsia.datasets.formats.masks import DRAWN
from intarsia.doctor.examination import has_background
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import Inspection, MaskFacts
from intarsia.labels import Color

_MANY_EMPTY = 0.05
_THRESHOLD = "masks: {encoding: binary, threshold: 128}"
_MOST_VALUES_SHOWN = 6


def findings(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """Everything about what masks hold."""
    facts = [(i, i.mask) for i in inspections if isinstance(i.mask, MaskFacts)]
    from_one = _counted_from_one(data, [mask for _, mask in facts])
    junk = _junk_classes(data, [mask for _, mask in facts])
    background = has_background(data)
    # all at once: asked mask by mask, a second check would spend a tenth of its time on it
    counts = np.array([mask.counts for _, mask in facts]).reshape(len(facts), len(data.labels))
    labelled = np.asarray(counts.any(axis=1)).tolist()
    others = np.asarray(counts[:, 1:].any(axis=1)).tolist()
    empty = sum(
        background and some and not (other or mask.unknown)
        for (_, mask), some, other in zip(facts, labelled, others, strict=True)
    )
    many = max(1, _MANY_EMPTY * len(facts)) < empty < len(facts)
    yield from _stored(data, [mask for _, mask in facts if mask.format != DRAWN])
    if many and data.empty is None:
        yield _many_empty(data, empty, len(facts))
    yield from _palettes(data, facts)
    for (one, mask), some, other in zip(facts, labelled, others, strict=True):
        sound = not (mask.lossy or mask.strays or mask.unknown)
        if sound and some and (other or not background):
            continue
        file = shown(one.sample.mask or one.sample.image, data)
        yield from _values(data, file, mask, from_one, junk)
        yield from _emptiness(data, file, mask, background)


def _stored(data: Dataset, masks: Sequence[MaskFacts]) -> Iterator[Finding]:
    """How the masks hold their classes, said aloud: what another tool may take otherwise."""
    table = data.encoding.map
    numbers = [v for v, id_ in table.items() if isinstance(v, int) and id_ is not None]
    kinds = Counter(mask.kind for mask in masks)
    deep = sum(mask.dtype not in ("uint8", "bool") for mask in masks if mask.kind == "ids")
    said = [
        (
            "palette-masks",
            kinds["palette"],
            "have a palette: the indices are the values"
            if data.encoding.kind != "colors"
            else "have a palette: its colours are the values",
        ),
        ("one-bit-masks", kinds["bit"], "have one bit: 0 and 1"),
        ("deep-masks", deep, "have more than 8 bits"),
    ]
    if sorted(numbers) == [0, 255]:
        said.append(
            ("black-and-white-masks", len(masks), "hold 0 and 255: background and foreground")
        )
    if data.encoding.kind == "ids" and numbers and min(numbers) == 1 and table[1] == 0:
        said.append(("one-based-masks", len(masks), "count from 1: value 1 is class 0 in here"))
    for code, count, what in said:
        if count:
            yield Finding.of(code, None, f"{count} of {len(masks)} masks {what}")


def _many_empty(data: Dataset, empty: int, all_masks: int) -> Finding:
    return Finding.of(
        "many-empty-masks",
        None,
        f'{empty} of {all_masks} masks hold "{data.labels.names[0]}" only',
        expected=f"at most {_MANY_EMPTY:.0%}",
        hint="say in dataset.yaml which is meant: empty: background (there is nothing on these "
        "images), empty: ignore (nobody labelled them) or empty: drop (leave them out)",
    )


def _palettes(data: Dataset, facts: Sequence[tuple[Inspection, MaskFacts]]) -> Iterator[Finding]:
    """The same index in another colour: somebody drew with another list of classes."""
    colors: dict[int, Counter[Color]] = {}
    for _, mask in facts:
        for index, color in mask.palette:
            colors.setdefault(index, Counter())[color] += 1
    usual = {index: found.most_common(1)[0][0] for index, found in colors.items()}
    for one, mask in facts:
        other = [(i, color) for i, color in mask.palette if color != usual[i]]
        if other and data.encoding.kind != "colors":
            index, color = other[0]
            yield Finding.of(
                "palette-differs",
                shown(one.sample.mask or one.sample.image, data),
                f"index {index} is {show(color)}"
                + (f", and {len(other) - 1} more" if len(other) > 1 else ""),
                expected=f"{show(usual[index])}, as in most masks",
                hint="was it drawn with another list of classes? The indices are what counts here",
            )


def _values(
    data: Dataset, file: str, mask: MaskFacts, from_one: bool, junk: int
) -> Iterator[Finding]:
    pixels = mask.size[0] * mask.size[1]
    if mask.lossy:
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
        lost = mask.unknown_pixels
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
            yield Finding.of(
                "counted-from-one",
                file,
                _listed(mask),
                expected=_known(data),
                hint="the masks count from 1: say masks: {map: {1: 0, 2: 1, ...}} in dataset.yaml",
            )
            return
        if data.encoding.kind == "binary" and all(
            isinstance(value, int) and 0 <= value <= 255 for value in mask.unknown
        ):
            hint = f"where only black and white count, say {_THRESHOLD} in dataset.yaml"
        negative = any(isinstance(value, int) and value < 0 for value in mask.unknown)
        code = "unknown-color" if colors else "negative-value" if negative else "unknown-value"
        yield Finding.of(
            code,
            file,
            _listed(mask),
            expected=_known(data),
            hint=hint,
        )


def _listed(mask: MaskFacts) -> str:
    by_size = sorted(mask.unknown.items(), key=lambda item: -item[1])
    parts = [f"{show(v)} ({n} pixels)" for v, n in by_size[:_MOST_VALUES_SHOWN]]
    rest = mask.unknown_values - len(parts)
    if rest > 0:
        pixels = mask.unknown_pixels - sum(n for _, n in by_size[:_MOST_VALUES_SHOWN])
        parts.append(f"{rest} more ({pixels} pixels)")
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
    if not any(mask.strays for mask in masks):
        return 0
    present = np.zeros(len(data.labels), np.int64)
    stray = np.zeros(len(data.labels), np.int64)
    for mask in masks:
        present += mask.counts > 0
        if not mask.strays:
            continue
        ids = {data.encoding.map.get(value) for value in mask.strays}
        stray[[id_ for id_ in ids if id_ is not None]] += 1
    return int(((stray > 0) & (2 * stray > present)).sum())


def _emptiness(data: Dataset, file: str, mask: MaskFacts, background: bool) -> Iterator[Finding]:
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
    elif data.empty is None and _is_empty(background, mask):
        yield Finding.of(
            "empty-mask",
            file,
            f'only "{data.labels.names[0]}"',
            hint="right where nothing is to be found; else the mask was not drawn yet",
        )


def _is_empty(background: bool, mask: MaskFacts) -> bool:
    """Background only, where there is one, and nothing unknown."""
    return background and not (mask.counts[1:].any() or mask.unknown) and bool(mask.counts.any())
