"""Which pixels a finding is about."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset
from intarsia.datasets.encodings import MaskEncoding, pack, pack_color
from intarsia.doctor.examination import has_background, strays_of
from intarsia.doctor.inspection import SPECK
from intarsia.doctor.regions import MOST_PIXELS, regions
from intarsia.images import RawMask

_UNKNOWN = ("unknown-value", "unknown-color", "negative-value", "counted-from-one")


def unknown_pixels(data: Dataset, raw: RawMask) -> NDArray[np.bool_]:
    """(H, W) where a mask holds a value of no class, not even an ignored one."""
    encoding = data.encoding
    known = MaskEncoding(encoding.kind, dict.fromkeys(encoding.map, 0), encoding.threshold)
    return np.asarray(known.decode(raw, data.labels)[0] == data.labels.ignore_index)


def pixels_in_question(data: Dataset, code: str, raw: RawMask) -> NDArray[np.bool_] | None:
    """(H, W) the pixels of a mask that a finding of this code is about; None where it is all."""
    if code in _UNKNOWN:
        return unknown_pixels(data, raw)
    if code == "blurred-mask":
        return unknown_pixels(data, raw) | _strays(raw)
    if code in ("specks", "holes"):
        return _tiny(data, code, raw)
    return None


def _strays(raw: RawMask) -> NDArray[np.bool_]:
    _, strays = strays_of(raw)
    numbers: NDArray[Any] = pack(raw.values) if raw.kind == "colors" else raw.values
    packed = [pack_color(v) if isinstance(v, tuple) else v for v in strays]
    return np.asarray(np.isin(numbers, np.array(packed, numbers.dtype)))


def _tiny(data: Dataset, code: str, raw: RawMask) -> NDArray[np.bool_] | None:
    ids, _ = data.encoding.decode(raw, data.labels)
    if ids.size > MOST_PIXELS:
        return None
    values, areas, where = regions(ids)
    empty = values == data.labels.ignore_index
    if has_background(data):
        empty |= values == 0
    return np.asarray(((areas <= SPECK) & (empty if code == "holes" else ~empty))[where])
