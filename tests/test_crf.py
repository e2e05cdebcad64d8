"""The CRF against dense kernels, and what must hold for any image."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from intarsia import crf
from intarsia.crf import lattice, refinement
from intarsia.errors import DataError, ImageError, RecipeError

Floats = NDArray[np.float32]
SIZE = (12, 17)
SETTINGS = {
    "appearance_weight": 4.0,
    "appearance_position": 20.0,
    "appearance_color": 30.0,
    "smoothness_weight": 1.5,
    "smoothness_position": 1.5,
}


def two_sides(noise: float = 8.0, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Dark left of column 7, reddish right of it."""
    image = np.full((*size, 3), 40.0)
    image[:, 7:] = (170, 90, 60)
    image += np.random.default_rng(3).normal(0, noise, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def uncertain(classes: int = 3, size: tuple[int, int] = SIZE) -> Floats:
    """Noisy probabilities with class 0 left and class 1 right of column 7."""
    logits = np.random.default_rng(4).normal(0, 1, (classes, *size))
    logits[0, :, :7] += 1
    logits[1, :, 7:] += 1
    odds = np.exp(logits)
    return (odds / odds.sum(axis=0)).astype(np.float32)


def dense(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(-|a - b|^2 / 2) of all pairs, symmetrically normalised."""
    kernel = np.exp(-0.5 * ((features[:, None] - features[None]) ** 2).sum(axis=2))
    scale = 1 / np.sqrt(kernel.sum(axis=1))
    normalised: NDArray[np.float64] = scale[:, None] * kernel * scale
    return normalised


def places(height: int, width: int) -> NDArray[np.float64]:
    return np.indices((height, width)).reshape(2, -1).T.astype(np.float64)


def brute_force(probabilities: Floats, image: NDArray[np.uint8], iterations: int) -> Floats:
    """Mean-field as the paper writes it down: Potts as a matrix, all pairs of pixels."""
    count = len(probabilities)
    where = places(*image.shape[:2])
    color = image.reshape(-1, 3) / SETTINGS["appearance_color"]
    appearance = dense(np.hstack([where / SETTINGS["appearance_position"], color]))
    smoothness = dense(where / SETTINGS["smoothness_position"])
    potts = 1 - np.eye(count)
    start = probabilities.reshape(count, -1).astype(np.float64)
    marginals = start
    for _ in range(iterations):
        energy = -np.log(start)
        energy += SETTINGS["appearance_weight"] * potts @ (marginals @ appearance.T)
        energy += SETTINGS["smoothness_weight"] * potts @ (marginals @ smoothness.T)
        odds = np.exp(-(energy - energy.min(axis=0)))
        marginals = odds / odds.sum(axis=0)
    return marginals.reshape(probabilities.shape).astype(np.float32)


def test_the_plane_filter_is_the_dense_kernel() -> None:
    values = np.random.default_rng(0).random((12 * 17, 5)).astype(np.float32)
    found = crf.PlaneFilter(12, 17, 1.7).apply(values)
    np.testing.assert_allclose(found, dense(places(12, 17) / 1.7) @ values, atol=2e-3)


@pytest.mark.parametrize("deviation", [2.0, 3.0, 6.0])
def test_the_lattice_has_the_shape_of_a_gaussian(deviation: float) -> None:
    height, width = 61, 67
    features = (places(height, width) / deviation).astype(np.float32)
    point = np.zeros((height * width, 1), np.float32)
    point[30 * width + 33] = 1
    found = crf.Lattice(features).apply(point).reshape(height, width).astype(np.float64)
    assert found.sum() == pytest.approx(1, abs=0.02)
    for axis, center in ((0, 30), (1, 33)):
        line = found.sum(axis=1 - axis)
        variance = (line * (np.arange(len(line)) - center) ** 2).sum() / line.sum()
        assert np.sqrt(variance) == pytest.approx(deviation, rel=0.05)
    exact = dense(places(height, width) / deviation)[30 * width + 33].reshape(height, width)
    # the lattice's bump is piecewise linear, and flatter at the top
    assert np.abs(found - exact).max() < 0.2 * exact.max()


@pytest.mark.parametrize(("position", "color"), [(80.0, 13.0), (20.0, 30.0), (5.0, 60.0)])
def test_the_appearance_filter_is_near_the_dense_kernel(position: float, color: float) -> None:
    image = two_sides()
    values = np.random.default_rng(1).random((12 * 17, 4)).astype(np.float32)
    values[:, 3] = image[:, :, 0].ravel() > 100
    features = np.hstack([places(12, 17) / position, image.reshape(-1, 3) / color])
    found = crf.Lattice(features.astype(np.float32)).apply(values)
    wrong = np.abs(found - dense(features) @ values)
    # of values of 0..1
    assert wrong.mean() < 0.02
    assert wrong.max() < 0.08


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_shares_and_corners_give_the_point_back(dimensions: int) -> None:
    features = np.random.default_rng(2).normal(0, 4, (200, dimensions)).astype(np.float32)
    strides, origin = lattice._strides(features)
    keys, shares = lattice._simplices(features, strides, origin)
    assert shares.min() > -1e-4
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    # a key read digit by digit is the corner's coordinates; their weighted mean is the point
    corners = np.empty((*keys.shape, dimensions))
    rest = keys
    for axis, stride in enumerate(strides):
        corners[..., axis] = rest // stride + origin[axis]
        rest = rest % stride
    assert (corners % (dimensions + 1) == np.arange(dimensions + 1)[None, :, None]).all()
    mean = (shares[..., None] * corners).sum(axis=1)
    np.testing.assert_allclose(mean, lattice._elevated(features)[:-1].T, atol=1e-3)


@pytest.mark.parametrize("iterations", [1, 5])
def test_marginals_are_near_those_of_brute_force(iterations: int) -> None:
    image, probabilities = two_sides(), uncertain()
    found = crf.refine(probabilities, image, iterations=iterations, **SETTINGS)
    expected = brute_force(probabilities, image, iterations)
    assert np.abs(found - expected).mean() < 0.02
    assert (found.argmax(axis=0) == expected.argmax(axis=0)).mean() > 0.98
    # the bound says something: without the CRF it is missed by far
    assert np.abs(probabilities - expected).mean() > 0.1


def test_the_smoothness_kernel_alone_is_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "appearance_weight", 0.0)
    image, probabilities = two_sides(), uncertain()
    found = crf.refine(probabilities, image, **SETTINGS)
    np.testing.assert_allclose(found, brute_force(probabilities, image, 5), atol=5e-3)


def test_marginals_sum_to_one_and_the_input_stays() -> None:
    probabilities = uncertain(5)
    before = probabilities.copy()
    found = crf.refine(probabilities, two_sides())
    assert found.shape == probabilities.shape
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities, before)


def test_nothing_to_do_gives_a_copy() -> None:
    probabilities, image = uncertain(), two_sides()
    none = crf.refine(probabilities, image, iterations=0)
    free = crf.refine(probabilities, image, appearance_weight=0, smoothness_weight=0)
    for found in (none, free):
        np.testing.assert_array_equal(found, probabilities)
        assert not np.shares_memory(found, probabilities)


def test_classes_can_change_places() -> None:
    probabilities, image, order = uncertain(4), two_sides(), [2, 0, 3, 1]
    found = crf.refine(probabilities[order], image)
    np.testing.assert_allclose(found, crf.refine(probabilities, image)[order], atol=1e-5)


def test_a_wrong_pixel_in_an_even_region_is_mended() -> None:
    probabilities = np.full((2, *SIZE), 0.2, np.float32)
    probabilities[0] = 0.8
    probabilities[:, 5, 9] = (0.3, 0.7)
    flat = np.full((*SIZE, 3), 120, np.uint8)
    assert crf.refine(probabilities, flat).argmax(axis=0).max() == 0


def test_an_edge_of_the_image_holds_the_edge_of_the_labels() -> None:
    # the network put the border two pixels too far to the right
    probabilities = np.full((2, *SIZE), 0.3, np.float32)
    probabilities[0, :, :9] = 0.7
    probabilities[1, :, 9:] = 0.7
    ids = crf.refine(probabilities, two_sides(noise=3.0)).argmax(axis=0)
    np.testing.assert_array_equal(ids, np.broadcast_to(np.arange(17) >= 7, SIZE))
    # in an image without that edge the border does not go there
    flat = np.full((*SIZE, 3), 120, np.uint8)
    there = crf.refine(probabilities, flat, smoothness_weight=1.0, appearance_weight=0.0)
    assert there.argmax(axis=0)[:, 7:9].max() == 0


def test_certain_pixels_and_layouts_are_no_matter() -> None:
    probabilities = np.zeros((2, *SIZE), np.float32)
    probabilities[0, :, :7] = 1
    probabilities[1, :, 7:] = 1
    found = crf.refine(probabilities, two_sides())
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found.argmax(axis=0), probabilities.argmax(axis=0))
    turned = np.ascontiguousarray(probabilities.transpose(1, 2, 0)).transpose(2, 0, 1)
    np.testing.assert_array_equal(crf.refine(turned, two_sides()[::-1][::-1]), found)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (33, 65)])
def test_any_size(size: tuple[int, int]) -> None:
    found = crf.refine(uncertain(3, size), two_sides(size=size))
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("size", [(40, 700), (600, 530)])
def test_tiles_cover_every_pixel_once(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(refinement, "_TILE_PIXELS", 9000)
    count = np.zeros(size, int)
    for seen, kept, inside in refinement._tiles(*size, 20):
        count[kept] += 1
        part = np.indices(size)[:, *seen][:, *inside]
        np.testing.assert_array_equal(part, np.indices(size)[:, *kept])
    assert (count == 1).all()


def test_tiles_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    size = (40, 700)
    probabilities, image = uncertain(3, size), two_sides(size=size)
    whole = crf.refine(probabilities, image, **SETTINGS)
    monkeypatch.setattr(refinement, "_TILE_PIXELS", 9000)
    tiled = crf.refine(probabilities, image, **SETTINGS)
    assert not np.array_equal(tiled, whole)  # there were tiles
    assert np.abs(tiled - whole).mean() < 0.01


@pytest.mark.parametrize(
    "wrong",
    [
        uncertain()[0],
        uncertain().astype(np.float64),
        uncertain()[:, :0],
        uncertain() * 2,
        np.log(uncertain()),
        np.full((2, *SIZE), np.nan, np.float32),
    ],
    ids=["flat", "float64", "empty", "sums to 2", "logits", "nan"],
)
def test_wrong_probabilities(wrong: Floats) -> None:
    with pytest.raises(DataError, match="probabilities"):
        crf.refine(wrong, two_sides())


@pytest.mark.parametrize(
    "wrong",
    [two_sides()[:, :, 0], two_sides()[:, :, :1], two_sides() / 255, two_sides()[1:]],
    ids=["flat", "grey", "float", "shorter"],
)
def test_wrong_images(wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ImageError, match="image"):
        crf.refine(uncertain(), wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iterations", -1),
        ("appearance_weight", -1.0),
        ("smoothness_weight", float("nan")),
        ("appearance_color", 0.0),
        ("smoothness_position", float("inf")),
        ("appearance_position", 1e-6),
    ],
)
def test_wrong_settings(name: str, value: float) -> None:
    expected = "sizes are too small" if value == 1e-6 else f"{name} is {value}"
    with pytest.raises(RecipeError, match=expected):
        crf.refine(uncertain(), two_sides(), **{name: value, **small_colors(value)})


def small_colors(value: float) -> dict[str, float]:
    return {"appearance_color": 1e-4} if value == 1e-6 else {}


@pytest.mark.slow
def test_the_size_of_camvid_takes_less_than_two_seconds() -> None:
    import time

    probabilities, image = uncertain(12, (360, 480)), two_sides(20.0, (360, 480))
    seconds = []
    for _ in range(5):
        begun = time.process_time()
        crf.refine(probabilities, image)
        seconds.append(time.process_time() - begun)
    # one thread does it all: CPU time is what it takes where nothing else runs
    assert min(seconds) < 2
