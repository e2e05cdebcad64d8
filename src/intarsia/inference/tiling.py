"""Overlapping tiles of images that are too large for the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from intarsia.inference.band import Band
from intarsia.inference.probabilities import Network, apply_network
from intarsia.transforms import Pixels, Preprocessing
from intarsia.windows import tile_starts

_TILES_AT_ONCE = 8
_MARGIN = 0.25  # of the overlap: what is mirrored beyond each border of the image


def tiled_bands(
    network: Network,
    image: Pixels,
    preprocessing: Preprocessing,
    flip: bool,
    scales: Sequence[float],
    overlap: float,
    max_pixels: int,
) -> Iterator[Band]:
    """Overlapping tiles; holds one row of tiles at a time.

    Where there are several tiles they reach a little beyond the image, into its mirror image, so
    that pixels at the border have some context on every side (Ronneberger et al. 2015). Weights
    fall off smoothly from the middle of a tile (Hann) and, as the tiles lie on a grid, are a
    product of one weight per row and one per column, so both are normalised beforehand.
    """
    height, width = image.shape[:2]
    rows, columns = preprocessing.size
    above, beside = _margin(height, rows, overlap), _margin(width, columns, overlap)
    tall, wide = height + 2 * above, width + 2 * beside
    tops, row_weights = _tile_grid(tall, rows, overlap)
    lefts, column_weights = _tile_grid(wide, columns, overlap)
    at_once = max(1, min(_TILES_AT_ONCE, max_pixels // (rows * columns)))
    gathered = np.zeros((0, rows, wide), np.float32)
    for number, top in enumerate(tops):
        for start in range(0, len(lefts), at_once):
            chosen = range(start, min(len(lefts), start + at_once))
            batch = np.stack(
                [
                    preprocessing.normalise(
                        mirrored(
                            image,
                            (top - above, top - above + rows),
                            (lefts[i] - beside, lefts[i] - beside + columns),
                        )
                    )
                    for i in chosen
                ]
            )
            probabilities = apply_network(network, batch, flip, scales)
            if not len(gathered):
                gathered = np.zeros((probabilities.shape[1], rows, wide), np.float32)
            for tile, i in zip(probabilities, chosen, strict=True):
                weights = row_weights[number][:, None] * column_weights[i][None, :]
                inside = min(columns, wide - lefts[i])
                gathered[:, :, lefts[i] : lefts[i] + inside] += (tile * weights)[:, :, :inside]
        finished = (tops[number + 1] if number + 1 < len(tops) else tall) - top
        first, last = max(0, above - top), min(finished, above + height - top)
        if first < last:
            band = gathered[:, first:last, beside : beside + width]
            yield Band(top + first - above, band.copy())
        # what is left begins the next row of tiles
        kept = rows - finished
        gathered[:, :kept] = gathered[:, finished:].copy()
        gathered[:, kept:] = 0


def _margin(length: int, tile: int, overlap: float) -> int:
    return round(_MARGIN * overlap * tile) if length > tile else 0


def _tile_grid(
    length: int, tile: int, overlap: float
) -> tuple[list[int], list[NDArray[np.float32]]]:
    """Starts of tiles that cover `length`, and each one's weights; these sum to 1 everywhere."""
    starts = tile_starts(length, tile, overlap)
    if length <= tile:
        return starts, [np.ones(tile, np.float32)]
    # Hann without its zeros, in float64: the far corners of a tile still count a little
    hann = np.sin(np.pi * (np.arange(tile) + 1) / (tile + 1)) ** 2
    total = np.zeros(length)
    for start in starts:
        total[start : start + tile] += hann
    return starts, [(hann / total[s : s + tile]).astype(np.float32) for s in starts]


def mirrored(image: Pixels, rows: tuple[int, int], columns: tuple[int, int]) -> Pixels:
    """A cut from `image`; what lies beyond its edges is its mirror image."""
    height, width = image.shape[:2]
    if min(rows[0], columns[0]) >= 0 and rows[1] <= height and columns[1] <= width:
        return image[rows[0] : rows[1], columns[0] : columns[1]]
    at_rows, at_columns = _bounce(*rows, height), _bounce(*columns, width)
    return image[at_rows[:, None], at_columns[None, :]]


def _bounce(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Indices start..stop folded back into 0..length-1, edges not repeated.

    >>> _bounce(-2, 7, 3).tolist()
    [2, 1, 0, 1, 2, 1, 0, 1, 2]
    """
    period = max(1, 2 * (length - 1))
    folded = np.arange(start, stop, dtype=np.intp) % period
    return np.minimum(folded, period - folded) if length > 1 else np.zeros_like(folded)
