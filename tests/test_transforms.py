import numpy as np
import pytest

from intarsia.images import Scaling
from intarsia.transforms import (
    Augmentation,
    Preprocessing,
    augment,
    fit_matrix,
    fitted_rectangle,
    random_matrix,
    shrink,
    shrink_mask,
    warp,
    warp_mask,
)


def preprocessing(fit="letterbox", size=(48, 80), channels=3):
    return Preprocessing(size, fit, Scaling(0, 255, "8 bit"), (0.5,) * channels, (0.25,) * channels)


def test_letterbox_keeps_the_aspect_and_centres():
    # 90x100 into 48x80: scale 48/90, width 53.3
    assert fitted_rectangle(90, 100, preprocessing()) == (0, 13, 48, 53)
    assert fitted_rectangle(90, 100, preprocessing("stretch")) == (0, 0, 48, 80)
    assert fitted_rectangle(1, 5000, preprocessing()) == (23, 0, 1, 80)


def test_fit_matrix_maps_pixel_centres_to_pixel_centres():
    matrix = fit_matrix(90, 100, preprocessing("stretch"))
    # the outer edges (-0.5 and n - 0.5) land on the outer edges of the sample
    assert np.allclose(matrix @ [-0.5, -0.5, 1], [-0.5, -0.5])
    assert np.allclose(matrix @ [99.5, 89.5, 1], [79.5, 47.5])


def test_normalise_is_mean_and_deviation_by_hand():
    image = np.full((2, 3, 3), 255, np.uint8)
    planes = preprocessing().normalise(image)
    assert planes.shape == (3, 2, 3)
    assert planes.dtype == np.float32
    assert np.allclose(planes, (1.0 - 0.5) / 0.25)


def test_padding_is_zero_once_normalised():
    prepared = preprocessing()
    image = np.full((10, 80, 3), 200, np.uint8)
    sample = warp(image, fit_matrix(10, 80, prepared), prepared.size, prepared.fill)
    planes = prepared.normalise(sample)
    assert abs(planes[:, 0, 0]).max() < 0.02
    assert planes[:, 24, 40].min() > 1


def test_shrinking_twice_and_halving_is_the_mean_of_four():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (96, 160, 3), np.uint8)
    prepared = preprocessing("stretch")
    assert shrink(image, prepared) is image  # already twice the size
    sample = warp(image, fit_matrix(96, 160, prepared), prepared.size, prepared.fill)
    mean = image.reshape(48, 2, 80, 2, 3).mean(axis=(1, 3))
    assert np.abs(sample - mean).max() <= 1


def test_shrinking_a_large_image_averages_and_a_mask_invents_no_id():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (384, 640, 5), np.uint8)
    mask = rng.choice(np.array([0, 7, 255], np.uint8), (384, 640))
    prepared = preprocessing("stretch", channels=5)
    small = shrink(image, prepared)
    assert small.shape == (96, 160, 5)
    assert np.abs(small - image.reshape(96, 4, 160, 4, 5).mean(axis=(1, 3))).max() <= 1
    assert set(np.unique(shrink_mask(mask, prepared))) == {0, 7, 255}
    assert shrink(image, preprocessing("crop")) is image


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "crop"])
def test_image_and_mask_stay_together(fit):
    """A mask drawn from the image's own pixels still agrees with it after every warp."""
    blob = np.zeros((75, 131), np.uint8)
    blob[20:50, 30:90] = 1
    image = (blob * 200)[..., None].repeat(3, axis=2)
    change = Augmentation(0.5, 0.5, 25, (0.8, 1.6), 0.2)
    prepared = preprocessing(fit)
    for seed in range(20):
        planes, mask = augment(image, blob, prepared, change, np.random.default_rng(seed), 255)
        assert planes.shape == (3, 48, 80)
        assert mask.shape == (48, 80)
        bright = planes[0] * 0.25 + 0.5 > 100 / 255
        known = mask != 255
        # only the one-pixel seam, where bilinear and nearest differ, may disagree
        assert (bright[known] != (mask[known] == 1)).mean() < 0.06


def test_a_crop_stays_inside_a_larger_image():
    prepared = preprocessing("crop")
    for seed in range(30):
        matrix = random_matrix(
            75, 131, prepared, Augmentation(flip=0.5), np.random.default_rng(seed)
        )
        mask = warp_mask(np.zeros((75, 131), np.uint8), matrix, prepared.size, 255)
        assert (mask == 0).mean() > 0.97


def test_no_augmentation_of_a_fitting_image_changes_nothing():
    prepared = preprocessing("crop", size=(33, 65))
    image = np.random.default_rng(0).integers(0, 256, (33, 65, 3), np.uint8)
    planes, _ = augment(
        image,
        np.zeros((33, 65), np.uint8),
        prepared,
        Augmentation(),
        np.random.default_rng(0),
        255,
    )
    assert np.allclose(planes, prepared.normalise(image), atol=1e-5)


def test_the_same_seed_gives_the_same_sample():
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 1), np.uint8)
    mask = np.zeros((70, 90), np.uint8)
    change = Augmentation(0.5, 0.5, 20, (0.5, 2), 0.2, 0.2, 0.2, 1.0)
    prepared = preprocessing(channels=1)
    one, two, three = (
        augment(image, mask, prepared, change, np.random.default_rng([0, 1, i]), 255)[0]
        for i in (5, 5, 6)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_any_depth_and_channel_count(dtype, channels):
    image = np.full((40, 50, channels), 100, dtype)
    prepared = preprocessing(channels=channels)
    change = Augmentation(blur=1.0)
    planes, _ = augment(
        image, np.zeros((40, 50), np.uint8), prepared, change, np.random.default_rng(0), 255
    )
    assert planes.shape == (channels, 48, 80)
    assert np.allclose(planes[:, 24, 40], (100 / 255 - 0.5) / 0.25, atol=0.02)


def test_brightness_and_contrast_touch_the_image_alone():
    image = np.full((48, 80, 3), 128, np.uint8)
    mask = np.arange(48 * 80, dtype=np.uint16).reshape(48, 80)
    change = Augmentation(brightness=0.3, contrast=0.3)
    planes, labels = augment(image, mask, preprocessing(), change, np.random.default_rng(1), 65535)
    assert np.array_equal(labels, mask)
    assert abs(planes.mean() - 0.0078) > 0.05
