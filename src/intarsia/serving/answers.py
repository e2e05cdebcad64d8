"""Answers: the mask as a PNG, or everything about it as JSON."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field

from intarsia.draw import displayable, overlay
from intarsia.html import data_uri
from intarsia.images import mask_png
from intarsia.serving.work import Answer, Segmented

PNG = "image/png"
JSON = "application/json"
PREVIEW = 2048  # pixels of the longer side of an overlay: the mask is exact, this is to look at

Part = Literal["mask", "overlay", "confidence", "pixels"]
PARTS: tuple[Part, ...] = get_args(Part)


class ClassMeasurement(BaseModel):
    """One class in one image, as a row of measurements.csv."""

    model_config = {"populate_by_name": True}

    name: str = Field(alias="class")
    id: int = Field(description="its value in the mask")
    color: tuple[int, int, int]
    pixels: int
    share: float = Field(description="of all pixels, 0 to 1")
    regions: int = Field(description="connected, 8 neighbours")
    mean_confidence: float | None = Field(
        description="mean probability of the class where it was chosen"
    )


class Prediction(BaseModel):
    """What the model found in one image.

    `mask` is an index PNG with the classes as palette, `overlay` a JPEG with a longer side of at
    most 2048 pixels, `confidence_map` a grey PNG of round(255 x the probability of the class
    chosen), `pixels` a PNG for viewers: red + 256 x green is the class id, blue the confidence.
    `data:` links in an answer, paths of this service for a job; null where not asked for.
    """

    model: str
    width: int
    height: int
    shares: dict[str, float] = Field(description="of all pixels, by class")
    confidence: float = Field(description="mean probability of the class chosen, all pixels")
    measurements: list[ClassMeasurement]
    mask: str | None = None
    overlay: str | None = None
    confidence_map: str | None = None
    pixels: str | None = None
    seconds: dict[str, float] = Field(description="queue, decode, inference")


def part_named(word: str) -> Part | None:
    """The picture of this name; None where there is none."""
    return next((part for part in PARTS if part == word), None)


def png_answer(segmented: Segmented) -> Answer:
    """The index PNG alone."""
    return Answer(mask_png(segmented.mask, segmented.model.predictor.labels), PNG)


def json_answer(segmented: Segmented, parts: Sequence[Part]) -> Answer:
    """Figures, and these pictures as `data:` links."""
    links = {part: data_uri(*picture(segmented, part)) for part in parts}
    return Answer(prediction(segmented, links).model_dump_json(by_alias=True).encode(), JSON)


def prediction(segmented: Segmented, links: dict[Part, str]) -> Prediction:
    """The figures, with links to the pictures."""
    measured = segmented.tally.measurements(segmented.mask)
    height, width = segmented.mask.shape
    return Prediction(
        model=segmented.model.name,
        width=width,
        height=height,
        shares={row.name: row.share for row in measured},
        confidence=segmented.tally.mean_confidence,
        measurements=[
            ClassMeasurement(id=label.id, color=label.color, **vars(row))
            for label, row in zip(segmented.tally.labels.classes, measured, strict=True)
        ],
        mask=links.get("mask"),
        overlay=links.get("overlay"),
        confidence_map=links.get("confidence"),
        pixels=links.get("pixels"),
        seconds={name: round(spent, 4) for name, spent in segmented.seconds.items()},
    )


def picture(segmented: Segmented, part: Part) -> tuple[bytes, str]:
    """The bytes of one picture, and their media type."""
    if part == "mask":
        return mask_png(segmented.mask, segmented.model.predictor.labels), PNG
    buffer = io.BytesIO()
    if part == "confidence":
        # the lowest compression: noise hardly gets smaller, and half a second slower
        Image.fromarray(segmented.confidence).save(buffer, format="PNG", compress_level=1)
        return buffer.getvalue(), PNG
    if part == "pixels":
        low, high = segmented.mask & 255, segmented.mask >> 8
        planes = np.stack([low, high, segmented.confidence], axis=2).astype(np.uint8)
        Image.fromarray(planes).save(buffer, format="PNG", compress_level=1)
        return buffer.getvalue(), PNG
    image, mask = _reduced(segmented.image, segmented.mask)
    predictor = segmented.model.predictor
    shown = displayable(image, predictor.preprocessing.scaling)
    drawn = overlay(shown, mask, predictor.labels).convert("RGB")
    drawn.save(buffer, format="JPEG", quality=88)
    return buffer.getvalue(), "image/jpeg"


def _reduced(
    image: NDArray[Any], mask: NDArray[np.unsignedinteger]
) -> tuple[NDArray[Any], NDArray[np.unsignedinteger]]:
    """Image and mask with a longer side of at most `PREVIEW` pixels, by nearest neighbours."""
    height, width = mask.shape
    scale = PREVIEW / max(height, width)
    if scale >= 1:
        return image, mask
    rows = ((np.arange(max(1, round(height * scale))) + 0.5) / scale).astype(np.intp)
    columns = ((np.arange(max(1, round(width * scale))) + 0.5) / scale).astype(np.intp)
    at = np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))
    if image.dtype == np.uint8 and image.shape[2] in (1, 3):
        small = cv2.resize(image, (len(columns), len(rows)), interpolation=cv2.INTER_AREA)
        return small.reshape(len(rows), len(columns), -1), mask[at]
    return image[at], mask[at]
