"""One mask file to the values that it stores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intarsia.errors import ImageError
from intarsia.images.header import (
    exif_orientation,
    is_dicom,
    is_tiff,
    open_picture,
    png_depth,
    read_start,
    upright,
)
from intarsia.images.reading import choose_frame, native
from intarsia.images.tiff_window import Window, check_window

_GREY_STEP = {2: 85, 4: 17}  # Pillow spreads 2- and 4-bit grey over 0..255


RawKind = Literal["ids", "palette", "colors", "bit"]


@dataclass(frozen=True)
class RawMask:
    """The values of one mask file, not yet translated into class ids.

    `values` is (H, W) of whole numbers, or (H, W, 3) uint8 where `kind` is "colors". A palette's
    indices are never converted; its colours are in `palette` (N, 3) uint8. `format` is the file's
    ("PNG", "JPEG", ...): a JPEG cannot hold a mask without loss.
    """

    values: NDArray[Any]
    kind: RawKind
    palette: NDArray[np.uint8] | None
    format: str


def read_mask(path: str | os.PathLike[str], *, window: Window | None = None) -> RawMask:
    """Read a mask of 1, 8, 16 or 32 bits, with a palette, or of RGB or RGBA colours.

    `window` is that of `read_image`.

    Raises:
        ImageError: not an image, damaged, several images, or values that cannot be classes.
    """
    file = Path(path)
    start = read_start(file)
    if is_tiff(start):
        return _tiff_mask(file, window)
    if is_dicom(start):
        raise _not_a_mask(file, "a DICOM image")
    with open_picture(file, start) as picture:
        choose_frame(picture, None, file, start)
        orientation = exif_orientation(picture)
        name = "JPEG" if picture.format == "MPO" else str(picture.format)
        mode, depth = picture.mode, png_depth(start)
        values = np.asarray(picture)
        palette: NDArray[np.uint8] | None = None
        kind: RawKind = "ids"
        if mode == "1":
            kind, values = "bit", values.astype(np.uint8)
        elif mode in ("P", "PA"):
            kind, palette = "palette", _palette(picture)
            values = values if values.ndim == 2 else values[:, :, 0]
        elif mode in ("LA", "La"):
            values = values[:, :, 0]
        elif mode == "L" or mode == "I" or mode.startswith("I;"):
            values = native(values)
            if depth in _GREY_STEP and mode == "L":
                values = values // np.uint8(_GREY_STEP[depth])
        elif mode == "F":
            values = _whole(values, file)
        elif mode in ("RGB", "RGBA", "RGBX", "RGBa"):
            # Pillow keeps the high byte of 16-bit colours, which is the colour (128 is 0x8080).
            kind, values = "colors", values[:, :, :3]
        else:
            kind, values = "colors", np.asarray(picture.convert("RGB"))
        values = upright(values, orientation)
        if window is not None:
            check_window(file, window, *values.shape[:2])
            values = np.array(values[slice(*window[0]), slice(*window[1])])
        return RawMask(values, kind, palette, name)


def _palette(picture: Image.Image) -> NDArray[np.uint8] | None:
    flat = picture.getpalette("RGB")
    return None if flat is None else np.array(flat, np.uint8).reshape(-1, 3)


def _tiff_mask(path: Path, window: Window | None) -> RawMask:
    from intarsia.images.tiff import read_tiff

    pixels = read_tiff(path, None, window=window)
    values = native(pixels.values)
    channels = values.shape[2]
    if channels == 3 and values.dtype == np.uint8:
        return RawMask(values, "colors", None, "TIFF")
    if channels != 1:
        raise _not_a_mask(path, f"{channels} channels of {values.dtype}")
    flat = values[:, :, 0]
    if flat.dtype.kind == "b":
        # A fax-style file stores 1 for black; a mask's 1 is always the drawn (white) part.
        white = ~flat if pixels.photometric == "MINISWHITE" else flat
        return RawMask(white.astype(np.uint8), "bit", None, "TIFF")
    if flat.dtype.kind == "f":
        flat = _whole(flat, path)
    kind: Literal["ids", "palette"] = "ids" if pixels.palette is None else "palette"
    return RawMask(flat, kind, pixels.palette, "TIFF")


def _whole(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Whole numbers stored as floats are ids all the same; anything else is not a mask."""
    if not np.isfinite(values).all():
        raise _not_a_mask(path, "NaN or infinite values")
    if values.size and np.abs(values).max() > 2**31 - 1:
        raise _not_a_mask(path, f"values up to {np.abs(values).max():g}")
    whole = values.astype(np.int32)
    if not np.array_equal(whole, values):
        raise _not_a_mask(path, "fractions")
    return whole


def _not_a_mask(path: Path, what: str) -> ImageError:
    return ImageError(
        f"the mask holds {what}",
        kind="not-finite" if "NaN" in what else "not-a-mask",
        where=path,
        expected="class ids (8 or 16 bits, a palette), or RGB colours of 8 bits",
        hint="export the mask again as PNG",
    )
