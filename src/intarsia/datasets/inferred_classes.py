"""The classes of masks that nobody names, from their values: inferred, and said aloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intarsia.datasets.classes import Classes, as_numbers
from intarsia.datasets.encodings import MaskEncoding, Value, show
from intarsia.datasets.labelmap import FILE_NAME
from intarsia.datasets.scan import MOST_VALUES, MaskScan
from intarsia.errors import DataError
from intarsia.labels import Color, LabelMap, distinct_colors

_MOST_COLORS = 64  # more than this, and the rare ones are taken for blurred edges
_RARE = 0.001
_BINARY_SHARE = 0.9
_FEW_GREYS = 8


def infer(scans: Sequence[MaskScan]) -> Classes:
    """The classes of masks that nothing is known about.

    Raises:
        DataError: the masks hold so many values that they are not label masks.
    """
    numbers = as_numbers(scans)
    if numbers is None:
        return _from_colors(scans)
    return _from_numbers(numbers, scans)


def _from_numbers(counts: Mapping[Value, int], scans: Sequence[MaskScan]) -> Classes:
    values = sorted(v for v in counts if isinstance(v, int) and v >= 0)
    if not values:
        raise DataError("the masks hold only negative values", where=scans[0].path)
    if values in ([0, 255], [255]):
        return _black_and_white("the masks hold 0 and 255: two classes, background and foreground")
    if all(scan.kind == "bit" for scan in scans):
        return _two_classes("1-bit masks: two classes, background (0) and foreground (1)")
    top = values[-1]
    # All 256 greys are no classes with 255 ignored: a blurred or scaled mask has them too.
    every_grey = top == 255 and values[-2:-1] == [254]
    ignored = top if top in (255, 65535) and not every_grey and _dense(values[:-1]) else None
    if ignored is None and _blurred_black_and_white(values, counts):
        share = 100 * (counts[0] + counts[255]) / sum(counts.values())
        return _black_and_white(
            f"the masks are black and white with {len(values) - 2} greys between "
            f"({100 - share:.2g} % of the pixels): two classes, background (0) and foreground (255)"
        )
    if len(values) > MOST_VALUES and not _dense(values):
        raise _not_labels(len(values), scans, "ids of instances, or grey images")
    used = [v for v in values if v != ignored]
    notes = [_ids_note(used, ignored, len(scans))]
    labels = LabelMap.of([f"class {v}" for v in used], _palette_colors(used, scans))
    table: dict[Value, int | None] = {v: i for i, v in enumerate(used)}
    if ignored is not None:
        table[ignored] = None
    return Classes(labels, MaskEncoding("ids", table), (), tuple(notes))


def _dense(values: Sequence[int]) -> bool:
    """0..k or 1..k, k at least 1 past the first, without a gap."""
    return bool(values) and values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1


def _blurred_black_and_white(values: Sequence[int], counts: Mapping[Value, int]) -> bool:
    """Mostly 0 and 255 with many greys between: scaled or compressed, not more classes."""
    if values[0] != 0 or 255 not in counts or values[-1] > 255:
        return False
    share = (counts[0] + counts[255]) / sum(counts.values())
    return share >= _BINARY_SHARE and len(values) - 2 > _FEW_GREYS


def _two_classes(note: str) -> Classes:
    return Classes(
        LabelMap.of(["background", "foreground"]), MaskEncoding("ids", {0: 0, 1: 1}), (), (note,)
    )


def _black_and_white(note: str) -> Classes:
    encoding = MaskEncoding("binary", {0: 0, 255: 1})
    return Classes(LabelMap.of(["background", "foreground"]), encoding, (), (note,))


def _ids_note(used: Sequence[int], ignored: int | None, masks: int) -> str:
    count = f"{len(used)} classes" if len(used) != 1 else "1 class"
    if _dense(used):
        found = f"the values {used[0]} to {used[-1]}" if len(used) > 1 else f"the value {used[0]}"
    else:
        shown = ", ".join(map(str, used[:12])) + (", ..." if len(used) > 12 else "")
        found = f"the values {shown}"
    note = f"the {masks} masks hold {found}: {count}"
    if used[0] == 1 and _dense(used):
        note += ', counted from 1 ("class 1" has id 0 inside Intarsia)'
    note += f"; {ignored} is ignored" if ignored is not None else ", nothing is ignored"
    return note + "; name them in dataset.yaml (classes: ...)"


def _palette_colors(used: Sequence[int], scans: Sequence[MaskScan]) -> list[Color]:
    """The palette's own colours where they tell the classes apart, else ours."""
    palette: dict[int, Color] = {}
    for scan in scans:
        for index, color in scan.palette.items():
            palette.setdefault(index, color)
    colors = [palette.get(v) for v in used]
    chosen = [c for c in colors if c is not None]
    colourful = any(len(set(color)) > 1 for color in chosen)
    if colourful and len(set(chosen)) == len(used):
        return chosen
    return distinct_colors(len(used))


def _from_colors(scans: Sequence[MaskScan]) -> Classes:
    counts = _all_colors(scans)
    pixels = sum(counts.values())
    notes = []
    if len(counts) > _MOST_COLORS or any(s.distinct > MOST_VALUES for s in scans):
        kept = {color: n for color, n in counts.items() if n >= _RARE * pixels}
        if sum(kept.values()) < _BINARY_SHARE * pixels or len(kept) > MOST_VALUES:
            raise _not_labels(max(s.distinct for s in scans), scans, "photographs")
        notes.append(
            f"{len(counts) - len(kept)} colours have less than 0.1 % of the pixels each and are "
            "not taken for classes: the masks seem blurred, scaled or compressed with loss"
        )
        counts = kept
    colors = sorted(counts)
    labels = LabelMap.of([f"class {i}" for i in range(len(colors))], colors)
    table: dict[Value, int | None] = {color: i for i, color in enumerate(colors)}
    listed = ", ".join(f"class {i} = {show(color)}" for i, color in enumerate(colors[:16]))
    more = ", ..." if len(colors) > 16 else ""
    notes.insert(
        0,
        f"the {len(scans)} masks hold {len(colors)} colours: {len(colors)} classes "
        f"({listed}{more}), nothing is ignored; name them in {FILE_NAME} or dataset.yaml",
    )
    return Classes(labels, MaskEncoding("colors", table), (), tuple(notes))


def _all_colors(scans: Sequence[MaskScan]) -> dict[Color, int]:
    """Pixel counts by colour; ids among colour masks count as the colour that they show."""
    counts: dict[Color, int] = {}
    for scan in scans:
        for value, pixels in scan.counts.items():
            if isinstance(value, int):
                grey = 255 * value if scan.kind == "bit" else min(max(value, 0), 255)
                value = scan.palette.get(value, (grey, grey, grey))
            counts[value] = counts.get(value, 0) + pixels
    return counts


def _not_labels(values: int, scans: Sequence[MaskScan], what: str) -> DataError:
    worst = max(scans, key=lambda scan: scan.distinct)
    return DataError(
        f"the masks hold {values} different values and are not label masks ({what}?)",
        where=worst.path,
        expected="one value or colour a class",
        hint="export the masks as PNG without smoothing, or say in dataset.yaml what they hold",
    )
