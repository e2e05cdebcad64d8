"""From files to facts: each decoded once in full, or remembered from an earlier check."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset, Drawing, Sample
from intarsia.datasets.encodings import Value, count_ids, pack, unpack_color
from intarsia.datasets.formats.masks import DRAWN, read_mask, source_of
from intarsia.datasets.perceptual import perceptual_hash, thumbnail
from intarsia.datasets.scan import count_values
from intarsia.doctor.inspection import (
    SIDES,
    SMALLEST_OBJECT,
    SPECK,
    Inspection,
    MaskFacts,
)
from intarsia.doctor.recorded import image_facts, mask_facts
from intarsia.doctor.regions import MOST_PIXELS, regions
from intarsia.errors import DataError, ImageError
from intarsia.file_cache import FileCache, Question, answers
from intarsia.images import Capture, RawMask, read_capture, read_header

_FACTS = 2  # raised when the facts come to hold something else
_STRAY_SHARE = 0.005  # a smoothed border gives each value in between very few pixels
_FEWEST_STRAYS = 3
_MOST_UNKNOWN = 32
_MOST_STRAYS = 256


def examine(data: Dataset, cache: FileCache | None = None) -> Iterator[Inspection]:
    """Every sample, in order, on all cores, with few results waiting. No bad file raises."""
    found = answers(_questions(data), cache)
    shared: dict[object, Any] = {}  # equal palettes and sizes of many masks are kept once
    for sample in data.samples:
        image = image_facts(next(found), sample.image)
        mask = None
        if sample.mask is not None:
            mask = mask_facts(next(found), sample.mask, len(data.labels), shared)
            if isinstance(mask, MaskFacts) and sample.name in data.ignored_masks:
                mask = None  # it does not count, as dataset.yaml says
        yield Inspection(sample, image, mask)


def _questions(data: Dataset) -> Iterator[Question]:
    image_settings = _digest([data.channels, list(data.channel_names), data.page])
    mask_settings = _digest([data.encoding.to_json(), len(data.labels), has_background(data)])
    for sample in data.samples:
        work = partial(_image_answer, data, sample)
        yield Question(sample.image, "image", image_settings, work, sample.more_channels)
        if sample.mask is not None:
            mask = sample.mask
            file = mask if isinstance(mask, Path) else None
            yield Question(file, "mask", mask_settings, partial(_mask_answer, data, mask))


def _digest(settings: object) -> str:
    text = json.dumps([_FACTS, settings], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def has_background(data: Dataset) -> bool:
    """The first class is 0 or black, and it is one of two or is called background."""
    first = {v for v, id_ in data.encoding.map.items() if id_ == 0}
    name = data.labels.names[0].lower()
    called = name in ("background", "class 0", "_background_")
    return bool(first & {0, (0, 0, 0)}) and (len(data.labels) == 2 or called)


def _image_answer(data: Dataset, sample: Sample) -> dict[str, Any]:
    try:
        image = data.read_image(sample)
    except ImageError as fault:
        return {"fault": fault.to_json()}
    mode, orientation, capture = _stored(sample.image)
    solid = np.ascontiguousarray(image)
    digest = hashlib.blake2b(f"{solid.shape} {solid.dtype}".encode(), digest_size=16)
    digest.update(solid.data)
    blank = bool((solid == solid[:1, :1]).all()) if (solid[0] == solid[0, 0]).all() else False
    few = np.ascontiguousarray(solid[:, :, :3])
    if few.dtype not in (np.uint8, np.uint16, np.int16, np.int32, np.float32):
        few = few.astype(np.float64)
    mean, deviation = cv2.meanStdDev(few)
    return {
        "size": [int(image.shape[0]), int(image.shape[1])],
        "dtype": str(image.dtype),
        "blank": blank,
        "fingerprint": digest.hexdigest(),
        "thumbnail": thumbnail(solid).tobytes().hex(),
        "look": None if (look := perceptual_hash(solid)) is None else look.hex(),
        "time": None if capture.time is None else capture.time.isoformat(),
        "place": capture.place,
        "low": float(solid.min()),
        "high": float(solid.max()),
        "mean": [float(v) for v in mean.ravel()],
        "deviation": [float(v) for v in deviation.ravel()],
        "mode": mode,
        "orientation": orientation,
    }


def _stored(path: Path) -> tuple[str, int, Capture]:
    """The file's own mode and EXIF orientation, and when and where it was taken."""
    try:
        header = read_header(path)
        return header.mode, header.orientation, read_capture(path)
    except ImageError:  # a format without either, such as DICOM
        return "", 1, Capture()


