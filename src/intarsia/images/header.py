"""What a file says about itself before its pixels are decoded."""

from __future__ import annotations

import errno
import os
import stat
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from intarsia.errors import ImageError

MAX_PIXELS: int = 400_000_000

# Closed on purpose: Pillow would also start Ghostscript for an EPS named .jpg. Importing a plugin
# is what registers it.
_READERS = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    GifImagePlugin.GifImageFile,
    BmpImagePlugin.BmpImageFile,
    PpmImagePlugin.PpmImageFile,
    WebPImagePlugin.WebPImageFile,
    Jpeg2KImagePlugin.Jpeg2KImageFile,
    AvifImagePlugin.AvifImageFile,
)
_FORMATS = [reader.format for reader in _READERS]
# What damaged files make Pillow's and tifffile's parsers raise.
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    struct.error,
    zlib.error,
    RuntimeError,
    MemoryError,
    ArithmeticError,
    AttributeError,
    AssertionError,
)
_DTYPES = {"I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "I": "int32", "F": "float32"}
_ORIENTATION_TAG = 274
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"8BPS", "a Photoshop file"),
    (b"%!PS", "a PostScript file"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML or SVG file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"SIMPLE  =", "a FITS file"),
)
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")


@dataclass(frozen=True)
class ImageHeader:
    """Size, depth and form of one image file.

    `width` and `height` are those after the EXIF orientation is applied, `channels` and `dtype`
    those that `read_image` returns; `mode` is the file's own, `orientation` 1 to 8.
    """

    width: int
    height: int
    channels: int
    dtype: str
    mode: str
    format: str
    frames: int
    orientation: int


def read_header(path: str | os.PathLike[str], *, page: int | None = None) -> ImageHeader:
    """The header of one image file; no pixel is decoded.

    Args:
        page: that of `read_image`, None for the first; the pages of a TIFF may differ in size.

    Raises:
        ImageError: not a regular file, empty, not an image, no such page in a TIFF, or more than
            `MAX_PIXELS` pixels.
    """
    file = Path(path)
    start = read_start(file)
    if is_tiff(start):
        from intarsia.images.tiff import read_tiff_header

        return read_tiff_header(file, page)
    if is_dicom(start):
        from intarsia.images.dicom import read_dicom_header

        return read_dicom_header(file)
    with open_picture(file, start) as picture:
        return picture_header(picture, start)


def read_start(path: Path) -> bytes:
    """The first 132 bytes of a regular, non-empty file.

    Raises:
        ImageError: missing, unreadable, a folder, a pipe, a device, a symlink loop, or empty.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
            raise ImageError(f"this is {kind}, not a file", kind="not-a-file", where=path)
        with path.open("rb") as file:
            start = file.read(132)
    except FileNotFoundError as error:
        link = path.is_symlink()
        what = "the link points to a file that does not exist" if link else "no such file"
        kind = "broken-link" if link else "missing-file"
        raise ImageError(what, kind=kind, where=path) from error
    except OSError as error:
        kinds = {errno.ELOOP: "broken-link", errno.EACCES: "no-permission"}
        what = f"cannot be opened: {error.strerror or error}"
        kind = kinds.get(error.errno or 0, "damaged")
        refused = kind == "no-permission"
        raise ImageError(
            what,
            kind=kind,
            where=path,
            expected="a file that you may read" if refused else None,
            hint="give yourself the right to read it (chmod u+r)" if refused else None,
        ) from error
    if not start:
        raise ImageError(
            "the file is empty (0 bytes)",
            kind="empty-file",
            where=path,
            hint="copy or export it again",
        )
    return start


def is_tiff(start: bytes) -> bool:
    """True for TIFF and BigTIFF of either byte order."""
    return start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_dicom(start: bytes) -> bool:
    """True for a DICOM file with its preamble, as PS3.10 asks for."""
    return start[128:132] == b"DICM"


def unreadable(path: Path, start: bytes, error: BaseException | None = None) -> ImageError:
    """The error for a file that no reader takes: says what it really is where that is known."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for signature, name in _SIGNATURES:
        if text.startswith(signature.lower()):
            return ImageError(
                f"this is {name}, not an image",
                kind="not-an-image",
                where=path,
                expected="JPEG, PNG, TIFF, BMP, GIF, WebP, PNM or JPEG 2000",
                hint="fetch or export the image again",
            )
    if start[4:8] == b"ftyp":
        name = "an HEIC photograph" if start[8:11] in (b"hei", b"hev", b"mif") else "a video"
        return ImageError(
            f"this is {name}, not an image of a kind that is read",
            kind="not-an-image",
            where=path,
            expected="JPEG, PNG, TIFF, BMP, GIF, WebP, PNM or JPEG 2000",
            hint="export it as JPEG or PNG",
        )
    if isinstance(error, UnidentifiedImageError) and start.startswith(_IMAGE_STARTS):
        return ImageError(
            "the file is cut short: it begins as an image, and its header is not whole",
            kind="cut-short",
            where=path,
            hint="copy or export it again",
        )
    if error is None or isinstance(error, UnidentifiedImageError):
        return ImageError(
            "not an image that can be read",
            kind="not-an-image",
            where=path,
            expected="JPEG, PNG, TIFF, BMP, GIF, WebP, PNM or JPEG 2000",
            hint="the file is damaged or is something else under this name",
        )
    message = str(error)
    cut = any(
        word in message.lower() for word in ("truncated", "unexpected end", "eof", "not enough")
    )
    return ImageError(
        f"the file is cut short: {message}" if cut else f"the file is damaged: {message}",
        kind="cut-short" if cut else "damaged",
        where=path,
        hint="copy or export it again",
    )


