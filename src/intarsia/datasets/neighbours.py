"""Which images look most alike, by their perceptual hashes: exact for some thousands, fast beyond.

Up to 20 million comparisons all are made, and nothing is missed. Beyond, hashes are sorted in 21
orders, each by other bits first, and compared with the 16 on either side in each (the idea of LSH
forest: Bawa, Condie, Ganesan, *LSH Forest: Self-Tuning Indexes for Similarity Search*, 2005). Time
grows as n log n and memory as n, whatever the images are: many that are all alike, too. Measured
among 100,000 random hashes: of 10,000 pairs at 18 bits and as many at 24 none was missed, of 10,000
at 32 bits 22.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.perceptual import BITS, NEARLY_THE_SAME

MOST_COMPARISONS = 20_000_000  # half a second; past them, in orders
_ROWS = 128
_ORDERS, _FIRST_BITS, _KEY_BITS = 21, 12, 64
_SIDE = 16

Words = NDArray[np.uint64]  # (N, 4): a hash in four words
_Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def nearest(
    queries: Sequence[bytes], references: Sequence[bytes]
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """For every query the nearest reference, as its index and the bits that differ.

    Neither may be empty. Past `MOST_COMPARISONS` it is the nearest of those compared, and for a
    query without a near one another may be a little nearer.
    """
    wanted, among = _array(queries), _array(references)
    if len(wanted) * len(among) > MOST_COMPARISONS:
        return _nearest_in_orders(wanted, among)

    def block(start: int) -> tuple[NDArray[Any], NDArray[Any]]:
        distances, found = cv2.batchDistance(
            wanted[start : start + _ROWS], among, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=1
        )
        return found[:, 0], distances[:, 0]

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        parts = list(pool.map(block, range(0, len(wanted), _ROWS)))
    return (
        np.concatenate([found for found, _ in parts]).astype(np.intp),
        np.concatenate([distances for _, distances in parts]).astype(np.int32),
    )


def close_pairs(hashes: Sequence[bytes], most: int = NEARLY_THE_SAME) -> NDArray[np.intp]:
    """(P, 2) pairs i < j that differ in at most `most` bits, enough of them to connect all.

    Of images with one and the same hash each is paired with the first only, and images that a
    chain of pairs connects already are not paired again.
    """
    if len(hashes) < 2:
        return np.zeros((0, 2), np.intp)
    codes, first, same = np.unique(_array(hashes), axis=0, return_index=True, return_inverse=True)
    copies = np.stack([first[same.reshape(-1)], np.arange(len(hashes))], axis=1)
    found = [copies[copies[:, 0] != copies[:, 1]]]
    exact = len(codes) ** 2 <= MOST_COMPARISONS
    joined = np.arange(len(codes))
    for one, other in _all_close(codes, most) if exact else _close_in_orders(codes, most):
        new = joined[one] != joined[other]
        one, other = one[new], other[new]
        if len(one):
            found.append(np.stack([first[one], first[other]], axis=1))
            joined = _joined(joined, one, other)
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.asarray(np.unique(pairs, axis=0), np.intp)


def _all_close(codes: NDArray[np.uint8], most: int) -> Iterator[_Pairs]:
    words = _words(codes).T
    for start in range(0, len(codes), _ROWS):
        apart = np.zeros((len(codes[start : start + _ROWS]), len(codes) - start), np.uint16)
        for word in words:  # one of the four at a time: far less memory to go through
            apart += np.bitwise_count(word[start : start + _ROWS, None] ^ word[None, start:])
        one, other = np.nonzero(apart <= most)
        later = one < other
        yield one[later] + start, other[later] + start


def _close_in_orders(codes: NDArray[np.uint8], most: int) -> Iterator[_Pairs]:
    words, bits = _words(codes), _bits(codes)
    for columns in _key_columns():
        order = np.argsort(_keys(bits, columns), kind="stable")
        ordered = words[order]
        near = [
            (at, at + step)
            for step in range(1, _SIDE + 1)
            for at in [np.flatnonzero(_apart(ordered[step:], ordered[:-step]) <= most)]
        ]
        one = np.concatenate([at for at, _ in near])
        other = np.concatenate([at for _, at in near])
        yield order[one], order[other]


def _nearest_in_orders(
    wanted: NDArray[np.uint8], among: NDArray[np.uint8]
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    asked, there = _words(wanted), _words(among)
    asked_bits, there_bits = _bits(wanted), _bits(among)

    def search(columns: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        keys = _keys(there_bits, columns)
        order = np.argsort(keys, kind="stable")
        ordered = there[order]
        questions = _keys(asked_bits, columns)
        # asked in the order of their keys, neighbours read the same memory
        turn = np.argsort(questions, kind="stable")
        at = np.searchsorted(keys[order], questions[turn])
        queries = asked[turn]
        best = np.full(len(turn), BITS + 1, np.int32)
        where = np.zeros(len(turn), np.intp)
        for step in range(-_SIDE, _SIDE):
            place = np.clip(at + step, 0, len(order) - 1)
            # `take` is ten times as fast as an index here
            apart = _apart(ordered.take(place, axis=0), queries)
            nearer = apart < best
            best[nearer] = apart[nearer]
            where[nearer] = place[nearer]
        found, distance = np.empty_like(where), np.empty_like(best)
        found[turn], distance[turn] = order[where], best
        return found, distance

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        parts = list(pool.map(search, _key_columns()))
    found, distance = parts[0]
    for other, apart in parts[1:]:
        nearer = apart < distance
        found[nearer], distance[nearer] = other[nearer], apart[nearer]
    return found, distance


def _key_columns() -> list[NDArray[np.intp]]:
    """The bits that each order sorts by, the first of them different in every order."""
    # neighbouring frequencies go together in many images: keys of mixed ones are more even
    mixed = np.random.default_rng(0).permutation(BITS)
    return [np.roll(mixed, -_FIRST_BITS * at)[:_KEY_BITS] for at in range(_ORDERS)]


def _bits(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(256, N), so that the bits of one place lie together."""
    return np.ascontiguousarray(np.unpackbits(codes, axis=1).T)


def _keys(bits: NDArray[np.uint8], columns: NDArray[np.intp]) -> NDArray[np.uint64]:
    packed = np.ascontiguousarray(np.packbits(bits[columns], axis=0).T)
    return packed.view(">u8").reshape(-1).astype(np.uint64)


def _apart(one: Words, other: Words) -> NDArray[np.int32]:
    bits = np.bitwise_count(one ^ other)
    apart: NDArray[np.int32] = bits[:, 0].astype(np.int32)
    for word in range(1, bits.shape[1]):  # a third of the time of `sum` along so short an axis
        apart += bits[:, word]
    return apart


def _joined(
    labels: NDArray[np.intp], one: NDArray[np.intp], other: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The labels once more pairs are connected."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(labels)
    ends = (labels[one], labels[other])
    graph = coo_array((np.ones(len(one), np.int8), ends), (count, count))
    _, merged = connected_components(graph, directed=False)
    return np.asarray(merged, np.intp)[labels]


def _words(codes: NDArray[np.uint8]) -> Words:
    return np.ascontiguousarray(codes).view(np.uint64)


def _array(hashes: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), BITS // 8)
