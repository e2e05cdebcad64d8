"""A window of a TIFF page, without decoding the rest of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError

if TYPE_CHECKING:
    from tifffile import TiffPage

Window = tuple[tuple[int, int], tuple[int, int]]
"""(first, last + 1) row and column of a part of an image."""

# Decoded bytes of a strip or tile. A larger one costs as much as a whole image, window or not.
_MOST_SEGMENT_BYTES = 16 << 20
_JPEG = (6, 7, 34892, 33007)


def check_window(path: Path, window: Window, height: int, width: int) -> None:
    """Raise where a window is empty or reaches out of an image of this size.

    Raises:
        ImageError: as said.
    """
    for (first, last), side, what in zip(window, (height, width), ("rows", "columns"), strict=True):
        if not 0 <= first < last <= side:
            raise ImageError(
                f"no window of {what} {first} to {last}: the image has {side}", where=path
            )


def has_windows(page: TiffPage) -> bool:
    """True where a window costs about its own pixels: small strips or tiles, or no compression."""
    if page.imagedepth != 1 or page.dtype is None:
        return False
    if page.is_memmappable:
        return True
    height, width = _segment_size(page)
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    return height * width * samples * page.dtype.itemsize <= _MOST_SEGMENT_BYTES


def stored_window(window: Window, height: int, width: int, orientation: int) -> Window:
    """Where a window of the upright image lies in the page as stored; see `header.upright`.

    `height` and `width` are those of the upright image.

    >>> stored_window(((0, 1), (2, 5)), 10, 20, 6)
    ((15, 18), (0, 1))
    """
    rows, columns = window
    if orientation in (3, 4, 7, 8):
        rows = height - rows[1], height - rows[0]
    if orientation in (2, 3, 6, 7):
        columns = width - columns[1], width - columns[0]
    return (columns, rows) if orientation >= 5 else (rows, columns)


def window_values(page: TiffPage, window: Window) -> NDArray[Any]:
    """(h, w, S) of a window of the page as stored, alpha included.

    Only strips and tiles that the window touches are read. What a sparse file left out has the
    value that it names for that.
    """
    (top, bottom), (left, right) = window
    if page.is_memmappable:
        mapped = page.asarray(out="memmap").reshape(page.shaped)[:, 0, top:bottom, left:right]
        return _interleaved(np.array(mapped))
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    samples = 1 if page.planarconfig == 2 else page.samplesperpixel
    values = np.empty((planes, bottom - top, right - left, samples), page.dtype or np.uint8)
    height, width = _segment_size(page)
    down, across = -(-page.imagelength // height), -(-page.imagewidth // width)
    chosen = [
        (plane * down + row) * across + column
        for plane in range(planes)
        for row in range(top // height, -(-bottom // height))
        for column in range(left // width, -(-right // width))
    ]
    tables: dict[str, Any] = {}
    if page.compression in _JPEG:
        tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    for data, index in page.parent.filehandle.read_segments(
        [page.dataoffsets[i] for i in chosen],
        [page.databytecounts[i] for i in chosen],
        indices=chosen,
    ):
        segment, (plane, _, y, x, _), shape = page.decode(data, index, **tables)
        first, last = max(top, y), min(bottom, y + shape[1])
        start, stop = max(left, x), min(right, x + shape[2])
        target = values[plane, first - top : last - top, start - left : stop - left]
        if segment is None:
            target[:] = page.nodata
        else:
            target[:] = segment[0, first - y : last - y, start - x : stop - x]
    return _interleaved(values)


def _segment_size(page: TiffPage) -> tuple[int, int]:
    """Height and width of a tile, or of a strip."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _interleaved(values: NDArray[Any]) -> NDArray[Any]:
    """(planes, h, w, samples), of which one is 1, to (h, w, S)."""
    if values.shape[0] == 1:
        first: NDArray[Any] = values[0]
        return first
    return np.ascontiguousarray(np.moveaxis(values[..., 0], 0, -1))