def _mask_answer(data: Dataset, mask: Path | Drawing) -> dict[str, Any]:
    try:
        raw = read_mask(mask)
    except ImageError as fault:
        return {"fault": fault.to_json()}
    except DataError as fault:
        return {"fault": ImageError(fault.what, kind="not-a-mask", hint=fault.hint).to_json()}
    ids, unknown = data.encoding.decode(raw, data.labels)
    counts = count_ids(ids, data.labels.ignore_index + 1)
    strange = sum(unknown.values())
    distinct, strays = strays_of(raw)
    return {
        "size": [int(ids.shape[0]), int(ids.shape[1])],
        "format": raw.format,
        "kind": raw.kind,
        "dtype": str(raw.values.dtype),
        "lossy": raw.format in ("JPEG", "AVIF")
        or (raw.format == "WEBP" and _lossy_webp(source_of(mask))),
        "distinct": distinct,
        "counts": counts[: len(data.labels)].tolist(),
        "ignored": int(counts[data.labels.ignore_index]) - strange,
        "unknown": sorted(unknown.items(), key=lambda item: -item[1])[:_MOST_UNKNOWN],
        "unknown_values": len(unknown),
        "unknown_pixels": strange,
        "strays": list(strays[:_MOST_STRAYS]),
        "palette": _used_palette(raw),
        "objects": _objects(data, ids),
        "fingerprint": hashlib.blake2b(ids.tobytes(), digest_size=8).hexdigest(),
    }


def _lossy_webp(path: Path) -> bool:
    """True unless the file holds a lossless stream; profiles of any length may stand before it."""
    with path.open("rb") as file:
        place = file.seek(12)
        while len(head := file.read(8)) == 8:
            if head[:4] in (b"VP8L", b"VP8 "):
                return head[:4] == b"VP8 "
            size = int.from_bytes(head[4:], "little")
            # a frame of an animation holds chunks of its own behind 16 bytes
            place += 8 + (16 if head[:4] == b"ANMF" else size + size % 2)
            file.seek(place)
    return True


def _used_palette(raw: RawMask) -> list[list[Any]]:
    if raw.palette is None:
        return []
    used = np.unique(raw.values)
    known = [int(index) for index in used if index < len(raw.palette)]
    return [[index, raw.palette[index].tolist()] for index in known]


def _objects(data: Dataset, ids: NDArray[Any]) -> dict[str, Any]:
    step = int(np.ceil(np.sqrt(ids.size / MOST_PIXELS))) if ids.size > MOST_PIXELS else 1
    values, areas, _ = regions(ids[::step, ::step])
    areas = areas * step**2
    void = data.labels.ignore_index
    tiny = areas <= SPECK
    empty = values == void
    if has_background(data):
        empty |= values == 0
    rows = []
    longest = max(ids.shape)
    scales = [min(1.0, side / longest) for side in SIDES] + [1.0]
    for value in np.unique(values[values != void]).tolist():
        mine = values == value
        real = areas[mine & ~tiny]
        under = [int((real * scale**2 < SMALLEST_OBJECT**2).sum()) for scale in scales]
        specks = 0 if has_background(data) and value == 0 else int((mine & tiny).sum())
        rows.append([value, len(real), specks, *under])
    return {"rows": rows, "holes": int((tiny & empty).sum())}


def strays_of(raw: RawMask) -> tuple[int, tuple[Value, ...]]:
    """How many values a mask has, and those that only smoothing can have made."""
    colors = raw.kind == "colors"
    numbers = pack(raw.values) if colors else raw.values
    values, pixels = count_values(numbers)
    distinct = len(values)
    if raw.format == DRAWN:  # what is painted here has no smooth borders
        return distinct, ()
    if distinct < _FEWEST_STRAYS + 2 or distinct > np.iinfo(np.uint16).max:
        return distinct, ()
    index = np.searchsorted(values, numbers).astype(np.uint16)
    window = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(index, window), cv2.dilate(index, window)
    inside = np.bincount(index[low == high], minlength=distinct)
    suspect = (inside == 0) & (pixels < _STRAY_SHARE * numbers.size)
    if not colors:  # smoothing makes values between those of the two sides
        between = np.bincount(index[(low < index) & (index < high)], minlength=distinct)
        suspect &= between >= 0.5 * pixels
    found = values[suspect].tolist()
    if len(found) < max(_FEWEST_STRAYS, distinct / 2):
        return distinct, ()
    return distinct, tuple(unpack_color(v) if colors else v for v in found)
