"""Shapes to pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.drawings.areas import Cover, Size
from intarsia.datasets.drawings.sheet import Stroke


def rasterise(
    strokes: Sequence[Stroke], size: Size, values: Mapping[str, int], blank: int = 0
) -> tuple[NDArray[Any], int]:
    """(H, W) whole numbers, and how many pixels more than one object covers.

    Objects are painted in their order, each with the value of its label; later ones lie on top.
    What no object covers holds `blank`. uint8 where all values fit, else uint16.

    >>> from intarsia.datasets.drawings.areas import rectangle
    >>> strokes = [Stroke("a", (rectangle(0, 0, 2, 2),)), Stroke("b", (rectangle(1, 0, 3, 1),))]
    >>> mask, overlapping = rasterise(strokes, (2, 4), {"a": 1, "b": 2})
    >>> mask.tolist(), overlapping
    ([[1, 2, 2, 0], [1, 1, 0, 0]], 1)
    """
    top = max([blank, *values.values()])
    mask = np.full(size, blank, np.uint8 if top <= 255 else np.uint16)
    drawn, again = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    for stroke in strokes:
        cover = _together([c for area in stroke.areas if (c := area.cover(size)) is not None])
        if cover is None:
            continue
        height, width = cover.inside.shape
        box = np.s_[cover.top : cover.top + height, cover.left : cover.left + width]
        again[box] |= drawn[box] & cover.inside
        drawn[box] |= cover.inside
        mask[box][cover.inside] = values[stroke.label]
    return mask, int(again.sum())


def _together(covers: Sequence[Cover]) -> Cover | None:
    if len(covers) < 2:
        return covers[0] if covers else None
    top, left = min(c.top for c in covers), min(c.left for c in covers)
    bottom = max(c.top + c.inside.shape[0] for c in covers)
    right = max(c.left + c.inside.shape[1] for c in covers)
    inside = np.zeros((bottom - top, right - left), np.bool_)
    for cover in covers:
        height, width = cover.inside.shape
        y, x = cover.top - top, cover.left - left
        inside[y : y + height, x : x + width] |= cover.inside
    return Cover(top, left, inside)
