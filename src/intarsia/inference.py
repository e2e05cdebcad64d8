"""From an image to a mask at the image's own size: NumPy and OpenCV only.

The network comes in as a plain function from float32 (B, C, H, W) to logits (B, K, H, W), so that
training, evaluation, prediction, exported models and the server all go through the same steps.
Results come in horizontal bands, so that a mask of a large image never needs K planes of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError, ModelError, RecipeError
from intarsia.transforms import (
    Pixels,
    Preprocessing,
    fit_matrix,
    fitted_rectangle,
    shrink,
    warp,
)

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Ids = NDArray[np.unsignedinteger]

_BAND_VALUES = 8_000_000  # float32 values of one band: 32 MB
_TILES_AT_ONCE = 8


@dataclass(frozen=True)
class Band:
    """Finished rows of a result: `probabilities` is (K, rows, W) float32, from row `top` on."""

    top: int
    probabilities: NDArray[np.float32]

    def decide(self) -> tuple[Ids, NDArray[np.float32]]:
        """(rows, W) ids of the most probable class (ties: the lowest id), and its probability.

        Ids are uint8, or uint16 where there are more than 255 classes.
        """
        best = self.probabilities[0].copy()
        count = len(self.probabilities)
        ids = np.zeros(best.shape, np.uint8 if count <= 255 else np.uint16)
        # plane by plane: several times faster than argmax over the first axis
        for index in range(1, count):
            plane = self.probabilities[index]
            ids[plane > best] = index
            np.maximum(best, plane, out=best)
        return ids, best


def predict_probabilities(
    network: Network,
    image: Pixels,
    preprocessing: Preprocessing,
    *,
    flip: bool = False,
    overlap: float = 0.5,
    max_pixels: int = 2_000_000,
) -> NDArray[np.float32]:
    """(K, H, W) float32 probabilities, summing to 1 over K, at the image's own size.

    `image` is (H, W, C) in the file's own units. `flip` averages with the mirrored image.
    `letterbox` and `stretch` bring the whole image to `preprocessing.size` and the result back.
    `crop` shows the network the image as it is, while it has at most `max_pixels` pixels; larger
    images, and with `tiles` every image larger than `preprocessing.size`, go through tiles of
    that size which overlap by the share `overlap` and are blended smoothly. One logit (K = 1)
    gives two classes.

    Raises ImageError where the channels do not fit, RecipeError for an overlap outside 0..1,
    ModelError where the network gives another shape or values that are not finite.

    >>> from intarsia.images import Scaling
    >>> plain = Preprocessing((4, 4), "crop", Scaling(0, 255, "8 bit"), (0.0,), (1.0,))
    >>> image = np.full((2, 3, 1), 255, np.uint8)
    >>> predict_probabilities(lambda x: x, image, plain).round(3)[:, 0, 0].tolist()
    [0.26899999380111694, 0.7310000061988831]
    """
    bands = probability_bands(
        network, image, preprocessing, flip=flip, overlap=overlap, max_pixels=max_pixels
    )
    first = next(bands)
    if first.probabilities.shape[1] == image.shape[0]:
        return first.probabilities
    count = len(first.probabilities)
    whole = np.empty((count, *image.shape[:2]), np.float32)
    for band in chain([first], bands):
        whole[:, band.top : band.top + band.probabilities.shape[1]] = band.probabilities
    return whole


def predict_mask(
    network: Network,
    image: Pixels,
    preprocessing: Preprocessing,
    *,
    flip: bool = False,
    overlap: float = 0.5,
    max_pixels: int = 2_000_000,
) -> Ids:
    """(H, W) ids of the most probable class, uint8 (uint16 past 255 classes).

    The same steps as `predict_probabilities`, in the memory of the mask and one band.
    """
    parts = [
        band.decide()[0]
        for band in probability_bands(
            network, image, preprocessing, flip=flip, overlap=overlap, max_pixels=max_pixels
        )
    ]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def probability_bands(
    network: Network,
    image: Pixels,
    preprocessing: Preprocessing,
    *,
    flip: bool = False,
    overlap: float = 0.5,
    max_pixels: int = 2_000_000,
) -> Iterator[Band]:
    """The result of `predict_probabilities`, from top to bottom, band by band."""
    _check(image, preprocessing, overlap)
    height, width = image.shape[:2]
    rows, columns = preprocessing.size
    if not preprocessing.native:
        yield from _fitted(network, image, preprocessing, flip)
        return
    whole = (
        height * width <= max_pixels
        if preprocessing.fit == "crop"
        else height <= rows and width <= columns
    )
    if whole:
        # smaller than a sample: mirrored up to one, so that it is not all border
        sample = _mirrored(image, (0, max(height, rows)), (0, max(width, columns)))
        batch = preprocessing.normalise(sample)[None]
        probabilities = _apply(network, batch, flip)[0, :, :height, :width]
        yield Band(0, np.ascontiguousarray(probabilities))
        return
    yield from _tiled(network, image, preprocessing, flip, overlap, max_pixels)


def read_ahead(
    load: Callable[[Item], Loaded], items: Iterable[Item], *, ahead: int = 2
) -> Iterator[Loaded]:
    """`load(item)` of every item in order, read by a thread while the network works.

    At most `ahead` items wait. What `load` raises is raised here, at its item.

    >>> list(read_ahead(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    waiting: deque[Future[Loaded]] = deque()
    with ThreadPoolExecutor(1) as thread:
        try:
            for item in items:
                waiting.append(thread.submit(load, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _check(image: Pixels, preprocessing: Preprocessing, overlap: float) -> None:
    channels = len(preprocessing.mean)
    if image.ndim != 3 or image.shape[2] != channels:
        found = image.shape[2] if image.ndim == 3 else f"no (shape {image.shape})"
        raise ImageError(
            f"the image has {found} channels, the model takes {channels}",
            expected=f"(height, width, {channels}) pixels",
            hint="use images of the kind the model was trained on",
        )
    if 0 in image.shape:
        raise ImageError(f"the image has no pixels: {image.shape}")
    if not 0 <= overlap < 1:
        raise RecipeError(
            f"predict.overlap is {overlap}", expected="0 or more, and less than 1 (0.5: half)"
        )


def _apply(network: Network, batch: NDArray[np.float32], flip: bool) -> NDArray[np.float32]:
    """(B, C, H, W) to probabilities (B, K, H, W)."""
    probabilities = _probabilities(network(batch), batch.shape)
    if flip:
        mirrored = _probabilities(network(np.ascontiguousarray(batch[:, :, :, ::-1])), batch.shape)
        probabilities += mirrored[:, :, :, ::-1]
        probabilities *= 0.5
    return probabilities


def _probabilities(logits: NDArray[np.float32], given: tuple[int, ...]) -> NDArray[np.float32]:
    if logits.ndim != 4 or logits.shape[0] != given[0] or logits.shape[2:] != given[2:]:
        raise ModelError(
            f"the network turned {given} into {logits.shape}",
            expected=f"({given[0]}, classes, {given[2]}, {given[3]})",
        )
    if not np.isfinite(logits).all():
        raise ModelError(
            "the network gives values that are not finite",
            hint="its weights are damaged, or its training diverged (lower --lr)",
        )
    values = logits.astype(np.float32, copy=True)
    if values.shape[1] == 1:
        # the sigmoid of a logit is the softmax of (0, logit)
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    values -= values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)
    return values


def _fitted(
    network: Network, image: Pixels, preprocessing: Preprocessing, flip: bool
) -> Iterator[Band]:
    """Letterbox and stretch: through one sample and back."""
    height, width = image.shape[:2]
    small = shrink(image, preprocessing)
    # the rectangle of the shrunk image, which is the one `fit_matrix` aims at
    rows, columns = small.shape[:2]
    top, left, fitted_h, fitted_w = fitted_rectangle(rows, columns, preprocessing)
    matrix = fit_matrix(rows, columns, preprocessing)
    sample = warp(small, matrix, preprocessing.size, preprocessing.fill)
    probabilities = _apply(network, preprocessing.normalise(sample)[None], flip)[0]
    inside = probabilities[:, top : top + fitted_h, left : left + fitted_w]
    count = len(inside)
    step = max(1, _BAND_VALUES // (count * width))
    for first in range(0, height, step):
        yield Band(first, _enlarged(inside, height, width, first, min(height, first + step)))


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


def _tiled(
    network: Network,
    image: Pixels,
    preprocessing: Preprocessing,
    flip: bool,
    overlap: float,
    max_pixels: int,
) -> Iterator[Band]:
    """Overlapping tiles; holds one row of tiles at a time.

    Weights fall off smoothly from the middle of a tile (Hann) and, as the tiles lie on a grid,
    are a product of one weight per row and one per column, so both are normalised beforehand.
    """
    height, width = image.shape[:2]
    rows, columns = preprocessing.size
    tops, row_weights = _grid(height, rows, overlap)
    lefts, column_weights = _grid(width, columns, overlap)
    at_once = max(1, min(_TILES_AT_ONCE, max_pixels // (rows * columns)))
    gathered = np.zeros((0, rows, width), np.float32)
    for number, top in enumerate(tops):
        for start in range(0, len(lefts), at_once):
            chosen = range(start, min(len(lefts), start + at_once))
            batch = np.stack(
                [
                    preprocessing.normalise(
                        _mirrored(image, (top, top + rows), (lefts[i], lefts[i] + columns))
                    )
                    for i in chosen
                ]
            )
            probabilities = _apply(network, batch, flip)
            if not len(gathered):
                gathered = np.zeros((probabilities.shape[1], rows, width), np.float32)
            for tile, i in zip(probabilities, chosen, strict=True):
                weights = row_weights[number][:, None] * column_weights[i][None, :]
                inside = min(columns, width - lefts[i])
                gathered[:, :, lefts[i] : lefts[i] + inside] += (tile * weights)[:, :, :inside]
        finished = (tops[number + 1] if number + 1 < len(tops) else height) - top
        yield Band(top, gathered[:, :finished].copy())
        # what is left begins the next row of tiles
        kept = rows - finished
        gathered[:, :kept] = gathered[:, finished:].copy()
        gathered[:, kept:] = 0


def _grid(length: int, tile: int, overlap: float) -> tuple[list[int], list[NDArray[np.float32]]]:
    """Starts of tiles that cover `length`, and each one's weights; these sum to 1 everywhere."""
    if length <= tile:
        return [0], [np.ones(tile, np.float32)]
    stride = max(1, round(tile * (1 - overlap)))
    count = -(-(length - tile) // stride) + 1
    starts = [round(i * (length - tile) / (count - 1)) for i in range(count)]
    # Hann without its zeros, in float64: the far corners of a tile still count a little
    hann = np.sin(np.pi * (np.arange(tile) + 1) / (tile + 1)) ** 2
    total = np.zeros(length)
    for start in starts:
        total[start : start + tile] += hann
    return starts, [(hann / total[s : s + tile]).astype(np.float32) for s in starts]


def _mirrored(image: Pixels, rows: tuple[int, int], columns: tuple[int, int]) -> Pixels:
    """A cut from `image`; what lies beyond its lower and right edge is its mirror image."""
    height, width = image.shape[:2]
    if rows[1] <= height and columns[1] <= width:
        return image[rows[0] : rows[1], columns[0] : columns[1]]
    at_rows, at_columns = _bounce(*rows, height), _bounce(*columns, width)
    return image[at_rows[:, None], at_columns[None, :]]


def _bounce(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Indices start..stop folded back into 0..length-1, edges not repeated.

    >>> _bounce(0, 7, 3).tolist()
    [0, 1, 2, 1, 0, 1, 2]
    """
    period = max(1, 2 * (length - 1))
    folded = np.arange(start, stop, dtype=np.intp) % period
    return np.minimum(folded, period - folded) if length > 1 else np.zeros_like(folded)