def check_pixels(path: Path, width: int, height: int) -> None:
    """Raise before anything is decoded when an image is too large to hold.

    Raises:
        ImageError: more than `MAX_PIXELS` pixels, or none.
    """
    if width < 1 or height < 1:
        raise ImageError(f"the image has no pixels ({width} x {height})", where=path)
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{width} x {height} is {width * height / 1e6:.0f} million pixels",
            kind="too-many-pixels",
            where=path,
            expected=f"at most {MAX_PIXELS / 1e6:.0f} million",
            hint="cut the image into tiles first",
        )


def check_page(path: Path, frames: int, page: int | None) -> None:
    """Raise where a file holds several images and none is chosen, or not the chosen one.

    Raises:
        ImageError: as said.
    """
    if page is None and frames > 1:
        raise ImageError(
            f"the file holds {frames} images",
            kind="several-pages",
            where=path,
            expected="one image a file",
            hint="choose one in dataset.yaml (image: {page: 0}) or split the file",
        )
    if page is not None and not 0 <= page < frames:
        raise ImageError(
            f"no page {page}: the file holds {frames}", where=path, expected=f"0 to {frames - 1}"
        )


_opening = threading.Lock()


@contextmanager
def open_picture(path: Path, start: bytes) -> Iterator[Image.Image]:
    """A Pillow image whose size has been checked; pixels are not decoded yet.

    Raises:
        ImageError: not an image, too large, or damaged (also when decoding inside the block).
    """
    picture: Image.Image | None = None
    try:
        # Pillow warns at 89 million pixels. Our own limit comes right after, from the same
        # header, and another program's use of Pillow must keep its limit: hence the lock.
        with _opening:
            limit = Image.MAX_IMAGE_PIXELS
            Image.MAX_IMAGE_PIXELS = None
            try:
                picture = Image.open(path, formats=_FORMATS)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
        check_pixels(path, *picture.size)
        yield picture
    except ImageError:
        raise
    except DECODE_ERRORS as error:
        raise unreadable(path, start, error) from error
    finally:
        if picture is not None:
            picture.close()


def picture_header(picture: Image.Image, start: bytes) -> ImageHeader:
    """The header of an opened, not yet decoded Pillow image; `start` is its first bytes."""
    orientation = exif_orientation(picture)
    width, height = picture.size
    if orientation >= 5:
        width, height = height, width
    mode = picture.mode
    depth = png_depth(start)
    deep_png = depth == 16 and mode in ("RGB", "RGBA", "LA")
    if deep_png or (mode == "I" and picture.format == "PPM"):
        dtype = "uint16"
    else:
        dtype = _DTYPES.get(mode, "uint8")
    channels = 1 if mode in ("1", "L", "LA", "I", "F") or mode.startswith("I;") else 3
    # An MPO is a phone's photograph with its preview behind it: one image to everybody.
    frames = 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))
    name = "JPEG" if picture.format == "MPO" else str(picture.format)
    return ImageHeader(width, height, channels, dtype, mode, name, frames, orientation)


def png_depth(start: bytes) -> int | None:
    """Bits a channel of a PNG, None for other files."""
    return start[24] if start.startswith(b"\x89PNG\r\n\x1a\n") and len(start) > 25 else None


def exif_orientation(picture: Image.Image) -> int:
    """1 to 8; anything else counts as 1 (three Oxford Pets files say 0)."""
    # Asking a PNG without EXIF would decode it whole.
    keys = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
    if picture.format == "PNG" and not any(key in picture.info for key in keys):
        return 1
    value = picture.getexif().get(_ORIENTATION_TAG, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(array: np.ndarray[Any, Any], orientation: int) -> np.ndarray[Any, Any]:
    """Turn (H, W, ...) as EXIF orientation 1 to 8 asks.

    >>> upright(np.array([[1, 2, 3]]), 6).tolist()
    [[1], [2], [3]]
    """
    if orientation in (2, 3):
        array = array[:, ::-1]
    if orientation in (3, 4):
        array = array[::-1]
    if orientation >= 5:
        array = array.swapaxes(0, 1)
        if orientation in (6, 7):
            array = array[:, ::-1]
        if orientation in (7, 8):
            array = array[::-1]
    return np.ascontiguousarray(array)
