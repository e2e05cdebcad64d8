"""When and where a photograph was taken, from its EXIF data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from intarsia.errors import ImageError
from intarsia.images.header import DECODE_ERRORS, is_tiff, open_picture, read_start

_EXIF, _GPS = 0x8769, 0x8825
_TAKEN, _DIGITISED, _CHANGED = 0x9003, 0x9004, 0x0132
_SUBSECOND = 0x9291
# PNG: asking one without EXIF would decode it whole.
_PNG_KEYS = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")


@dataclass(frozen=True)
class Capture:
    """`time` by the camera's own clock, `place` latitude and longitude in degrees; None unknown."""

    time: datetime | None = None
    place: tuple[float, float] | None = None


def read_capture(path: str | os.PathLike[str]) -> Capture:
    """Time and place of one image file; no pixel is decoded, and damaged EXIF counts as none.

    The time is that of taking; a file that has only the time of its last change gives that.

    Raises:
        ImageError: missing, unreadable, or not an image.
    """
    file = Path(path)
    start = read_start(file)
    try:
        tags, exif, gps = _tiff_tags(file) if is_tiff(start) else _picture_tags(file, start)
    except ImageError:
        raise
    except DECODE_ERRORS:  # EXIF is written by hand-made tools too; the pixels are judged elsewhere
        return Capture()
    return Capture(_time(tags, exif), _place(gps))


_Tags = tuple[Mapping[Any, Any], Mapping[Any, Any], Mapping[Any, Any]]


def _picture_tags(file: Path, start: bytes) -> _Tags:
    with open_picture(file, start) as picture:
        if picture.format == "PNG" and not any(key in picture.info for key in _PNG_KEYS):
            return {}, {}, {}
        found = picture.getexif()
        return found, found.get_ifd(_EXIF), found.get_ifd(_GPS)


def _tiff_tags(file: Path) -> _Tags:
    from PIL import Image, TiffImagePlugin

    with TiffImagePlugin.TiffImageFile(file) as picture:
        found: Image.Exif = picture.getexif()
        return dict(found), found.get_ifd(_EXIF), found.get_ifd(_GPS)


def _time(tags: Mapping[Any, Any], exif: Mapping[Any, Any]) -> datetime | None:
    for text in (exif.get(_TAKEN), exif.get(_DIGITISED), tags.get(_CHANGED)):
        try:
            time = datetime.strptime(str(text).strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
        fraction = str(exif.get(_SUBSECOND, "")).strip("\0 ")
        return (
            time.replace(microsecond=int(fraction[:6].ljust(6, "0")))
            if (fraction.isascii() and fraction.isdigit())
            else time
        )
    return None


def _place(gps: Mapping[Any, Any]) -> tuple[float, float] | None:
    try:
        latitude, longitude = _degrees(gps[2], gps[1], "S"), _degrees(gps[4], gps[3], "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    inside = abs(latitude) <= 90 and abs(longitude) <= 180
    # 0, 0 is what a receiver without a fix writes
    return (latitude, longitude) if inside and (latitude or longitude) else None


def _degrees(parts: Any, reference: object, negative: str) -> float:
    """Degrees from (degrees, minutes, seconds) and a letter for the hemisphere."""
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    letter = reference.decode() if isinstance(reference, bytes) else str(reference)
    return -value if letter.strip("\0 ").upper() == negative else value
