"""Distances of the perceptual hash, and searches checked against all pairs."""

import numpy as np
import pytest

from intarsia.datasets.perceptual import BITS, close_pairs, nearest, perceptual_hash, thumbnail


def scene(seed, size=(60, 90)):
    coarse = np.random.default_rng(seed).integers(0, 200, (12, 18, 3))
    rows = np.arange(size[0]) * 12 // size[0]
    columns = np.arange(size[1]) * 18 // size[1]
    return coarse[rows][:, columns].astype(np.uint8)


def bits(one, other):
    return sum((x ^ y).bit_count() for x, y in zip(one, other, strict=True))


def test_brightness_contrast_depth_and_size_change_little():
    first = perceptual_hash(scene(1))
    assert len(first) * 8 == BITS
    assert bits(first, perceptual_hash((scene(1) * 0.7 + 30).astype(np.uint8))) <= 8
    assert bits(first, perceptual_hash(scene(1).astype(np.uint16) * 200)) <= 4
    assert bits(first, perceptual_hash(scene(1, (120, 180)))) <= 8
    assert bits(first, perceptual_hash(scene(1).mean(axis=2, keepdims=True))) <= 4
    assert bits(first, perceptual_hash(scene(2))) > 60


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_nothing_to_see_has_no_hash(dtype):
    assert perceptual_hash(np.full((13, 21, 3), 7, dtype)) is None


def test_thumbnails_are_grey_and_deep_ones_stretched():
    assert thumbnail(np.full((13, 21, 3), 7, np.uint8)).tolist() == [[7] * 16] * 12
    ramp = np.tile(np.arange(32, dtype=np.uint16) * 1000, (24, 1))[:, :, None]
    small = thumbnail(ramp)
    assert (small.shape, small.dtype, small.min(), small.max()) == ((12, 16), np.uint8, 0, 255)


def test_searches_find_what_all_pairs_show():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (700, 32), np.uint8)
    for at in range(0, 60, 2):  # neighbours that differ in 0 to 45 bits
        flipped = np.unpackbits(hashes[at])
        flipped[rng.choice(256, at * 3 // 4, replace=False)] ^= 1
        hashes[699 - at] = np.packbits(flipped)
    codes = [row.tobytes() for row in hashes]
    unpacked = np.unpackbits(hashes, axis=1).astype(np.int32)
    apart = np.abs(unpacked[:, None] - unpacked[None]).sum(axis=2)
    expected = np.argwhere(np.triu(apart <= 32, 1)).tolist()
    assert 20 <= len(expected) < 30
    assert sorted(close_pairs(codes).tolist()) == expected
    found, distance = nearest(codes[:300], codes[300:])
    assert distance.tolist() == apart[:300, 300:].min(axis=1).tolist()
    assert (apart[np.arange(300), 300 + found] == distance).all()
    assert close_pairs(codes[:1]).shape == (0, 2)


def test_equal_hashes_are_chained_to_the_first():
    assert close_pairs([b"a" * 32, b"\xff" * 32, b"a" * 32, b"a" * 32]).tolist() == [
        [0, 2], [0, 3],
    ]  # fmt: skip
