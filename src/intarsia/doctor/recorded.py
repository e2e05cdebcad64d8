"""Facts from the plain JSON that the cache keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from intarsia.doctor.inspection import SIDES, ImageFacts, MaskFacts, Objects
from intarsia.errors import ImageError
from intarsia.images import Capture
from intarsia.labels import Color


def image_facts(item: dict[str, Any], path: object) -> ImageFacts | ImageError:
    """The facts of one image, or its fault."""
    if "fault" in item:
        return ImageError.from_json(item["fault"], where=path)
    return ImageFacts(
        size=(item["size"][0], item["size"][1]),
        dtype=item["dtype"],
        blank=item["blank"],
        fingerprint=bytes.fromhex(item["fingerprint"]),
        pixels=bytes.fromhex(item["thumbnail"]),
        look=None if item["look"] is None else bytes.fromhex(item["look"]),
        capture=_capture(item["time"], item["place"]),
        low=item["low"],
        high=item["high"],
        mean=tuple(item["mean"]),
        deviation=tuple(item["deviation"]),
        mode=item["mode"],
        orientation=item["orientation"],
    )


def mask_facts(
    item: dict[str, Any], path: object, classes: int, shared: dict[object, Any]
) -> MaskFacts | ImageError:
    """The facts of one mask of `classes` classes, or its fault; equal parts come from `shared`."""
    if "fault" in item:
        return ImageError.from_json(item["fault"], where=path)
    palette = tuple((index, _color(color)) for index, color in item["palette"])
    rows = np.array(item["objects"]["rows"], np.int32).reshape(-1, 3 + len(SIDES) + 1)
    return MaskFacts(
        size=(item["size"][0], item["size"][1]),
        format=item["format"],
        kind=item["kind"],
        dtype=item["dtype"],
        lossy=item["lossy"],
        distinct=item["distinct"],
        counts=np.array(item["counts"][:classes], np.int64),
        ignored=item["ignored"],
        unknown={v if isinstance(v, int) else _color(v): n for v, n in item["unknown"]},
        unknown_values=item["unknown_values"],
        unknown_pixels=item["unknown_pixels"],
        strays=tuple(v if isinstance(v, int) else _color(v) for v in item["strays"]),
        palette=shared.setdefault(palette, palette),
        objects=Objects(rows[:, 0], rows[:, 1], rows[:, 3:], rows[:, 2], item["objects"]["holes"]),
        fingerprint=bytes.fromhex(item["fingerprint"]),
    )


def _capture(time: str | None, place: Sequence[float] | None) -> Capture:
    return Capture(
        None if time is None else datetime.fromisoformat(time),
        None if place is None else (place[0], place[1]),
    )


def _color(values: Sequence[int]) -> Color:
    red, green, blue = values
    return (red, green, blue)
