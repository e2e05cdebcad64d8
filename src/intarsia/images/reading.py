"""One image file to an array, whatever its format and depth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intarsia.errors import ImageError
from intarsia.images.header import (
    check_page,
    exif_orientation,
    is_dicom,
    is_tiff,
    open_picture,
    picture_header,
    png_depth,
    read_start,
    upright,
)
from intarsia.images.tiff_window import Window, check_window


def read_image(
    path: str | os.PathLike[str],
    *,
    page: int | None = None,
    alpha: bool = False,
    window: Window | None = None,
) -> NDArray[Any]:
    """(H, W, C) in the file's own depth: uint8, uint16, float32, ...

    The EXIF orientation is applied; palettes and CMYK become RGB, alpha is dropped, 1 bit becomes
    0 and 255, grey has C = 1. A TIFF may have any number of channels. Grey DICOM is float32 in the
    units of its RescaleSlope and RescaleIntercept.

    Args:
        page: which image of a file that holds several, counted from 0.
        alpha: keep an alpha channel as one more channel (GDAL marks a fourth band so).
        window: ((top, bottom), (left, right)) of the upright image, inside it; nothing else is
            returned. Of a TIFF only the strips or tiles it touches are decoded (`has_windows`).

    Raises:
        ImageError: not an image, damaged, cut short, too large, NaN or infinite values, several
            images and no `page`, or a window outside the image.
    """
    file = Path(path)
    start = read_start(file)
    if is_tiff(start):
        array = _tiff_image(file, page, alpha, window)
        window = None
    elif is_dicom(start):
        from intarsia.images.dicom import read_dicom

        array = read_dicom(file, page)
    else:
        with open_picture(file, start) as picture:
            choose_frame(picture, page, file, start)
            orientation = exif_orientation(picture)
            if png_depth(start) == 16 and picture.mode in ("RGB", "RGBA", "LA"):
                array = _deep_png(picture, file, alpha)
            else:
                array = _picture_array(picture, alpha)
            array = upright(array, orientation)
    if window is not None:
        check_window(file, window, *array.shape[:2])
        array = np.array(array[slice(*window[0]), slice(*window[1])])
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int(array.size - np.isfinite(array).sum())
        raise ImageError(
            f"{count} values are NaN or infinite",
            kind="not-finite",
            where=file,
            expected="finite numbers",
            hint="replace them, or leave the file out",
        )
    if array.dtype.kind not in "uif":
        raise ImageError(f"values of type {array.dtype} are not an image", where=file)
    return array


def has_windows(path: str | os.PathLike[str], *, page: int | None = None) -> bool:
    """True where `read_image` decodes little more than the window that is asked for.

    So it is for a TIFF of tiles or strips of at most 16 MiB, or without compression.

    Raises:
        ImageError: as `read_image`.
    """
    file = Path(path)
    if not is_tiff(read_start(file)):
        return False
    from intarsia.images.tiff import tiff_has_windows

    return tiff_has_windows(file, page)


def choose_frame(picture: Image.Image, page: int | None, path: Path, start: bytes) -> None:
    """Go to the frame asked for.

    Raises:
        ImageError: several frames and none chosen, or no such frame.
    """
    check_page(path, picture_header(picture, start).frames, page)
    if page:
        picture.seek(page)


def _picture_array(picture: Image.Image, alpha: bool) -> NDArray[Any]:
    mode = picture.mode
    if mode == "1":
        return np.asarray(picture, np.uint8)[:, :, np.newaxis] * np.uint8(255)
    if mode == "L" or mode == "F" or mode.startswith("I;"):
        return native(np.asarray(picture))[:, :, np.newaxis]
    if mode == "I":
        deep = np.asarray(picture)
        return deep[:, :, np.newaxis].astype(np.uint16 if picture.format == "PPM" else np.int32)
    if mode in ("LA", "La"):
        return np.asarray(picture)[:, :, : 2 if alpha else 1]
    if mode in ("P", "PA"):
        # By way of RGBA: Pillow warns where a palette's transparency would be lost.
        return np.asarray(picture.convert("RGBA"))[:, :, :3]
    if mode == "RGBX":
        return np.asarray(picture)[:, :, :3]
    if mode in ("RGBA", "RGBa"):
        return np.asarray(picture)[:, :, : 4 if alpha else 3]
    return np.asarray(picture if mode == "RGB" else picture.convert("RGB"))


def native(array: NDArray[Any]) -> NDArray[Any]:
    """The same values in this machine's byte order."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _deep_png(picture: Image.Image, path: Path, alpha: bool) -> NDArray[Any]:
    """A PNG of 16 bits and several channels, which Pillow would cut to 8 bits."""
    import cv2

    mode = picture.mode
    picture.load()  # OpenCV would fill a file that is cut short with zeros
    decoded = cv2.imdecode(
        np.frombuffer(path.read_bytes(), np.uint8),
        cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION,
    )
    if decoded is None or decoded.dtype != np.uint16:
        raise ImageError("the 16-bit PNG cannot be decoded", where=path)
    if mode == "LA":
        return np.asarray(decoded[:, :, [0, 3] if alpha else [0]])
    order = [2, 1, 0, 3] if alpha and decoded.shape[2] == 4 else [2, 1, 0]
    return np.asarray(decoded[:, :, order])


def _tiff_image(path: Path, page: int | None, alpha: bool, window: Window | None) -> NDArray[Any]:
    from intarsia.images.tiff import read_tiff

    pixels = read_tiff(path, page, alpha=alpha, window=window)
    values = native(pixels.values)
    if values.dtype.kind == "b":
        values = values.astype(np.uint8) * np.uint8(255)
    if pixels.palette is not None:
        return np.asarray(pixels.palette[values[:, :, 0]])
    if pixels.photometric == "MINISWHITE" and values.dtype.kind == "u":
        values = np.iinfo(values.dtype).max - values
    if pixels.photometric == "SEPARATED" and values.shape[2] == 4 and values.dtype.kind == "u":
        top = np.iinfo(values.dtype).max
        ink = 1 - values.astype(np.float32) / top
        values = np.rint(ink[:, :, :3] * ink[:, :, 3:] * top).astype(values.dtype)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    return values
