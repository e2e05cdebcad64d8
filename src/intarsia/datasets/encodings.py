"""How the values of a mask file become class ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError
from intarsia.images import RawMask
from intarsia.labels import Color, LabelMap

Value = int | Color
Kind = Literal["ids", "colors", "binary"]

_UNKNOWN = -1
_PIXELS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class MaskEncoding:
    """A table from the values of the files to class ids; None means ignored.

    `ids`: whole numbers (grey or palette indices). `colors`: (r, g, b). `binary`: two classes
    drawn in black and white; with a `threshold`, every value from it on is the second class.

    >>> encoding = MaskEncoding("ids", {1: 0, 2: 1, 255: None})
    >>> raw = RawMask(np.array([[1, 2, 255, 7]]), "ids", None, "PNG")
    >>> ids, unknown = encoding.decode(raw, LabelMap.of(["cat", "dog"]))
    >>> ids.tolist(), unknown
    ([[0, 1, 255, 255]], {7: 1})
    """

    kind: Kind
    map: Mapping[Value, int | None]
    threshold: int | None = None

    def decode(self, raw: RawMask, labels: LabelMap) -> tuple[NDArray[Any], dict[Value, int]]:
        """Class ids (H, W) in `labels.dtype`, and the values that mean nothing with their pixels.

        Pixels of unknown values become `labels.ignore_index`.
        """
        if self.kind == "colors":
            ids, unknown = self._decode_numbers(_packed_colors(raw), labels, colors=True)
            return _without_past_end(raw, ids, unknown, labels)
        if raw.kind == "colors":
            return self._decode_grey(raw.values, labels)
        values = raw.values
        if raw.kind == "bit" and 1 not in self.map and 255 in self.map:
            values = values * np.uint8(255)
        return self._decode_numbers(values, labels, colors=False)

    def _decode_grey(
        self, colors: NDArray[np.uint8], labels: LabelMap
    ) -> tuple[NDArray[Any], dict[Value, int]]:
        """Ids that were saved as RGB with three equal channels; true colours are unknown."""
        grey = (colors[:, :, 0] == colors[:, :, 1]) & (colors[:, :, 1] == colors[:, :, 2])
        ids, unknown = self._decode_numbers(
            np.where(grey, colors[:, :, 0], np.uint8(0)), labels, colors=False
        )
        if not grey.all():
            if 0 in unknown:  # the stand-ins put there just above are not values of the file
                zeros = int((grey & (colors[:, :, 0] == 0)).sum())
                unknown = {v: n for v, n in unknown.items() if v != 0} | (
                    {0: zeros} if zeros else {}
                )
            ids[~grey] = labels.ignore_index
            unknown |= count_colors(pack(colors)[~grey])
        return ids, unknown

    def _decode_numbers(
        self, values: NDArray[Any], labels: LabelMap, *, colors: bool
    ) -> tuple[NDArray[Any], dict[Value, int]]:
        decoded = np.empty(values.shape, labels.dtype)
        unknown: Counter[Value] = Counter()
        # rows at a time: on the way a pixel takes several times the memory it takes in the end
        step = max(1, _PIXELS_AT_ONCE // max(1, values.shape[-1]))
        for top in range(0, len(values), step):
            rows = values[top : top + step]
            ids = self._translate(rows, labels)
            outside = ids == _UNKNOWN
            if outside.any():
                strange = rows[outside]
                if colors:
                    unknown.update(count_colors(strange))
                else:
                    found, counts = np.unique(strange, return_counts=True)
                    unknown.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
                ids[outside] = labels.ignore_index
            decoded[top : top + step] = ids
        return decoded, dict(unknown)

    def _translate(self, values: NDArray[Any], labels: LabelMap) -> NDArray[np.int32]:
        if self.threshold is not None:
            ids = (values >= self.threshold).astype(np.int32)
            for value, id_ in self.map.items():
                if id_ is None and isinstance(value, int):
                    ids[values == value] = labels.ignore_index
            return ids
        pairs = sorted(
            (
                number if isinstance(number, int) else pack_color(number),
                labels.ignore_index if id_ is None else id_,
            )
            for number, id_ in self.map.items()
        )
        keys = np.array([key for key, _ in pairs], np.int64)
        targets = np.array([target for _, target in pairs], np.int32)
        if values.dtype in (np.uint8, np.uint16):
            size = np.iinfo(values.dtype).max + 1
            table = np.full(size, _UNKNOWN, np.int32)
            inside = (keys >= 0) & (keys < size)
            table[keys[inside]] = targets[inside]
            return np.asarray(table[values])
        if not len(keys):
            return np.full(values.shape, _UNKNOWN, np.int32)
        keys = keys.astype(values.dtype)
        at = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
        return np.where(keys[at] == values, targets[at], np.int32(_UNKNOWN))

    def ignoring(self, ids: set[int]) -> MaskEncoding:
        """The same files with these classes ignored and the other ids closed up."""
        kept = sorted({i for i in self.map.values() if i is not None} - ids)
        new = {old: at for at, old in enumerate(kept)}
        if self.threshold is not None:
            raise DataError(
                "a thresholded mask has two classes and none of them can be ignored",
                hint="ignore a value with dataset.yaml (masks: {map: ...}) instead",
            )
        return MaskEncoding(
            self.kind, {v: None if i is None else new.get(i) for v, i in self.map.items()}
        )

    def merging(self, table: Mapping[int, int]) -> MaskEncoding:
        """The same files with each class id replaced by `table`'s."""
        if self.threshold is not None:
            raise DataError(
                "a thresholded mask has two classes and none of them can be merged",
                hint="leave data.classes out",
            )
        return MaskEncoding(
            self.kind, {v: None if i is None else table[i] for v, i in self.map.items()}
        )

    def to_json(self) -> dict[str, object]:
        """JSON: colours as "#rrggbb", ignored values null."""
        table = {str(v) if isinstance(v, int) else show(v): i for v, i in self.map.items()}
        item: dict[str, object] = {"kind": self.kind, "map": table}
        if self.threshold is not None:
            item["threshold"] = self.threshold
        return item

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> MaskEncoding:
        """The inverse of `to_json`."""
        kind = item["kind"]
        if kind not in ("ids", "colors", "binary"):
            raise DataError(f"unknown mask encoding {kind!r}", expected="ids, colors or binary")
        table: dict[Value, int | None] = {
            parse_color(v) if v.startswith("#") else int(v): i for v, i in item["map"].items()
        }
        return cls(kind, table, item.get("threshold"))


