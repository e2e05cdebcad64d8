import numpy as np
import pytest

from intarsia.errors import DataError
from intarsia.images import Scaling


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64, np.int32])
def test_by_hand(dtype):
    image = np.array([[[0], [50]], [[100], [120]]]).astype(dtype)
    scaled = Scaling(20, 100, "clip").apply(image)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.ravel(), [0, 0.375, 1, 1], atol=1e-7)
    assert image.ravel().tolist() == [0, 50, 100, 120]


def test_large_whole_numbers_keep_their_differences():
    image = np.array([[[2**30], [2**30 + 1], [2**30 + 2]]], np.int32)
    assert Scaling(2**30, 2**30 + 2, "").apply(image).ravel().tolist() == [0, 0.5, 1]


def test_json():
    scaling = Scaling(0, 4095, "12 bit")
    assert Scaling.from_json(scaling.to_json()) == scaling


def test_every_channel_by_itself():
    scaling = Scaling.by_channel([(0, 10), (100, 300)], "by channel")
    assert (scaling.low, scaling.high, scaling.bounds(1)) == (0, 300, (100, 300))
    image = np.array([[[5, 150], [20, 400]]], np.uint16)
    expected = np.array([[[0.5, 0.25], [1, 1]]], np.float32)
    np.testing.assert_allclose(scaling.apply(image), expected)
    np.testing.assert_allclose(scaling.apply(image[:, :, :1]), expected[:, :, :1])
    assert Scaling.from_json(scaling.to_json()) == scaling
    with pytest.raises(DataError):
        Scaling.by_channel([(0, 10), (3, 3)], "")


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, float("nan")), (0, float("inf"))])
def test_empty_ranges(low, high):
    with pytest.raises(DataError):
        Scaling(low, high, "")
