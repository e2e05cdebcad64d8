import cv2
import numpy as np
import pytest

from intarsia.augmentation import Augmentation
from intarsia.images import Scaling
from intarsia.transforms import Preprocessing, shrink, shrink_mask, warp, warp_mask
from intarsia.windows import moved, seen_window, tile_matrix, tile_starts

SHAPE = (151, 131)
ANY = Augmentation(0.5, 0.5, 180, (0.5, 2.0), 0.3)
PREPARED = Preprocessing(
    (32, 48), "tiles", Scaling(0, 255, "8 bit"), (0.0,) * 3, (1.0,) * 3, tile=(64, 96)
)


def test_tiles_cover_everything_and_end_at_the_edge():
    for length in range(1, 200):
        starts = tile_starts(length, 40, 0.25)
        seen = np.zeros(max(40, length))
        for start in starts:
            seen[start : start + 40] += 1
        assert seen.min() >= 1
        assert starts[-1] == max(0, length - 40)
    assert tile_starts(100, 40, 0.0) == [0, 30, 60]
    assert tile_starts(100, 40, 0.5) == [0, 20, 40, 60]


def test_a_sample_of_the_window_is_one_of_the_whole_image():
    image = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    mask = image[..., 0] // 86
    size = PREPARED.size
    for seed in range(30):
        rng = np.random.default_rng(seed)
        matrix = tile_matrix((30, 83), SHAPE, PREPARED, ANY, rng)
        window = seen_window(matrix, size, SHAPE)
        rows, columns = slice(*window[0]), slice(*window[1])
        part = warp(image[rows, columns], moved(matrix, window), size, (9.0,) * 3)
        whole = warp(image, matrix, size, (9.0,) * 3)
        np.testing.assert_allclose(part.astype(int), whole.astype(int), atol=8)
        ids = warp_mask(mask[rows, columns], moved(matrix, window), size, 255)
        assert (ids != warp_mask(mask, matrix, size, 255)).mean() < 0.01


def test_without_changes_a_sample_is_its_tile():
    matrix = tile_matrix((30, 83), SHAPE, PREPARED, Augmentation(), np.random.default_rng(0))
    assert matrix.tolist() == [[1, 0, -83], [0, 1, -30]]


def test_samples_stay_inside_and_show_every_part_of_their_tile():
    zoomed = Augmentation(scale=(2.0, 2.0))
    seen = np.zeros(SHAPE)
    for seed in range(150):
        rng = np.random.default_rng(seed)
        matrix = tile_matrix((119, 83), SHAPE, PREPARED, zoomed, rng)
        (top, bottom), (left, right) = seen_window(matrix, PREPARED.size, SHAPE)
        assert 0 <= top < bottom <= 151
        assert bottom - top <= 20
        seen[top:bottom, left:right] = 1
        inside = warp(np.ones((*SHAPE, 1), np.uint8), matrix, PREPARED.size, (0.0,))
        assert inside.min() == 1
    assert seen[119:, 83:].mean() > 0.99


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_a_window_shrinks_to_the_pixels_of_the_whole_shrunk(factor):
    prepared = Preprocessing(
        (16, 24), "tiles", Scaling(0, 65535, "16 bit"), (0.0,), (1.0,),
        tile=(16 * factor, 24 * factor),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for dtype in (np.uint8, np.uint16, np.float32):
        # fractions whose sum depends on the order
        image = (rng.random((*SHAPE, 1)) * 256).astype(dtype)
        mask = rng.integers(0, 9, SHAPE).astype(np.uint8)
        small, ids = shrink(image, prepared), shrink_mask(mask, prepared)
        assert small.shape[:2] == ids.shape == (-(-151 // factor), -(-131 // factor))
        block = image[: 7 * factor, : 9 * factor].astype(float)
        means = block.reshape(7, factor, 9, factor, 1).mean(axis=(1, 3))
        assert abs(small[:7, :9] - means).max() <= 0.5
        for top, bottom, left, right in ((0, 9, 3, 8), (4, len(small), 11, small.shape[1])):
            rows = slice(top * factor, bottom * factor)
            columns = slice(left * factor, right * factor)
            part = shrink(image[rows, columns], prepared)
            np.testing.assert_array_equal(part, small[top:bottom, left:right])
            part = shrink_mask(mask[rows, columns], prepared)
            np.testing.assert_array_equal(part, ids[top:bottom, left:right])


def test_read_only_pixels_can_be_warped():
    image = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    image.setflags(write=False)
    part = image[10:60, 20:70]
    turned = warp(part, np.array([[1.0, 0, 0], [0, 1, 0]]), (50, 50), (0.0,) * 3)
    np.testing.assert_array_equal(turned, part)
    assert cv2.resize(part, (25, 25)).shape == (25, 25, 3)
