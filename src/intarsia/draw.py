"""Pictures of masks: overlay, contour, error map, legend. One fixed colour a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from intarsia.errors import DataError
from intarsia.images import Scaling, read_image
from intarsia.labels import IGNORED_COLOR, Color, LabelMap

RIGHT_COLOR: Color = (226, 226, 226)
BORDER_COLOR: Color = (176, 176, 176)  # between two classes of the truth, where it is right
WRONG_COLOR: Color = (204, 22, 34)

_VALUES_AT_ONCE = 4_000_000  # a large image must not become several of floats

Mask = NDArray[np.integer[Any]]


def displayable(image: NDArray[Any], scaling: Scaling | None = None) -> NDArray[np.uint8]:
    """(H, W) or (H, W, C) of any dtype to (H, W, 3) uint8 that a screen can show.

    Without `scaling`, uint8 is shown as it is and any other dtype from its smallest to its
    largest value. One or two channels are shown as grey (the first), more than three as the
    first three.

    >>> displayable(np.array([[0, 4095]], np.uint16)).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    pixels = image[:, :, None] if image.ndim == 2 else image
    pixels = pixels[:, :, :3] if pixels.shape[2] >= 3 else pixels[:, :, :1]
    if scaling is not None:
        shown: NDArray[np.uint8] = np.empty(pixels.shape, np.uint8)
        step = max(1, _VALUES_AT_ONCE // max(1, pixels[:1].size))
        for first in range(0, len(pixels), step):
            some = slice(first, first + step)
            shown[some] = np.asarray(scaling.apply(pixels[some]) * 255).round()
    elif pixels.dtype == np.uint8:
        shown = np.asarray(pixels, np.uint8)
    else:
        low, high = float(pixels.min()), float(pixels.max())
        stretched = (pixels.astype(np.float64) - low) / ((high - low) or 1.0)
        shown = np.asarray(stretched * 255).round().astype(np.uint8)
    return np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else np.ascontiguousarray(shown)


def overlay(
    image: str | Path | NDArray[Any], mask: Mask, labels: LabelMap, opacity: float = 0.5
) -> Image.Image:
    """The image with its classes laid over it in their colours; ignored pixels stay bare.

    `image` is a file or an (H, W, C) array, `mask` (H, W) ids, `opacity` from 0 to 1. Where two
    classes meet, a line in the full colour parts them.

    Raises DataError when sizes differ, ids are outside the classes or `opacity` is outside 0 to 1.

    >>> grey = np.full((2, 2, 3), 100, np.uint8)
    >>> mask = np.array([[0, 0], [0, 255]])
    >>> overlay(grey, mask, LabelMap.of(["sky"], [(200, 0, 0)])).getpixel((0, 0))
    (150, 50, 50)
    """
    if not 0 <= opacity <= 1:
        raise DataError(f"opacity is {opacity}", expected="a number from 0 to 1")
    picture = _picture(image)
    _fit(mask, labels, picture.shape[:2])
    counted = mask != labels.ignore_index
    colors = labels.colorize(mask)
    blended = cv2.addWeighted(picture, 1 - opacity, colors, opacity, 0)
    result = np.where(counted[:, :, None], blended, picture)
    if opacity > 0:
        edge = _borders(mask, _line_width(mask)) & counted
        result[edge] = colors[edge]
    return Image.fromarray(result)


def contour(image: str | Path | NDArray[Any], mask: Mask, labels: LabelMap) -> Image.Image:
    """The image with a line in its colour along the inside of every region.

    Raises DataError as `overlay` does.

    >>> contour(np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), int), LabelMap.of(["sky"])).size
    (6, 4)
    """
    picture = _picture(image)
    _fit(mask, labels, picture.shape[:2])
    width = _line_width(mask)
    lines = _borders(mask, width) & (mask != labels.ignore_index)
    halo = cv2.dilate(lines.astype(np.uint8), np.ones((2 * width + 1,) * 2, np.uint8)) > 0
    result = picture.copy()
    result[halo] //= 2  # a dark rim, so that a bright line shows on a bright image
    result[lines] = labels.colorize(mask)[lines]
    return Image.fromarray(result)


def error_map(truth: Mask, prediction: Mask, labels: LabelMap) -> Image.Image:
    """Where a prediction is right (light grey), wrong (red) or not counted (black).

    Darker grey lines show the borders of the true classes. Pixels that are ignored in `truth`
    do not count.

    Raises DataError when sizes differ or ids are outside the classes.

    >>> picture = error_map(np.array([[0, 0, 255]]), np.array([[0, 1, 1]]), LabelMap.of("ab"))
    >>> picture.getpixel((1, 0)) == WRONG_COLOR, picture.getpixel((2, 0)) == (0, 0, 0)
    (True, True)
    """
    _fit(truth, labels, truth.shape)
    _fit(prediction, labels, truth.shape)
    result = np.empty((*truth.shape, 3), np.uint8)
    result[:] = RIGHT_COLOR
    result[_borders(truth, 1)] = BORDER_COLOR
    result[truth != prediction] = WRONG_COLOR
    result[truth == labels.ignore_index] = IGNORED_COLOR
    return Image.fromarray(result)


def legend(
    labels: LabelMap, *, width: int = 640, text_size: int = 18, ignored: bool = True
) -> Image.Image:
    """A patch of colour and a name for every class, in rows of at most `width` pixels.

    `ignored` adds a patch for pixels that do not count. A name longer than a row is cut.

    >>> legend(LabelMap.of(["sky", "road"])).width
    640
    """
    entries = [(c.name, c.color) for c in labels.classes]
    if ignored:
        entries.append(("ignored", IGNORED_COLOR))
    font = ImageFont.load_default(text_size)
    patch, gap = round(text_size * 1.1), round(text_size * 0.5)
    row_height = round(text_size * 1.7)
    room = max(width - 3 * gap - patch, text_size)
    placed: list[tuple[int, int, str, Color]] = []
    x, y = gap, gap
    for name, color in entries:
        text = _cut(name, font, room)
        needed = patch + gap + round(font.getlength(text))
        if x > gap and x + needed > width - gap:
            x, y = gap, y + row_height
        placed.append((x, y, text, color))
        x += needed + 2 * gap
    canvas = Image.new("RGB", (width, y + row_height + gap // 2), "white")
    pen = ImageDraw.Draw(canvas)
    for x, y, text, color in placed:
        pen.rectangle((x, y, x + patch, y + patch), fill=color, outline=(90, 90, 90))
        pen.text((x + patch + gap, y + patch / 2), text, fill=(20, 20, 20), font=font, anchor="lm")
    return canvas


def _cut(name: str, font: Any, room: float) -> str:
    text = " ".join(name.split())  # a line break cannot be drawn in one row
    while len(text) > 1 and font.getlength(text) > room:
        text = text.rstrip("…")[:-1] + "…"
    return text


def _picture(image: str | Path | NDArray[Any]) -> NDArray[np.uint8]:
    return displayable(read_image(Path(image)) if isinstance(image, str | Path) else image)


def _fit(mask: Mask, labels: LabelMap, size: tuple[int, ...]) -> None:
    if mask.shape != tuple(size):
        raise DataError(
            f"a mask of {' x '.join(map(str, mask.shape))} on a picture of "
            f"{' x '.join(map(str, size))}",
            expected="the same height and width",
        )
    outside = (mask != labels.ignore_index) & ((mask < 0) | (mask >= len(labels)))
    if outside.any():
        ids = np.unique(mask[outside])[:10]
        raise DataError(
            f"the mask holds ids without a class: {', '.join(map(str, ids))}",
            expected=f"0 to {len(labels) - 1}, or {labels.ignore_index} for ignored pixels",
        )


def _line_width(mask: Mask) -> int:
    """Of about 1/300 of the shorter side."""
    return max(1, int(min(mask.shape)) // 300)


def _borders(mask: Mask, width: int) -> NDArray[np.bool_]:
    """Pixels with another id at most `width` pixels away; the image's edge is none."""
    ids = mask.astype(np.uint16)
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (2 * width + 1, 2 * width + 1))
    return np.asarray(cv2.dilate(ids, kernel) != cv2.erode(ids, kernel), np.bool_)
