"""How many channels the images have and how their values become 0..1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.sample import Sample
from intarsia.errors import DataError, ImageError
from intarsia.file_cache import FileCache, Question, answers
from intarsia.images import ImageHeader, Scaling, read_header
from intarsia.images.pixels import read_stack

_MOST_HEADERS = 2000
_MOST_IMAGES = 32
_TWELVE_BITS = 4095
_FACTS = "1"  # raised when a header comes to hold something else


@dataclass(frozen=True)
class Channels:
    """The channel count C that images are read with, their scale, and what to say about it."""

    count: int
    scaling: Scaling
    notes: tuple[str, ...]


def infer_channels(
    samples: Sequence[Sample], page: int | None = None, cache: FileCache | None = None
) -> Channels:
    """Channels and scale from the headers; images that cannot be read are left to the check.

    `cache` spares the headers that it knows.

    Raises:
        DataError: no image can be read.
    """
    headers, first_fault = _headers(_spread(samples, _MOST_HEADERS), cache)
    if not headers:
        raise first_fault or DataError("there is no image")
    notes = []
    dtypes = Counter(header.dtype for _, header in headers)
    usual = dtypes.most_common(1)[0][0]
    if len(dtypes) > 1:
        examples = {h.dtype: s.image.name for s, h in reversed(headers)}
        shown = ", ".join(f"{n} of {d} such as {examples[d]}" for d, n in dtypes.most_common())
        notes.append(f"the images have different depths ({shown}): {usual} is taken for all")
    counts = Counter(3 if h.channels == 1 else h.channels for _, h in headers)
    count = counts.most_common(1)[0][0]
    grey = sum(h.channels == 1 for _, h in headers)
    if grey and count == 3:
        all_or_some = "the images are" if grey == len(headers) else f"{grey} of the images are"
        notes.append(f"{all_or_some} grey: read as three equal channels")
    elif count != 3:
        notes.append(f"the images have {count} channels")
    strange = {sample.name for sample, header in headers if header.dtype != usual}
    alike = [sample for sample in samples if sample.name not in strange]
    scaling = infer_scaling(alike, usual, page)
    if any(header.format == "DICOM" for _, header in headers):
        notes.append(
            "the images are DICOM: their values are in the units of RescaleSlope and "
            "RescaleIntercept (Hounsfield for CT); say which count in dataset.yaml "
            "(image: {scale: {window: {center: 40, width: 400}}})"
        )
    if scaling.rule != "8 bit":
        notes.append(
            f"pixel values from {scaling.low:g} to {scaling.high:g} become 0 to 1 ({scaling.rule})"
        )
    return Channels(count, scaling, tuple(notes))


def infer_scaling(samples: Sequence[Sample], dtype: str, page: int | None) -> Scaling:
    """The scale of a data set of one depth; deep images are sampled, train first."""
    if dtype == "uint8":
        return Scaling(0, 255, "8 bit")
    ranges = [(image.min(), image.max()) for image in sampled_images(samples, page)]
    if dtype == "uint16":
        top = max((int(high) for _, high in ranges), default=0)
        if top <= _TWELVE_BITS:
            rule = f"12 bit: no value in {len(ranges)} sampled images is above {top}"
            return Scaling(0, _TWELVE_BITS, rule)
        return Scaling(0, 65535, f"16 bit: values up to {top} in {len(ranges)} sampled images")
    if not ranges:
        raise DataError(f"no image of type {dtype} can be read, so its range is unknown")
    low = float(min(low for low, _ in ranges))
    high = float(max(high for _, high in ranges))
    rule = f"lowest and highest value in {len(ranges)} sampled images of {dtype}"
    return Scaling(low, high if high > low else low + 1, rule)


def sampled_images(samples: Sequence[Sample], page: int | None) -> Iterator[NDArray[Any]]:
    """Up to 32 images spread evenly over train, or over all where nothing is called train.

    One at a time: of large images 32 would not fit into memory.
    """
    train = [s for s in samples if s.split == "train"] or list(samples)
    for sample in _spread(train, _MOST_IMAGES):
        try:
            yield read_stack(sample.image_files, page=page)
        except DataError:
            continue  # the check reads every image and reports this one


def percentile_scaling(images: Iterable[NDArray[Any]], low: float, high: float) -> Scaling:
    """From the `low`th to the `high`th percentile of the values of some images."""
    return _between([_thinned(image) for image in images], low, high)


def _thinned(values: NDArray[Any]) -> NDArray[Any]:
    """About a hundred thousand of the values, copied so that the image can go."""
    return np.array(values.reshape(-1)[:: max(1, values.size // 100_000)])


def _between(values: Sequence[NDArray[Any]], low: float, high: float) -> Scaling:
    if not values:
        raise DataError("no image can be read, so its percentiles are unknown")
    bottom, top = np.percentile(np.concatenate(values), [low, high])
    rule = f"percentiles {low:g} to {high:g} of {len(values)} sampled images"
    return Scaling(float(bottom), float(top) if top > bottom else float(bottom) + 1, rule)


def channel_percentile_scaling(
    images: Iterable[NDArray[Any]], low: float, high: float, channels: int
) -> Scaling:
    """`percentile_scaling` for every channel by itself; grey stands for all of them."""
    values: list[list[NDArray[Any]]] = [[] for _ in range(channels)]
    for image in images:
        if image.shape[2] in (1, channels):
            for c, some in enumerate(values):
                some.append(_thinned(image[:, :, min(c, image.shape[2] - 1)]))
    each = [_between(some, low, high) for some in values]
    return Scaling.by_channel([(s.low, s.high) for s in each], f"{each[0].rule}, by channel")


def _headers(
    samples: Sequence[Sample], cache: FileCache | None
) -> tuple[list[tuple[Sample, ImageHeader]], ImageError | None]:
    questions = (
        Question(file, "header", _FACTS, partial(_header_answer, file))
        for sample in samples
        for file in sample.image_files
    )
    found = answers(questions, cache)
    headers: list[tuple[Sample, ImageHeader]] = []
    fault: ImageError | None = None
    for sample in samples:
        parts = [(file, next(found)) for file in sample.image_files]
        faults = [(file, part["fault"]) for file, part in parts if "fault" in part]
        if faults:
            fault = fault or ImageError.from_json(faults[0][1], where=faults[0][0])
            continue
        header, *more = (ImageHeader(**part) for _, part in parts)
        channels = header.channels + sum(part.channels for part in more)
        headers.append((sample, replace(header, channels=channels)))
    return headers, fault


def _header_answer(file: Path) -> dict[str, Any]:
    try:
        return asdict(read_header(file))
    except ImageError as error:
        return {"fault": error.to_json()}


def _spread(samples: Sequence[Sample], most: int) -> Sequence[Sample]:
    """At most `most` samples, evenly spaced."""
    if len(samples) <= most:
        return samples
    return [samples[i * len(samples) // most] for i in range(most)]
