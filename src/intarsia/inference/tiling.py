"""Overlapping tiles of images that are too large for the network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from intarsia.inference.band import Band
from intarsia.inference.probabilities import Network, apply_network
from intarsia.transforms import Pixels, Preprocessing

_TILES_AT_ONCE = 8


def tiled_bands(
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
    tops, row_weights = _tile_grid(height, rows, overlap)
    lefts, column_weights = _tile_grid(width, columns, overlap)
    at_once = max(1, min(_TILES_AT_ONCE, max_pixels // (rows * columns)))
    gathered = np.zeros((0, rows, width), np.float32)
    for number, top in enumerate(tops):
        for start in range(0, len(lefts), at_once):
            chosen = range(start, min(len(lefts), start + at_once))
            batch = np.stack(
                [
                    preprocessing.normalise(
                        mirrored(image, (top, top + rows), (lefts[i], lefts[i] + columns))
                    )
                    for i in chosen
                ]
            )
            probabilities = apply_network(network, batch, flip)
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


def _tile_grid(
    length: int, tile: int, overlap: float
) -> tuple[list[int], list[NDArray[np.float32]]]:
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


def mirrored(image: Pixels, rows: tuple[int, int], columns: tuple[int, int]) -> Pixels:
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
