import numpy as np
import pytest

from intarsia.augmentation import Augmentation, augment, random_matrix
from intarsia.images import Scaling
from intarsia.transforms import (
    Preprocessing,
    warp_mask,
)


def preprocessing(fit="letterbox", size=(48, 80), channels=3):
    return Preprocessing(size, fit, Scaling(0, 255, "8 bit"), (0.5,) * channels, (0.25,) * channels)


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
