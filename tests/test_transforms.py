import numpy as np

from intarsia.images import Scaling
from intarsia.transforms import (
    Preprocessing,
    fit_matrix,
    fitted_rectangle,
    shrink,
    shrink_mask,
    warp,
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
