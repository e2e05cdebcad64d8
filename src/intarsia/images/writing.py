"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intarsia.errors import IntarsiaError
from intarsia.labels import IGNORED_COLOR, Color, LabelMap


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` so that `path` holds all of it or is as it was before.

    Temporary file in the same folder, fsync, replace, fsync of the folder. The folder must exist.

    Raises:
        IntarsiaError: the disk is full, or the folder cannot be written.
    """
    target = Path(path)
    # Not derived from the target's name, which may already be as long as the file system allows.
    temporary = target.parent / f".intarsia-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        if os.name == "posix":  # Windows cannot open a folder, and does not need it
            _sync_folder(target.parent)
    except OSError as error:
        raise _write_error(error, target, len(data)) from error
    finally:
        with contextlib.suppress(OSError):  # of a read-only file system, where none was made
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_error(error: OSError, target: Path, size: int) -> IntarsiaError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(target.parent).free
        return IntarsiaError(
            f"disk full: need {_readable(size)}, have {_readable(free)}",
            where=target,
            hint="make room or choose another output folder; the previous file is untouched",
        )
    return IntarsiaError(
        f"cannot write: {error.strerror or error}",
        where=target,
        hint="choose an output folder that exists and can be written",
    )


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def write_mask(
    path: str | os.PathLike[str],
    mask: NDArray[np.integer],
    labels: LabelMap,
    *,
    ignored_color: Color = IGNORED_COLOR,
) -> None:
    """Write (H, W) ids as an index PNG with the classes' colours.

    Past 255 classes a palette has no room: then it is a 16-bit grey PNG.

    Raises:
        IntarsiaError: `mask` is not (H, W) with values 0..ignore_index, or cannot be written.
    """
    write_atomic(path, mask_png(mask, labels, ignored_color=ignored_color, where=path))


def mask_png(
    mask: NDArray[np.integer],
    labels: LabelMap,
    *,
    ignored_color: Color = IGNORED_COLOR,
    where: object = None,
) -> bytes:
    """The bytes of the file that `write_mask` writes; `where` is named in errors.

    Raises:
        IntarsiaError: `mask` is not (H, W) with values 0..ignore_index.
    """
    top = labels.ignore_index
    if mask.ndim != 2 or mask.dtype.kind not in "ui":
        raise IntarsiaError(
            f"a mask must be (H, W) whole numbers, not {mask.shape} {mask.dtype}", where=where
        )
    if mask.size and (mask.min() < 0 or mask.max() > top):
        raise IntarsiaError(
            f"mask ids {mask.min()} to {mask.max()} do not fit",
            where=where,
            expected=f"0 to {top}",
        )
    picture = Image.fromarray(np.ascontiguousarray(mask, dtype=labels.dtype))
    if labels.dtype is np.uint8:
        palette = labels.palette()
        palette[top] = ignored_color
        picture.putpalette(palette.tobytes())
    return _png(picture)


def write_rgb(path: str | os.PathLike[str], array: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 as PNG, or as JPEG (quality 92) where the name ends in .jpg or .jpeg.

    Raises:
        IntarsiaError: another shape or dtype, or the file cannot be written.
    """
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise IntarsiaError(
            f"a picture must be (H, W, 3) uint8, not {array.shape} {array.dtype}", where=path
        )
    picture = Image.fromarray(np.ascontiguousarray(array))
    if Path(path).suffix.lower() in (".jpg", ".jpeg"):
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=92)
        write_atomic(path, buffer.getvalue())
    else:
        write_atomic(path, _png(picture))


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
