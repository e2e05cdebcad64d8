"""TIFF of any depth and channel count, read by tifffile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError
from intarsia.images.header import (
    DECODE_ERRORS,
    ImageHeader,
    check_page,
    check_pixels,
    unreadable,
    upright,
)
from intarsia.images.tiff_window import (
    Window,
    check_window,
    has_windows,
    stored_window,
    window_values,
)

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_ORIENTATION_TAG = 274
_MOST_CHANNEL_PAGES = 64  # more "channels" than this are a stack, whatever the file says


@dataclass(frozen=True)
class TiffPixels:
    """One page as stored: (H, W, S) values upright, alpha left out unless asked for.

    `photometric` is the TIFF name (MINISBLACK, RGB, PALETTE, ...); `palette` (N, 3) uint8 where
    there is one.
    """

    values: NDArray[Any]
    photometric: str
    palette: NDArray[np.uint8] | None


def read_tiff_header(path: Path, page: int | None) -> ImageHeader:
    """The header of one page; see `read_header`."""
    with _open(path) as tiff:
        frames = _frames(tiff)
        if page is not None:
            check_page(path, frames, page)
        chosen = _chosen_page(tiff, path, frames, page)
        channels = _channel_pages(tiff) or _colour_channels(chosen)
        height, width = _upright_size(chosen)
        dtype = "uint8" if chosen.dtype is None or chosen.dtype.kind == "b" else chosen.dtype.name
        return ImageHeader(
            width,
            height,
            channels,
            dtype,
            _photometric(chosen),
            "TIFF",
            frames,
            _orientation(chosen),
        )


def read_tiff(
    path: Path, page: int | None, *, alpha: bool = False, window: Window | None = None
) -> TiffPixels:
    """The pixels of one page, counted from 0, or of a window of it; None asks for the only one.

    Raises:
        ImageError: damaged, cut short, too large, or several pages and none chosen.
    """
    with _open(path) as tiff:
        frames = _frames(tiff)
        check_page(path, frames, page)
        chosen = _chosen_page(tiff, path, frames, page)
        _check_complete(tiff, path)
        channel_pages = _channel_pages(tiff)
        orientation = _orientation(chosen)
        stored = None
        if window is not None:
            check_window(path, window, *_upright_size(chosen))
            stored = stored_window(window, *_upright_size(chosen), orientation)
        parts = _windowed_pages(tiff, chosen) if stored is not None else []
        if stored is not None and parts:
            values = np.concatenate([window_values(part, stored) for part in parts], axis=2)
            values = values if alpha or channel_pages else values[:, :, _kept(chosen)]
        else:
            if channel_pages:
                values = np.moveaxis(tiff.series[0].asarray(), 0, -1)
            else:
                values = _page_values(tiff, chosen, page or 0, path, alpha)
            if stored is not None:
                values = values[slice(*stored[0]), slice(*stored[1])]
        palette = None
        if _photometric(chosen) == "PALETTE" and chosen.colormap is not None:
            palette = np.ascontiguousarray((chosen.colormap.T >> 8).astype(np.uint8))
        return TiffPixels(upright(values, orientation), _photometric(chosen), palette)


def tiff_has_windows(path: Path, page: int | None) -> bool:
    """True where a window of this page is read without decoding the rest of it.

    Raises:
        ImageError: as `read_tiff`.
    """
    with _open(path) as tiff:
        frames = _frames(tiff)
        check_page(path, frames, page)
        return bool(_windowed_pages(tiff, _chosen_page(tiff, path, frames, page)))


def _windowed_pages(tiff: TiffFile, chosen: TiffPage) -> list[TiffPage]:
    """The pages that hold the channels of one image; empty where only the whole can be read."""
    channels = _channel_pages(tiff)
    parts = [chosen]
    if channels:
        parts = [part.aspage() for part in tiff.series[0].pages if part is not None]
    elif len(tiff.pages) == 1 and tiff.series[0].size > chosen.size:
        return []  # a long stack of ImageJ behind a single page
    alike = {(part.imagelength, part.imagewidth, part.dtype) for part in parts}
    if len(parts) != max(1, channels) or len(alike) != 1:
        return []
    return parts if all(has_windows(part) for part in parts) else []


@contextmanager
def _open(path: Path) -> Iterator[TiffFile]:
    try:
        import tifffile
    except ImportError as error:
        raise ImageError(
            "TIFF needs the packages tifffile and imagecodecs",
            where=path,
            hint="pip install tifffile imagecodecs, or convert it to PNG",
        ) from error
    try:
        with tifffile.TiffFile(path) as tiff:
            yield tiff
    except ImageError:
        raise
    except DECODE_ERRORS as error:
        raise unreadable(path, b"", error) from error


def _pages(tiff: TiffFile) -> list[TiffPage]:
    """Pages that are images: no thumbnails, pyramid levels, or GDAL's masks of valid pixels."""
    pages = [tiff.pages[index].aspage() for index in range(len(tiff.pages))]
    full = [page for page in pages if not page.is_reduced and not page.is_mask]
    return full or pages[:1]


