"""Images, or the cells of a grid of them, brought to one sample's size and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.inference.band import Band
from intarsia.inference.probabilities import Network, apply_network
from intarsia.transforms import (
    Pixels,
    Preprocessing,
    fit_matrix,
    fitted_rectangle,
    grid_bounds,
    shrink,
    warp,
)

_BAND_VALUES = 8_000_000  # float32 values of one band: 32 MB
_CELLS_AT_ONCE = 16


def fitted_planes(
    network: Network,
    images: Sequence[Pixels],
    preprocessing: Preprocessing,
    flip: bool,
    scales: Sequence[float],
) -> list[NDArray[np.float32]]:
    """Whole images through a sample each: (K, h, w) probabilities at the size inside it."""
    samples, places = [], []
    for image in images:
        small = shrink(image, preprocessing)
        # the rectangle of the shrunk image, which is the one `fit_matrix` aims at
        height, width = small.shape[:2]
        places.append(fitted_rectangle(height, width, preprocessing))
        matrix = fit_matrix(height, width, preprocessing)
        sample = warp(small, matrix, preprocessing.size, preprocessing.fill)
        samples.append(preprocessing.normalise(sample))
    probabilities = apply_network(network, np.stack(samples), flip, scales)
    return [
        planes[:, top : top + height, left : left + width]
        for planes, (top, left, height, width) in zip(probabilities, places, strict=True)
    ]


def grid_bands(
    network: Network,
    image: Pixels,
    preprocessing: Preprocessing,
    flip: bool,
    scales: Sequence[float],
) -> Iterator[Band]:
    """Each cell of the grid through a sample of its own; a band is a row of cells."""
    rows, columns = grid_bounds(image.shape[:2], preprocessing.grid)
    for top, bottom in rows:
        pieces = []
        for start in range(0, len(columns), _CELLS_AT_ONCE):
            chosen = columns[start : start + _CELLS_AT_ONCE]
            cells = [image[top:bottom, left:right] for left, right in chosen]
            for (left, right), inside in zip(
                chosen, fitted_planes(network, cells, preprocessing, flip, scales), strict=True
            ):
                height, width = bottom - top, right - left
                pieces.append(_enlarged(inside, height, width, 0, height))
        yield Band(top, np.concatenate(pieces, axis=2))


def enlarged_bands(planes: NDArray[np.float32], height: int, width: int) -> Iterator[Band]:
    """(K, h, w) resized bilinearly to (K, height, width), band by band."""
    step = max(1, _BAND_VALUES // (len(planes) * width))
    for first in range(0, height, step):
        yield Band(first, _enlarged(planes, height, width, first, min(height, first + step)))


def enlarged_blocks(bands: Iterable[Band], factor: int, height: int, width: int) -> Iterator[Band]:
    """Bands of an image shrunk by whole blocks, enlarged to (height, width) as they come.

    Every pixel of them stands for a block of `factor` x `factor`; blocks may end beyond the image.
    Rows are held back only until the one below them is there.
    """
    blocks = -(-height // factor)
    held: NDArray[np.float32] | None = None
    first, done = 0, 0  # row of blocks that `held` begins with; rows of the image given out
    for band in bands:
        planes = band.probabilities
        held = planes if held is None else np.concatenate([held, planes], axis=1)
        end = first + held.shape[1]
        ready = height if end == blocks else (end - 1) * factor
        tall, wide = held.shape[1] * factor, held.shape[2] * factor
        step = max(1, _BAND_VALUES // (len(held) * wide))
        for top in range(done, ready, step):
            bottom = min(ready, top + step)
            rows = _enlarged(held, tall, wide, top - first * factor, bottom - first * factor)
            yield Band(top, np.ascontiguousarray(rows[:, :, :width]))
        done = max(done, ready)
        kept = min(2, held.shape[1])
        first, held = end - kept, held[:, held.shape[1] - kept :].copy()


def _enlarged(
    planes: NDArray[np.float32], height: int, width: int, first: int, last: int
) -> NDArray[np.float32]:
    """Rows first..last of (K, h, w) resized bilinearly to (K, height, width).

    The rows are interpolated here, so that any band of the result can be made alone; OpenCV does
    the columns. Pixel centres correspond, edges are repeated, as in cv2.INTER_LINEAR.
    """
    count, rows, columns = planes.shape
    if rows == height:
        between = planes[:, first:last]
    else:
        at = (np.arange(first, last) + 0.5) * rows / height - 0.5
        at = at.clip(0, rows - 1)
        above = at.astype(np.intp)
        below = np.minimum(above + 1, rows - 1)
        share = (at - above).astype(np.float32)[None, :, None]
        between = planes[:, above] * (1 - share) + planes[:, below] * share
    if columns == width:
        return np.ascontiguousarray(between)
    stacked = np.ascontiguousarray(between).reshape(-1, columns)
    wide = cv2.resize(stacked, (width, len(stacked)), interpolation=cv2.INTER_LINEAR)
    return wide.reshape(count, last - first, width).astype(np.float32, copy=False)
