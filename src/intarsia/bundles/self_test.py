"""Images that a bundle carries to test itself on, with the masks it gave when it was exported."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intarsia.errors import BundleError

MAX_PIXELS = 20_000_000
MAX_TESTS = 20  # two members each; an archive has a largest number of those

_NPY = (1, 0)


@dataclass(frozen=True, eq=False)
class SelfTest:
    """`image` is (H, W, C) in the units of the training's files, `mask` (H, W) the expected ids."""

    image: NDArray[Any]
    mask: NDArray[np.unsignedinteger]


def write_self_tests(tests: tuple[SelfTest, ...]) -> dict[str, bytes]:
    """Members of a bundle: PNG, or a NumPy array where PNG cannot hold the pixels."""
    members = {}
    for number, test in enumerate(tests):
        name, data = _encoded(test.image)
        members[f"self-test/{number}-image{name}"] = data
        name, data = _encoded(test.mask[:, :, None])
        members[f"self-test/{number}-mask{name}"] = data
    return members


def read_self_tests(members: dict[str, bytes], path: Path) -> tuple[SelfTest, ...]:
    """The inverse of `write_self_tests`; what it reads is taken out of `members`.

    Raises:
        BundleError: an image without its mask, of another size, damaged or too large.
    """
    tests = []
    number = 0
    while any(name.startswith(f"self-test/{number}-") for name in members):
        image = _decoded(members, f"self-test/{number}-image", path)
        mask = _decoded(members, f"self-test/{number}-mask", path)
        if image.shape[:2] != mask.shape[:2] or mask.shape[2] != 1 or mask.dtype.kind != "u":
            raise BundleError(f"self-test {number} is no image with its mask", where=path)
        tests.append(SelfTest(image, mask[:, :, 0]))
        number += 1
    return tuple(tests)


def _encoded(pixels: NDArray[Any]) -> tuple[str, bytes]:
    buffer = io.BytesIO()
    grey = pixels.shape[2] == 1
    if (pixels.dtype == np.uint8 and pixels.shape[2] in (1, 3)) or (
        pixels.dtype == np.uint16 and grey
    ):
        plane = np.ascontiguousarray(pixels[:, :, 0] if grey else pixels)
        Image.fromarray(plane).save(buffer, format="PNG")
        return ".png", buffer.getvalue()
    array = np.ascontiguousarray(pixels)
    np.lib.format.write_array(buffer, array, version=_NPY, allow_pickle=False)
    return ".npy", buffer.getvalue()


def _decoded(members: dict[str, bytes], stem: str, path: Path) -> NDArray[Any]:
    """(H, W, C) pixels."""
    for suffix, decode in ((".png", _decode_png), (".npy", _decode_npy)):
        data = members.pop(stem + suffix, None)
        if data is None:
            continue
        try:
            pixels = decode(data)
        except (OSError, SyntaxError, ValueError) as error:
            raise BundleError(f"{stem}{suffix} cannot be read: {error}", where=path) from error
        return pixels[:, :, None] if pixels.ndim == 2 else pixels
    raise BundleError(f"no {stem} in the bundle", where=path)


def _decode_png(data: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
        if picture.width * picture.height > MAX_PIXELS or picture.mode not in ("L", "RGB", "I;16"):
            raise ValueError(f"{picture.width} x {picture.height} {picture.mode}")
        return np.asarray(picture)


def _decode_npy(data: bytes) -> NDArray[Any]:
    buffer = io.BytesIO(data)
    if np.lib.format.read_magic(buffer) != _NPY:
        raise ValueError("another version of the format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(buffer)
    # before anything is allocated: what the header says must be there
    count = int(np.prod(shape, dtype=object))
    if dtype.kind not in "uif" or len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"{dtype} {shape} are no pixels")
    if count * dtype.itemsize != len(data) - buffer.tell() or count > 64 * MAX_PIXELS:
        raise ValueError(f"{dtype} {shape} do not fit {len(data)} bytes")
    buffer.seek(0)
    pixels: NDArray[Any] = np.lib.format.read_array(buffer, allow_pickle=False)
    return pixels