def count_ids(ids: NDArray[np.unsignedinteger], length: int) -> NDArray[np.int64]:
    """(length,) pixels of each id below `length`; of a large mask part by part.

    NumPy's own count takes eight bytes a pixel on the way.

    >>> count_ids(np.array([[0, 2], [2, 1]], np.uint8), 3).tolist()
    [1, 1, 2]
    """
    flat = ids.reshape(-1)
    counts = np.zeros(length, np.int64)
    for start in range(0, flat.size, _PIXELS_AT_ONCE):
        counts += np.bincount(flat[start : start + _PIXELS_AT_ONCE], minlength=length)
    return counts


def show(value: Value) -> str:
    """A value as people write it.

    >>> show(7), show((128, 64, 0))
    ('7', '#804000')
    """
    return str(value) if isinstance(value, int) else "#{:02x}{:02x}{:02x}".format(*value)


def parse_color(text: str) -> Color:
    """The inverse of `show` for colours."""
    number = int(text.removeprefix("#"), 16)
    return (number >> 16 & 255, number >> 8 & 255, number & 255)


def pack_color(color: Color) -> int:
    """(r, g, b) as one number."""
    return color[0] << 16 | color[1] << 8 | color[2]


def pack(colors: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(..., 3) uint8 colours as (...) uint32 numbers."""
    wide = colors.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], np.uint32)


def unpack_color(number: int) -> Color:
    """The inverse of `pack_color`."""
    return (number >> 16 & 255, number >> 8 & 255, number & 255)


def count_colors(packed: NDArray[np.uint32]) -> dict[Value, int]:
    """Packed colours to {(r, g, b): pixels}."""
    found, counts = np.unique(packed, return_counts=True)
    return {unpack_color(v): n for v, n in zip(found.tolist(), counts.tolist(), strict=True)}


def _without_past_end(
    raw: RawMask, ids: NDArray[Any], unknown: dict[Value, int], labels: LabelMap
) -> tuple[NDArray[Any], dict[Value, int]]:
    """Indices past the end of a palette have no colour: they are unknown, by their number."""
    if raw.palette is None:
        return ids, unknown
    past = raw.values >= len(raw.palette)
    if not past.any():
        return ids, unknown
    # What the last colour, which stood in for them, was counted as does not hold for these.
    last: Value = unpack_color(int(pack(raw.palette[-1])))
    count = int(past.sum())
    if last in unknown:
        unknown = {v: n for v, n in unknown.items() if v != last} | (
            {last: unknown[last] - count} if unknown[last] > count else {}
        )
    found, counts = np.unique(raw.values[past], return_counts=True)
    ids[past] = labels.ignore_index
    return ids, unknown | dict(zip(found.tolist(), counts.tolist(), strict=True))


def _packed_colors(raw: RawMask) -> NDArray[np.uint32]:
    """The colours of a mask of any kind, packed; an id without a palette is a grey."""
    if raw.kind == "colors":
        return pack(raw.values)
    if raw.palette is not None:
        table = pack(raw.palette)
        at = np.minimum(raw.values, len(table) - 1)
        return cast(NDArray[np.uint32], table[at])
    grey = raw.values.astype(np.uint32)
    if raw.kind == "bit":
        grey = grey * np.uint32(255)
    return np.asarray(grey << 16 | grey << 8 | grey, np.uint32)
