"""Whole groups into parts of given shares, so that every class reaches every part.

A greedy start after Sechidis, Tsoumakas and Vlahavas, *On the Stratification of Multi-Label Data*
(2011), with whole groups for single examples: what is rarest is placed first, where it is most
lacking. Then single groups are moved, and pairs exchanged, while that helps.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_EMPTY = 100.0  # what a part without any image costs, and a part without a class
_MISSING = 1.0
_MISSING_FROM_FIRST = 3.0  # train: a class that is not there cannot be learned
_MOST_MOVES = 300
_MOST_EXCHANGED = 300  # groups; exchanges cost their square
_LEAST_GAIN = 1e-9


def assign_groups(
    sizes: Sequence[int], presence: NDArray[np.integer], shares: Sequence[float], seed: int
) -> list[int]:
    """The part of every group.

    Args:
        sizes: (G,) images of every group.
        presence: (G, K) images of every group that hold each class.
        shares: (S,) what each part should have of all; they add up to 1. Part 0 is to train.
        seed: decides among equals.
    """
    content = np.concatenate(
        [np.asarray(sizes, np.float64)[:, None], np.asarray(presence, np.float64)], axis=1
    )
    parts = _start(content, np.asarray(shares), seed)
    return [int(part) for part in _improve(content, np.asarray(shares), parts)]


def _start(content: Numbers, shares: Numbers, seed: int) -> NDArray[np.intp]:
    total = np.maximum(content.sum(axis=0), 1.0)
    holders = (content > 0).sum(axis=0)
    rarity = np.where(content > 0, holders, np.inf).min(axis=1, initial=np.inf)
    order = list(range(len(content)))
    random.Random(seed).shuffle(order)
    order.sort(key=lambda g: (rarity[g], -content[g, 0]))
    lacking = shares[:, None] * total
    parts = np.zeros(len(content), np.intp)
    for group in order:
        # what a part lacks, in shares of the class, weighted towards what few groups hold
        need = (lacking / total) @ ((content[group] > 0) / np.maximum(holders, 1))
        part = int(np.argmax(need + 1e-6 * lacking[:, 0] / total[0]))
        parts[group] = part
        lacking[part] -= content[group]
    return parts


def _improve(content: Numbers, shares: Numbers, parts: NDArray[np.intp]) -> NDArray[np.intp]:
    total = np.maximum(content.sum(axis=0), 1.0)
    have = np.stack([content[parts == part].sum(axis=0) for part in range(len(shares))])
    for _ in range(_MOST_MOVES):
        now = _costs(have, np.arange(len(shares)), shares, total)
        best = _best_move(content, parts, have, shares, total, now)
        if best[0] > -_LEAST_GAIN and len(content) <= _MOST_EXCHANGED:
            best = _best_exchange(content, parts, have, shares, total, now)
        if best[0] > -_LEAST_GAIN:
            break
        for group, part in best[1]:
            have[parts[group]] -= content[group]
            have[part] += content[group]
            parts[group] = part
    return parts


def _costs(have: Numbers, part: NDArray[np.intp], shares: Numbers, total: Numbers) -> Numbers:
    """(...,) how bad it is that part `part` (...) holds `have` (..., 1 + K)."""
    apart = np.abs(have - shares[part][..., None] * total) / total
    classes = max(1, have.shape[-1] - 1)
    # all classes together weigh as much as the number of images
    cost = apart[..., 0] + apart[..., 1:].sum(axis=-1) / classes
    missing = ((have[..., 1:] < 0.5) & (total[1:] > 0.5)).sum(axis=-1)
    each = np.where(part == 0, _MISSING_FROM_FIRST, _MISSING)
    return np.asarray(cost + each * missing + _EMPTY * (have[..., 0] < 0.5))


_Best = tuple[float, list[tuple[int, int]]]


def _best_move(
    content: Numbers,
    parts: NDArray[np.intp],
    have: Numbers,
    shares: Numbers,
    total: Numbers,
    now: Numbers,
) -> _Best:
    left = _costs(have[parts] - content, parts, shares, total) - now[parts]
    best: _Best = (0.0, [])
    for part in range(len(shares)):
        joined = _costs(have[part] + content, np.full(len(parts), part), shares, total) - now[part]
        gain = np.where(parts == part, 0.0, left + joined)
        group = int(np.argmin(gain))
        if gain[group] < best[0]:
            best = (float(gain[group]), [(group, part)])
    return best


def _best_exchange(
    content: Numbers,
    parts: NDArray[np.intp],
    have: Numbers,
    shares: Numbers,
    total: Numbers,
    now: Numbers,
) -> _Best:
    best: _Best = (0.0, [])
    for one in range(len(shares)):
        for other in range(one + 1, len(shares)):
            mine, theirs = np.flatnonzero(parts == one), np.flatnonzero(parts == other)
            if not len(mine) or not len(theirs):
                continue
            change = content[theirs][None] - content[mine][:, None]
            shape = change.shape[:2]
            gain = (
                _costs(have[one] + change, np.full(shape, one), shares, total)
                + _costs(have[other] - change, np.full(shape, other), shares, total)
                - now[one]
                - now[other]
            )
            i, j = np.unravel_index(int(np.argmin(gain)), shape)
            if gain[i, j] < best[0]:
                best = (float(gain[i, j]), [(int(mine[i]), other), (int(theirs[j]), one)])
    return best
