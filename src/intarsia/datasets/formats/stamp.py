"""Masks that a file of annotations holds as a PNG in base64."""

from __future__ import annotations

import base64
import binascii
import io
from functools import partial

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.drawings.areas import Size, Stamp
from intarsia.datasets.formats.source import image_size
from intarsia.errors import ImageError

_PNG = b"\x89PNG\r\n\x1a\n"


def png_stamp(text: object, box: Size, top: int = 0, left: int = 0) -> Stamp:
    """The pixels that are not 0 (or not transparent), for a box of (height, width) at (top, left).

    Raises:
        ValueError: no PNG in base64, or one of another size.
    """
    try:
        packed = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"its mask is not base64: {error}") from error
    if not packed.startswith(_PNG) or len(packed) < 24:
        raise ValueError("its mask is not a PNG in base64")
    width, height = (int.from_bytes(packed[at : at + 4]) for at in (16, 20))
    if (height, width) != box:
        raise ValueError(
            f"its mask is {width} x {height}, and its box {box[1]} x {box[0]} (width x height)"
        )
    image_size(height, width)
    return Stamp(packed, partial(_unpack, height=height, width=width), top, left)


def _unpack(packed: bytes, *, height: int, width: int) -> NDArray[np.bool_]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(packed), formats=["PNG"]) as picture:
            inside = np.asarray(picture) > 0
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"the PNG of a mask shape is damaged: {error}") from error
    flat = inside if inside.ndim == 2 else inside.any(axis=2)
    return np.asarray(flat.reshape(height, width), np.bool_)
