import tracemalloc
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from intarsia import inference
from intarsia.errors import ImageError, ModelError, RecipeError
from intarsia.images import Scaling
from intarsia.inference import Band, Inference, fitting
from intarsia.transforms import Fit, Preprocessing

Planes = NDArray[np.float32]
SIZES = [(33, 65), (1, 1), (1, 500), (500, 1), (48, 64), (97, 41), (150, 211), (7, 9)]


def preparation(fit: Fit, size: tuple[int, int] = (48, 64), channels: int = 3) -> Preprocessing:
    zero, one = (0.0,) * channels, (1.0,) * channels
    return Preprocessing(size, fit, Scaling(0, 255, "8 bit"), zero, one)


def echo(batch: Planes) -> Planes:
    """A network of logits 10·pixel: a channel is a class, the brightest channel wins."""
    return batch * 10


def halves(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Three coloured regions, and the class of every pixel."""
    y, x = np.mgrid[:height, :width]
    classes = np.where(x >= width / 2, 1, 0)
    classes[y >= 2 * height / 3] = 2
    return (np.eye(3)[classes] * 255).astype(np.uint8), classes


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch", "tiles"])
def test_any_size_keeps_its_place(fit: Fit, size: tuple[int, int]) -> None:
    image, classes = halves(*size)
    settings = {"max_pixels": 4096, "flip": True}
    probabilities = Inference(echo, preparation(fit), **settings).probabilities(image)
    assert probabilities.shape == (3, *size)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    mask = Inference(echo, preparation(fit), **settings).mask(image)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, probabilities.argmax(axis=0))
    if fit in ("crop", "tiles"):
        np.testing.assert_array_equal(mask, classes)
    elif min(size) > 1:
        # resampling may move an edge by the size of a sample's pixel, and no further
        y, x = np.mgrid[: size[0], : size[1]]
        reach_x, reach_y = max(1, size[1] / 48), max(1, size[0] / 36)
        far = (abs(x + 0.5 - size[1] / 2) > reach_x) & (abs(y + 0.5 - 2 * size[0] / 3) > reach_y)
        np.testing.assert_array_equal(mask[far], classes[far])
        assert far.any()


@pytest.mark.parametrize("size", [(33, 65), (48, 65), (300, 171)])
@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_a_ramp_comes_back_where_it_was(fit: Fit, size: tuple[int, int]) -> None:
    # The probability of class 1 is the pixel's value: a linear ramp must survive the way there
    # and back to a small part of the step from pixel to pixel, or something is shifted.
    y, x = np.mgrid[: size[0], : size[1]]
    ramp = 0.2 + 0.6 * (x + 0.5) / size[1] * 0.5 + 0.6 * (y + 0.5) / size[0] * 0.5
    image = ramp.astype(np.float32)[:, :, None]
    pre = Preprocessing((96, 128), fit, Scaling(0, 1, "float"), (0.0,), (1.0,))

    def logit(batch: Planes) -> Planes:
        inside = batch.clip(1e-3, 1 - 1e-3)
        result: Planes = np.log(inside / (1 - inside))
        return result

    found = Inference(logit, pre).probabilities(image)[1]
    inner = np.s_[size[0] // 6 : -size[0] // 6, size[1] // 6 : -size[1] // 6]
    step = 0.3 / max(size)
    np.testing.assert_allclose(found[inner], ramp[inner], atol=0.25 * step)


def test_one_logit_means_two_classes() -> None:
    image = np.array([[0, 255]], np.uint8)[:, :, None]
    found = Inference(lambda b: b * 4 - 2, preparation("crop", (1, 2), channels=1)).probabilities(
        image
    )
    sigmoid = 1 / (1 + np.exp(2))
    np.testing.assert_allclose(found[1, 0], [sigmoid, 1 - sigmoid], rtol=1e-6)
    np.testing.assert_allclose(found[0], 1 - found[1], rtol=1e-6)


def blurring(batch: Planes) -> Planes:
    """Looks at 5 x 5 pixels, as a small network does, with zeros beyond the border."""
    padded = np.pad(batch, ((0, 0), (0, 0), (2, 2), (2, 2)))
    height, width = batch.shape[2:]
    total = sum(padded[:, :, i : i + height, j : j + width] for i in range(5) for j in range(5))
    return np.asarray(total, np.float32) * 0.4


@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.8])
@pytest.mark.parametrize("size", [(100, 157), (49, 64), (48, 200), (30, 200)])
def test_tiles_agree_with_the_whole_image(size: tuple[int, int], overlap: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    whole = Inference(blurring, preparation("crop")).probabilities(image)
    tiles = Inference(blurring, preparation("tiles"), overlap=overlap).probabilities(image)
    forced = Inference(blurring, preparation("crop"), overlap=overlap, max_pixels=1).probabilities(
        image
    )
    np.testing.assert_array_equal(tiles, forced)
    # a tile's edge sees zeros instead of its neighbour, but hardly counts there; at the image's
    # own border the whole sees zeros, and tiles the mirror image
    inside = (slice(None), slice(2, -2), slice(2, -2))
    tiles, whole = tiles[inside], whole[inside]
    assert abs(tiles - whole).max(axis=0).mean() < 0.005
    assert np.mean(tiles.argmax(axis=0) != whole.argmax(axis=0)) < 0.01


def test_tiles_of_a_pointwise_network_are_exact() -> None:
    image = np.random.default_rng(1).integers(0, 256, (131, 203, 3), np.uint8)
    whole = Inference(echo, preparation("crop")).probabilities(image)
    tiles = Inference(echo, preparation("tiles"), overlap=0.3).probabilities(image)
    np.testing.assert_allclose(tiles, whole, atol=1e-6)


def test_tiles_see_the_mirror_image_beyond_the_border() -> None:
    image = np.random.default_rng(2).integers(1, 256, (100, 157, 1), np.uint8)
    seen: list[Planes] = []

    def watching(batch: Planes) -> Planes:
        seen.extend(batch)
        return batch

    prepared = preparation("tiles", channels=1)
    Inference(watching, prepared, overlap=0.5).mask(image)
    rows, columns = prepared.size
    above, beside = rows // 8, columns // 8
    padded = np.pad(image[:, :, 0], ((above, above), (beside, beside)), mode="reflect")
    corner = prepared.normalise(padded[:rows, :columns, None])
    np.testing.assert_array_equal(seen[0], corner)


def test_blending_leaves_no_seam() -> None:
    # A network that answers something else in every tile: the blend must still be smooth.
    rounds = iter(range(1000))

    def moody(batch: Planes) -> Planes:
        levels = np.array([next(rounds) % 2 for _ in batch], np.float32)
        return np.broadcast_to(levels[:, None, None, None] * 2 - 1, batch.shape).copy()

    image = np.zeros((48, 400, 1), np.uint8)
    found = Inference(moody, preparation("tiles", channels=1)).probabilities(image)[1]
    assert np.ptp(found) > 0.2
    assert abs(np.diff(found, axis=1)).max() < 0.05


def test_flip_averages_with_the_mirrored_image() -> None:
    def leaning(batch: Planes) -> Planes:
        slope = np.linspace(-3, 3, batch.shape[3], dtype=np.float32)
        return np.broadcast_to(slope, batch.shape).copy()

    image = np.zeros((48, 64, 1), np.uint8)
    pre = preparation("crop", channels=1)
    once = Inference(leaning, pre).probabilities(image)[1]
    both = Inference(leaning, pre, flip=True).probabilities(image)[1]
    np.testing.assert_allclose(both, (once + once[:, ::-1]) / 2, atol=1e-6)
    np.testing.assert_allclose(both, 0.5, atol=1e-6)


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_bands_equal_one_piece(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = halves(123, 77)
    whole = Inference(echo, preparation(fit)).probabilities(image)
    monkeypatch.setattr(inference.fitting, "_BAND_VALUES", 3 * 77 * 10)
    bands = list(Inference(echo, preparation(fit)).bands(image))
    assert len(bands) == 13
    np.testing.assert_array_equal(np.concatenate([b.probabilities for b in bands], 1), whole)
    np.testing.assert_array_equal(Inference(echo, preparation(fit)).probabilities(image), whole)


def test_the_way_back_is_opencv_s_bilinear_resize() -> None:
    import cv2

    random = np.random.default_rng(3).random((4, 13, 21), np.float32)
    for height, width in [(40, 61), (7, 9), (13, 50), (40, 21), (1, 1)]:
        found = inference.fitting._enlarged(random, height, width, 0, height)
        expected = [cv2.resize(plane, (width, height)) for plane in random]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_bands_of_tiles_follow_each_other() -> None:
    image, _ = halves(200, 90)
    bands = list(Inference(echo, preparation("tiles")).bands(image))
    assert bands[0].top == 0
    for above, below in pairwise(bands):
        assert above.top + above.probabilities.shape[1] == below.top
    assert bands[-1].top + bands[-1].probabilities.shape[1] == 200


def test_a_mask_of_a_large_image_takes_no_planes() -> None:
    height, width, classes = 4000, 500, 20

    def constant(batch: Planes) -> Planes:
        return np.zeros((len(batch), classes, *batch.shape[2:]), np.float32)

    for fit in ("letterbox", "tiles"):
        image = np.zeros((height, width, 1), np.uint8)
        pre = preparation(fit, (128, 128), channels=1)
        tracemalloc.start()
        mask = Inference(constant, pre, max_pixels=1).mask(image)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert mask.shape == (height, width)
        # all planes at once would be 160 MB
        assert peak < (100e6 if fit == "letterbox" else 40e6)


def test_many_classes_need_sixteen_bits() -> None:
    planes = np.zeros((300, 1, 2), np.float32)
    planes[299, 0, 1] = 0.5
    ids, confidence = Band(0, planes).decide()
    assert ids.dtype == np.uint16
    assert ids.tolist() == [[0, 299]]
    assert confidence.tolist() == [[0.0, 0.5]]


@pytest.mark.parametrize("channels", [1, 4, 6])
@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch", "tiles"])
def test_any_channel_count(fit: Fit, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 60000, (70, 130, channels), np.uint16)
    pre = Preprocessing(
        (48, 64), fit, Scaling(0, 65535, "16 bit"), (0.5,) * channels, (0.2,) * channels
    )
    assert Inference(echo, pre).mask(image).shape == (70, 130)


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.float16, np.int8])
def test_depths_that_opencv_does_not_take(dtype: type[np.generic]) -> None:
    image = np.zeros((150, 90, 1), dtype)
    image[:75] = 100
    pre = Preprocessing((48, 64), "letterbox", Scaling(0, 100, "deep"), (0.5,), (1.0,))
    mask = Inference(echo, pre).mask(image)
    assert mask.tolist() == [[1] * 90] * 75 + [[0] * 90] * 75


def test_reading_ahead_raises_at_its_item() -> None:
    def load(number: int) -> float:
        return 1 / number

    loaded = inference.read_ahead(load, [1, 2, 0, 4])
    assert [next(loaded), next(loaded)] == [1.0, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(loaded)


def test_faults_are_named() -> None:
    image = np.zeros((5, 6, 4), np.uint8)
    with pytest.raises(ImageError, match="the image has 4 channels, the model takes 3"):
        Inference(echo, preparation("letterbox")).mask(image)
    with pytest.raises(ImageError, match="shape"):
        Inference(echo, preparation("letterbox")).mask(image[:, :, 0])
    with pytest.raises(RecipeError, match="overlap"):
        Inference(echo, preparation("tiles"), overlap=1.0).mask(image[:, :, :3])
    with pytest.raises(ModelError, match="turned"):
        Inference(lambda b: b[:, :, ::2], preparation("crop")).mask(image[:, :, :3])
    with pytest.raises(ModelError, match="not finite"):
        Inference(lambda b: b * np.float32(np.nan), preparation("crop")).mask(image[:, :, :3])


def test_each_cell_of_a_grid_is_seen_on_its_own() -> None:
    image, classes = halves(40, 66)
    seen: list[tuple[int, ...]] = []

    def watching(batch: Planes) -> Planes:
        seen.append(batch.shape)
        return batch * 10

    pre = replace(preparation("grid", size=(20, 22)), grid=(2, 3))
    bands = list(Inference(watching, pre).bands(image))
    assert seen == [(3, 3, 20, 22)] * 2
    assert [(band.top, band.probabilities.shape) for band in bands] == [
        (0, (3, 20, 66)),
        (20, (3, 20, 66)),
    ]
    # cells of exactly a sample's size are not resampled
    np.testing.assert_array_equal(Inference(watching, pre).mask(image), classes)
    with pytest.raises(ImageError, match="cannot be cut into 2 x 3 cells"):
        Inference(echo, pre).mask(image[:1])


@pytest.mark.parametrize("fit", ["crop", "tiles"])
def test_images_beyond_the_longest_side_are_shrunk_and_brought_back(fit: Fit) -> None:
    image, classes = halves(80, 160)
    seen: list[tuple[int, ...]] = []

    def watching(batch: Planes) -> Planes:
        seen.append(batch.shape)
        return batch * 10

    pre = replace(preparation(fit, size=(16, 16)), longest_side=64)
    mask = Inference(watching, pre).mask(image)
    assert mask.shape == (80, 160)
    assert (mask == classes).mean() > 0.97
    if fit == "crop":
        assert seen == [(1, 3, 32, 64)]
    # an image within it is seen as it is
    np.testing.assert_array_equal(Inference(echo, pre).mask(image[::4, ::4]), classes[::4, ::4])


def test_a_threshold_chooses_the_second_of_two_classes() -> None:
    band = Band(0, np.array([[[0.5, 0.3, 0.1]], [[0.5, 0.7, 0.9]]], np.float32))
    ids, confidence = band.decide()
    assert ids.tolist() == [[0, 1, 1]]
    ids, confidence = band.decide(0.784)
    assert ids.tolist() == [[0, 0, 1]]
    assert confidence.tolist() == [[np.float32(v) for v in (0.5, 0.3, 0.9)]]


def test_a_refinement_sees_all_probabilities_and_the_picture() -> None:
    image, classes = halves(70, 90)
    given = {}

    def refine(probabilities: Planes, picture: NDArray[np.uint8]) -> Planes:
        given["shapes"] = probabilities.shape, picture.shape
        given["picture"] = picture
        return probabilities[::-1]

    mask = Inference(echo, preparation("tiles"), refine=refine).mask(image)
    assert given["shapes"] == ((3, 70, 90), (70, 90, 3))
    np.testing.assert_array_equal(given["picture"], image)
    np.testing.assert_array_equal(mask, 2 - classes)


@pytest.mark.parametrize("size", [(33, 65), (1, 1), (97, 41), (150, 211), (96, 128)])
@pytest.mark.parametrize("factor", [2, 3])
def test_tiles_of_a_larger_size_give_a_mask_of_the_images_own(size, factor) -> None:
    prepared = replace(preparation("tiles", (24, 32)), tile=(24 * factor, 32 * factor))
    image, classes = halves(*size)
    whole = Inference(echo, prepared)
    probabilities = whole.probabilities(image)
    assert probabilities.shape == (3, *size)
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    mask = whole.mask(image)
    np.testing.assert_array_equal(mask, probabilities.argmax(axis=0))
    y, x = np.mgrid[: size[0], : size[1]]
    far = (abs(x + 0.5 - size[1] / 2) > factor) & (abs(y + 0.5 - 2 * size[0] / 3) > factor)
    np.testing.assert_array_equal(mask[far], classes[far])


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("heights", [[9], [1, 1, 7], [4, 5], [1, 1, 1, 1, 1, 1, 1, 1, 1]])
def test_blocks_enlarged_band_by_band_are_those_of_the_whole(factor, heights, monkeypatch) -> None:
    monkeypatch.setattr(fitting, "_BAND_VALUES", 100)
    planes = np.random.default_rng(0).random((2, 9, 5)).astype(np.float32)
    tops = np.cumsum([0, *heights])
    bands = [Band(int(a), planes[:, a:b]) for a, b in pairwise(tops)]
    made = list(fitting.enlarged_blocks(bands, factor, 9 * factor - 1, 5 * factor - 1))
    assert [band.top for band in made[1:]] == np.cumsum(
        [band.probabilities.shape[1] for band in made[:-1]]
    ).tolist()
    expected = [
        cv2.resize(plane, (5 * factor, 9 * factor), interpolation=cv2.INTER_LINEAR)
        for plane in planes
    ]
    found = np.concatenate([band.probabilities for band in made], axis=1)
    np.testing.assert_allclose(found, np.stack(expected)[:, :-1, :-1], atol=1e-5)


def counting(sizes: list[tuple[int, ...]]):
    """`echo`, which keeps the shapes that it was given."""

    def network(batch: Planes) -> Planes:
        sizes.append(batch.shape)
        return echo(batch)

    return network


@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch", "tiles", "grid"])
def test_one_scale_of_one_changes_nothing(fit: Fit) -> None:
    image, _ = halves(97, 141)
    pre = replace(preparation(fit), grid=(2, 3)) if fit == "grid" else preparation(fit)
    plain = Inference(echo, pre, flip=True).probabilities(image)
    same = Inference(echo, pre, flip=True, scales=(1.0,)).probabilities(image)
    np.testing.assert_array_equal(plain, same)


@pytest.mark.parametrize("flip", [False, True])
def test_scales_by_hand(flip: bool) -> None:
    # 4 x 8 pixels of one channel; halved, each pixel is the mean of a block of 2 x 2
    image = np.zeros((4, 8, 1), np.uint8)
    image[:2, :2] = 255
    image[2, 6] = 255
    pre = preparation("crop", (4, 8), channels=1)
    halved = np.zeros((2, 4), np.float32)
    halved[0, 0], halved[1, 3] = 1, 0.25

    def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.floating]:
        return 1 / (1 + np.exp(-10 * logits))

    enlarged = cv2.resize(sigmoid(halved), (8, 4), interpolation=cv2.INTER_LINEAR)
    expected = (sigmoid(image[..., 0] / 255) + enlarged) / 2
    sizes: list[tuple[int, ...]] = []
    inference = Inference(counting(sizes), pre, flip=flip, scales=(1.0, 0.5))
    np.testing.assert_allclose(inference.probabilities(image)[1], expected, atol=1e-6)
    shapes = [(1, 1, 4, 8), (1, 1, 2, 4)]
    assert sizes == [shape for shape in shapes for _ in range(1 + flip)]


@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch", "tiles", "grid"])
def test_a_constant_image_is_the_same_at_every_scale(fit: Fit) -> None:
    # cells of the size of a sample: resampling blends the edge of others with what is beyond
    size = (96, 192) if fit == "grid" else (97, 141)
    image = np.full((*size, 3), (200, 40, 90), np.uint8)
    pre = replace(preparation(fit), grid=(2, 3)) if fit == "grid" else preparation(fit)
    settings = {"max_pixels": 4096}
    once = Inference(echo, pre, **settings).probabilities(image)
    often = Inference(echo, pre, scales=(0.5, 1.0, 1.7), flip=True, **settings)
    found = often.probabilities(image)
    if fit == "letterbox":
        # the rest of its sample is padding, and mixes into the rows beside it
        found, once = found[:, 12:-12, 12:-12], once[:, 12:-12, 12:-12]
    np.testing.assert_allclose(found, once, atol=1e-5)


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "crop"])
def test_scales_move_nothing(fit: Fit) -> None:
    # the centre of mass of a blob stays where it was
    y, x = np.mgrid[:90, :120]
    blob = np.exp(-((y - 40.5) ** 2 + (x - 77.25) ** 2) / 300)
    image = np.repeat((255 * blob)[..., None], 3, 2).astype(np.uint8)
    pre = preparation(fit, (72, 96))

    def first(batch: Planes) -> Planes:
        return 8 * batch[:, :1] - 4

    for scale in (0.5, 0.77, 1.3, 2.0):
        found = Inference(first, pre, scales=(scale,)).probabilities(image)[1]
        weight = np.maximum(found - 0.1, 0)
        assert (weight * y).sum() / weight.sum() == pytest.approx(40.5, abs=0.1)
        assert (weight * x).sum() / weight.sum() == pytest.approx(77.25, abs=0.1)


@pytest.mark.parametrize("fit", ["crop", "tiles", "grid"])
def test_larger_copies_never_fill_more_memory_than_one_image_may(fit: Fit) -> None:
    sizes: list[tuple[int, ...]] = []
    pre = preparation(fit, (48, 64))
    if fit == "grid":
        pre = replace(pre, grid=(4, 4))
    image = halves(190, 250)[0]
    inference = Inference(counting(sizes), pre, scales=(1.0, 2.0), max_pixels=50_000)
    assert inference.probabilities(image).shape == (3, 190, 250)
    # whole it has 47,500 pixels, its copy has 190,000
    assert {shape[2:] for shape in sizes} == {(48, 64), (96, 128)}
    assert max(shape[0] * shape[2] * shape[3] for shape in sizes) <= 50_000
    # a row of the grid has four cells: as many pixels as one copy
    assert max(shape[0] for shape in sizes if shape[2] == 96) == (1 if fit == "grid" else 2)


@pytest.mark.parametrize("scales", [(), (0.2,), (1.0, 5.0), (float("nan"),)])
def test_scales_out_of_reason_are_refused(scales: tuple[float, ...]) -> None:
    with pytest.raises(RecipeError, match=r"predict\.scales"):
        Inference(echo, preparation("crop"), scales=scales)


def test_a_temperature_divides_the_logits() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    logits = image.transpose(2, 0, 1) / 255 * 10 / 2.5
    expected = np.exp(logits) / np.exp(logits).sum(axis=0)
    pre = preparation("crop")
    cooler = Inference(echo, pre, temperature=2.5)
    np.testing.assert_allclose(cooler.probabilities(image), expected, rtol=1e-4)
    plain = Inference(echo, pre)
    np.testing.assert_array_equal(cooler.mask(image), plain.mask(image))
    same = Inference(echo, pre, temperature=1.0).probabilities(image)
    np.testing.assert_array_equal(same, plain.probabilities(image))
    # one logit: the sigmoid of a 2.5th of it
    single = Inference(lambda batch: echo(batch)[:, :1] - 5, pre, temperature=2.5)
    expected = 1 / (1 + np.exp(-(image[..., 0] / 255 * 10 - 5) / 2.5))
    np.testing.assert_allclose(single.probabilities(image)[1], expected, rtol=1e-4)


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "tiles"])
def test_no_temperature_changes_a_mask(fit: Fit) -> None:
    random = np.random.default_rng(1)
    image = cv2.GaussianBlur(random.integers(0, 256, (97, 141, 3)).astype(np.uint8), (9, 9), 2)
    settings = {"flip": True, "scales": (0.75, 1.0), "max_pixels": 4096}
    plain = Inference(echo, preparation(fit), **settings)
    hot = Inference(echo, preparation(fit), temperature=3.0, **settings)
    np.testing.assert_array_equal(hot.mask(image), plain.mask(image))
    assert hot.probabilities(image).max() < plain.probabilities(image).max()
    np.testing.assert_allclose(hot.probabilities(image).sum(axis=0), 1, atol=1e-5)


def test_a_threshold_is_a_tempered_probability() -> None:
    # logits 10 (p - 0.5): 0.6 is 0.73 plainly, and 0.6 at a temperature of 2.5
    image = np.full((5, 7, 1), 0.6, np.float32)
    pre = Preprocessing((4, 4), "crop", Scaling(0, 1, "float"), (0.0,), (1.0,))

    def logit(batch: Planes) -> Planes:
        return 10 * (batch - 0.5)

    assert Inference(logit, pre, threshold=0.7).mask(image).all()
    assert not Inference(logit, pre, threshold=0.7, temperature=2.5).mask(image).any()
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(RecipeError, match=r"predict\.temperature"):
            Inference(logit, pre, temperature=wrong)


@pytest.mark.parametrize(
    ("fit", "size", "scales", "expected"),
    [
        ("letterbox", (500, 500), (1.0,), False),
        ("grid", (500, 500), (1.0,), False),
        ("crop", (70, 58), (1.0,), False),
        ("crop", (70, 59), (1.0,), True),
        ("crop", (70, 58), (0.5, 1.25), True),
        ("tiles", (48, 64), (2.0,), False),
        ("tiles", (48, 65), (1.0,), True),
    ],
)
def test_which_images_go_through_tiles(
    fit: Fit,
    size: tuple[int, int],
    scales: tuple[float, ...],
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called = []

    def tiled(*arguments: object) -> list[Band]:
        called.append(arguments)
        return [Band(0, np.ones((3, *size), np.float32))]

    monkeypatch.setattr(inference.inference, "tiled_bands", tiled)
    used = Inference(echo, preparation(fit), scales=scales, max_pixels=70 * 58)
    assert used.tiles(*size) == expected
    used.mask(np.zeros((*size, 3), np.uint8))
    assert bool(called) == expected