def _chosen_page(tiff: TiffFile, path: Path, frames: int, page: int | None) -> TiffPage:
    """The page of an image; the first one where its channels, or a long stack, lie behind it."""
    if not len(tiff.pages):
        raise ImageError("the TIFF holds no image", where=path)
    chosen = tiff.pages[0].aspage()
    if not _channel_pages(tiff) and len(tiff.pages) >= frames:
        chosen = _pages(tiff)[page or 0]
    check_pixels(path, chosen.imagewidth, chosen.imagelength)
    if chosen.imagedepth > 1:
        raise ImageError(
            f"the TIFF holds a volume of {chosen.imagedepth} slices",
            kind="several-pages",
            where=path,
            expected="one image a file",
            hint="write each slice to a file of its own",
        )
    return chosen


def _channel_pages(tiff: TiffFile) -> int:
    """How many channels are stored a page each (microscopes' OME and ImageJ files), else 0."""
    series = tiff.series
    if len(series) == 1 and series[0].axes == "CYX":
        count = int(series[0].shape[0])
        return count if count <= _MOST_CHANNEL_PAGES else 0
    return 0


def _frames(tiff: TiffFile) -> int:
    if _channel_pages(tiff):
        return 1
    if len(tiff.pages) == 1:
        # ImageJ writes long stacks behind a single page.
        page, series = tiff.pages[0], tiff.series
        return max(1, series[0].size // page.size) if series and page.size else 1
    return len(_pages(tiff))


def _page_values(
    tiff: TiffFile, page: TiffPage, index: int, path: Path, alpha: bool
) -> NDArray[Any]:
    series = tiff.series[0]
    values: NDArray[Any]
    if len(tiff.pages) == 1 and page.size and series.size > page.size:
        values = series.asarray().reshape(-1, *page.shape)[index]
    else:
        values = page.asarray()
    if page.axes == "YX":
        values = values[:, :, np.newaxis]
    elif page.axes == "SYX":
        values = np.moveaxis(values, 0, -1)
    elif page.axes != "YXS":
        raise ImageError(f"axes {page.axes} are not an image", where=path, expected="YX or YXS")
    return values if alpha else values[:, :, _kept(page)]


def _kept(page: TiffPage) -> list[int]:
    """Indices of the samples that are not alpha."""
    extra = page.extrasamples
    base = page.samplesperpixel - len(extra)
    return [*range(base), *(base + i for i, kind in enumerate(extra) if int(kind) not in (1, 2))]


def _colour_channels(page: TiffPage) -> int:
    photometric = _photometric(page)
    if photometric == "PALETTE":
        return 3
    kept = len(_kept(page))
    return 3 if photometric == "SEPARATED" and kept == 4 else kept


def _photometric(page: TiffPage) -> str:
    return str(getattr(page.photometric, "name", page.photometric))


def _orientation(page: TiffPage) -> int:
    tag = page.tags.get(_ORIENTATION_TAG)
    value = 1 if tag is None else tag.value
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright_size(page: TiffPage) -> tuple[int, int]:
    size = page.imagelength, page.imagewidth
    return size[::-1] if _orientation(page) >= 5 else size


def _check_complete(tiff: TiffFile, path: Path) -> None:
    """Missing strips would come back as zeros: compare with the length of the file first."""
    size = path.stat().st_size
    for page in _pages(tiff):
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if ends and max(ends) > size:
            raise ImageError(
                f"the file is cut short: {size} bytes of {max(ends)}",
                kind="cut-short",
                where=path,
                hint="copy or export it again",
            )
