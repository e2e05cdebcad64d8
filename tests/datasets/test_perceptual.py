"""Distances of the perceptual hash."""

import numpy as np
import pytest

from intarsia.datasets.perceptual import BITS, perceptual_hash, thumbnail


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
