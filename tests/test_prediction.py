import csv
import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import nn

from intarsia.datasets import Dataset
from intarsia.errors import DataError, ImageError, IntarsiaError, RecipeError
from intarsia.images import Scaling
from intarsia.inference import Inference
from intarsia.labels import LabelMap
from intarsia.prediction import PredictionReport, Predictor, folders, predict_folder
from intarsia.prediction.portrait import portrait
from intarsia.prediction.sources import find_sources
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.transforms import Preprocessing

ORIENTATION = 274
EIGHT_BIT = Scaling(0, 255, "8 bit")


class Brightest(nn.Module):
    """Logits are the pixel's own channels: the brightest colour is the class."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * 4


class RedGreen(nn.Module):
    """Two classes: the logits are the first two channels, times 2."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :2] * 2


Make = Callable[..., Predictor]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A predictor of three classes named red, green and blue, for any scaling and settings."""
    root = tmp_path / "data"
    for split in ("train", "val"):
        for folder in (split, f"{split}annot"):
            (root / folder).mkdir(parents=True)
        for number in range(2):
            name = f"{split}{number}.png"
            Image.fromarray(picture(np.eye(3, dtype=int))).save(root / split / name)
            mask = np.array([[0, 1, 2]] * 3, np.uint8)
            Image.fromarray(mask).save(root / f"{split}annot" / name)
    monkeypatch.setattr(Run, "load_model", lambda run, name="": Brightest())

    def build(
        scaling: Scaling = EIGHT_BIT, settings: Sequence[str] = (), **changes: object
    ) -> Predictor:
        path = tmp_path / f"run{len(list(tmp_path.glob('run*')))}"
        path.mkdir()
        recipe = Recipe.load("mini-unet").replace(**changes)
        pre = Preprocessing((32, 48), "crop", scaling, (0.0,) * 3, (1.0,) * 3)
        labels = LabelMap.of(["red", "green", "blue"], [(255, 0, 0), (0, 255, 0), (0, 0, 255)])
        data = replace(Dataset.open(root), labels=labels)
        run = Run.create(path, recipe=recipe, data=data, preprocessing=pre, environment={})
        return Predictor(run.path, device="cpu", settings=settings)

    return build


def picture(classes: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """The picture of which `Brightest` makes these classes."""
    return np.asarray(np.eye(3)[classes] * 255, np.uint8)


def scene(shape: tuple[int, int] = (41, 67)) -> NDArray[np.intp]:
    """Red, with three green islands, two of them touching by a corner, and one blue corner."""
    classes = np.zeros(shape, np.intp)
    classes[2:5, 2:6] = 1
    classes[5:9, 6:10] = 1
    classes[20:30, 2:6] = 1
    classes[-4:, -5:] = 2
    return classes


def test_a_mask_at_the_image_s_own_size(make: Make, tmp_path: Path) -> None:
    predictor = make()
    classes = scene()
    Image.fromarray(picture(classes)).save(tmp_path / "a.png")
    assert predictor.labels.names == ["red", "green", "blue"]
    for given in (tmp_path / "a.png", str(tmp_path / "a.png"), picture(classes)):
        mask = predictor(given)
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, classes)
    probabilities = predictor.probabilities(tmp_path / "a.png")
    assert probabilities.shape == (3, 41, 67)
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(axis=0), classes)


def test_large_images_go_through_tiles(make: Make) -> None:
    classes = scene((131, 90))
    predictor = make(**{"predict.max_pixels": 4096, "predict.flip": True})
    assert len(list(predictor.inference.bands(picture(classes)))) > 1
    np.testing.assert_array_equal(predictor(picture(classes)), classes)
    assert predictor.probabilities(picture(classes)).shape == (3, 131, 90)


def test_exif_orientation_is_applied(make: Make, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was turned: the picture is upright after a quarter turn
    stored = np.rot90(scene())
    Image.fromarray(picture(stored)).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(make()(tmp_path / "a.png"), np.rot90(stored, -1))


def test_grey_counts_as_three_channels(make: Make) -> None:
    assert make()(np.full((5, 7), 200, np.uint8)).shape == (5, 7)
    assert make()(np.ones((5, 7, 1), bool)).shape == (5, 7)


def test_channels_that_do_not_fit_are_named(make: Make) -> None:
    predictor = make()
    with pytest.raises(ImageError, match="4 channels, the model takes 3"):
        predictor(np.zeros((5, 7, 4), np.uint8))
    with pytest.raises(ImageError, match=r"shape \(7,\)"):
        predictor(np.zeros(7, np.uint8))


def test_depths_that_do_not_fit_are_named(make: Make) -> None:
    predictor = make()
    with pytest.raises(ImageError, match="a 16-bit image with values up to 40000"):
        predictor(np.full((5, 7, 3), 40000, np.uint16))
    with pytest.raises(ImageError, match="values end at 1") as caught:
        predictor(picture(scene()) / 255.0)
    assert "multiply values of 0..1 by 255" in str(caught.value)
    with pytest.raises(ImageError, match="not finite"):
        predictor(np.full((5, 7, 3), np.nan, np.float32))
    with pytest.raises(ImageError, match="an 8-bit image"):
        make(Scaling(0, 65535, "16 bit"))(picture(scene()))
    deep = picture(scene()).astype(np.uint16) * 257
    np.testing.assert_array_equal(make(Scaling(0, 65535, "16 bit"))(deep), scene())
    np.testing.assert_array_equal(predictor(picture(scene()).astype(np.uint16)), scene())


def fill(folder: Path) -> dict[str, NDArray[np.intp]]:
    """A folder of images of several sizes, one below another folder, and files that are none."""
    (folder / "deep er").mkdir(parents=True)
    scenes = {"a.png": scene(), "deep er/b.c.bmp": scene((35, 80)), "één.png": scene((60, 40))}
    for name, classes in scenes.items():
        Image.fromarray(picture(classes)).save(folder / name)
    (folder / "notes.txt").write_text("not an image")
    (folder / ".hidden.png").write_text("not an image")
    return scenes


def test_a_folder_leaves_everything_by_relative_path(make: Make, tmp_path: Path) -> None:
    scenes = fill(tmp_path / "in")
    calls: list[tuple[int, int]] = []
    out = tmp_path / "new" / "out"
    report = predict_folder(
        make(),
        [tmp_path / "in"],
        out,
        overlay=True,
        probabilities=True,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert report.failed == ()
    assert calls == [(1, 3), (2, 3), (3, 3)]
    names = [Path(name).with_suffix("") for name in scenes]
    assert sorted(report.written) == sorted(out / "masks" / f"{n}.png" for n in names)
    for name, classes in scenes.items():
        stem = name.rpartition(".")[0]
        with Image.open(out / "masks" / f"{stem}.png") as mask:
            assert mask.mode == "P"
            np.testing.assert_array_equal(np.asarray(mask), classes)
            assert (mask.getpalette() or [])[:9] == [255, 0, 0, 0, 255, 0, 0, 0, 255]
        with Image.open(out / "overlays" / f"{stem}.jpg") as drawn:
            assert drawn.size == classes.shape[::-1]
        with np.load(out / "probabilities" / f"{stem}.npz") as stored:
            assert stored["probabilities"].dtype == np.float16
            assert stored["probabilities"].shape == (3, *classes.shape)
            assert stored["classes"].tolist() == ["red", "green", "blue"]
            np.testing.assert_array_equal(stored["probabilities"].argmax(axis=0), classes)


def measurements(out: Path) -> list[dict[str, str]]:
    with (out / "measurements.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_measurements_by_hand(make: Make, tmp_path: Path) -> None:
    classes = scene()
    classes[classes == 2] = 0
    Image.fromarray(picture(classes)).save(tmp_path / "a.png")
    predict_folder(make(), [tmp_path / "a.png"], tmp_path / "out")
    red, green, blue = measurements(tmp_path / "out")
    area, islands = 41 * 67, 3 * 4 + 4 * 4 + 10 * 4
    assert [row["class"] for row in (red, green, blue)] == ["red", "green", "blue"]
    assert green["image"] == "a.png"
    assert int(green["pixels"]) == islands
    assert float(green["share"]) == pytest.approx(islands / area, abs=1e-6)
    assert int(red["pixels"]) == area - islands
    # islands that touch by a corner are one region
    assert (red["regions"], green["regions"], blue["regions"]) == ("1", "2", "0")
    # the softmax of (4, 0, 0)
    assert float(green["mean_confidence"]) == pytest.approx(np.exp(4) / (np.exp(4) + 2), abs=1e-4)
    assert (blue["pixels"], float(blue["share"]), blue["mean_confidence"]) == ("0", 0.0, "")


def test_bad_files_do_not_stop_the_rest(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    fill(folder)
    (folder / "b-empty.jpg").write_bytes(b"")
    (folder / "b-page.jpg").write_text("<!DOCTYPE html><html></html>")
    whole = (folder / "a.png").read_bytes()
    (folder / "b-cut.png").write_bytes(whole[: len(whole) // 2])
    report = predict_folder(make(), [folder], tmp_path / "out")
    assert isinstance(report, PredictionReport)
    assert len(report.written) == 3
    failed = {path.name: message for path, message in report.failed}
    assert set(failed) == {"b-empty.jpg", "b-page.jpg", "b-cut.png"}
    assert "empty" in failed["b-empty.jpg"]
    assert "HTML" in failed["b-page.jpg"]
    assert all(failed.values())
    assert {row["image"] for row in measurements(tmp_path / "out")} == {
        "a.png",
        "deep er/b.c.bmp",
        "één.png",
    }


def test_one_output_name_for_two_images_is_refused(make: Make, tmp_path: Path) -> None:
    for name in ("one/a.png", "two/a.bmp", "one/b.png", "one/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture(scene())).save(tmp_path / name)
    for inputs in (["one"], ["two", "one/a.png"]):
        with pytest.raises(DataError, match="one output name"):
            predict_folder(make(), [tmp_path / name for name in inputs], tmp_path / "out")
        assert not (tmp_path / "out").exists()
    # a file and its own folder are no two images
    sources = find_sources([tmp_path / "two", tmp_path / "two" / "a.bmp"], tmp_path / "out")
    assert [source.relative for source in sources] == [Path("a.bmp")]


def test_missing_inputs_are_refused_before_anything(make: Make, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    predictor = make()
    for name, message in (("bare", "holds no images"), ("gone", "no such file")):
        with pytest.raises(DataError, match=message):
            predict_folder(predictor, [tmp_path / name], tmp_path / "out")
    with pytest.raises(DataError, match="no image to predict"):
        predict_folder(predictor, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_earlier_prediction_is_not_overwritten(make: Make, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    predictor = make()
    predict_folder(predictor, [tmp_path / "in"], tmp_path / "in" / "out")
    with pytest.raises(DataError, match="earlier prediction"):
        predict_folder(predictor, [tmp_path / "in"], tmp_path / "in" / "out")
    # what lies in the output folder is no input, even where that lies among the images
    assert len(find_sources([tmp_path / "in"], tmp_path / "in" / "out")) == 3


def test_an_output_folder_that_cannot_be_made_is_refused(make: Make, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        predict_folder(make(), [tmp_path / "in"], tmp_path / "file" / "out")


def test_a_full_disk_stops_at_once_and_keeps_what_is_done(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "in")
    written: list[Path] = []

    def write(path: Path, *rest: Any) -> None:
        if written:
            error = IntarsiaError("disk full: need 1 MB, have 0 MB")
            raise error from OSError(errno.ENOSPC, "No space left on device")
        written.append(path)

    monkeypatch.setattr(folders, "write_mask", write)
    with pytest.raises(IntarsiaError, match="disk full"):
        predict_folder(make(), [tmp_path / "in"], tmp_path / "out")
    assert {row["image"] for row in measurements(tmp_path / "out")} == {"a.png"}


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Predictor]:
    """A predictor of two classes named away and near; near where green is above red."""
    root = tmp_path / "two"
    for split in ("train", "val"):
        for folder in (split, f"{split}annot"):
            (root / folder).mkdir(parents=True)
        Image.fromarray(picture(np.eye(3, dtype=int))).save(root / split / f"{split}.png")
        mask = np.array([[0, 1, 1]] * 3, np.uint8)
        Image.fromarray(mask).save(root / f"{split}annot" / f"{split}.png")
    monkeypatch.setattr(Run, "load_model", lambda run, name="": RedGreen())
    path = tmp_path / "run-of-two"
    path.mkdir()
    pre = Preprocessing((32, 48), "crop", EIGHT_BIT, (0.0,) * 3, (1.0,) * 3)
    data = replace(Dataset.open(root), labels=LabelMap.of(["away", "near"]))
    recipe = Recipe.load("mini-unet")
    Run.create(path, recipe=recipe, data=data, preprocessing=pre, environment={})
    return lambda *settings: Predictor(path, device="cpu", settings=settings)


def green(values: Sequence[int]) -> NDArray[np.uint8]:
    """(33, 7 n, 3): stripes, each 7 wide, of these greens on red 0."""
    image = np.zeros((33, 7 * len(values), 3), np.uint8)
    image[:, :, 1] = np.repeat(values, 7)
    return image


def test_soft_masks_and_a_threshold_by_hand(two: Callable[..., Predictor], tmp_path: Path) -> None:
    image = green([0, 51, 255])
    Image.fromarray(image).save(tmp_path / "a.png")
    # the sigmoid of twice the green: 0.5, 0.5987, 0.8808
    near = 1 / (1 + np.exp(-2 * np.array([0, 0.2, 1.0])))
    predictor = two("predict.soft=true", "predict.threshold=0.7")
    predict_folder(predictor, [tmp_path / "a.png"], tmp_path / "out")
    with Image.open(tmp_path / "out" / "soft" / "a.png") as soft:
        assert soft.mode == "L"
        assert np.asarray(soft)[16, [3, 10, 17]].tolist() == [128, 153, 225]
    with Image.open(tmp_path / "out" / "masks" / "a.png") as mask:
        assert np.asarray(mask)[16, [3, 10, 17]].tolist() == [0, 0, 1]
    away, here = measurements(tmp_path / "out")
    assert (int(away["pixels"]), int(here["pixels"])) == (33 * 14, 33 * 7)
    # the probability of what was chosen, also where it is the less probable of the two
    assert float(away["mean_confidence"]) == pytest.approx((1 - near[:2]).mean(), abs=1e-4)
    assert float(here["mean_confidence"]) == pytest.approx(near[2], abs=1e-4)
    # without one, a tie is the first class
    assert two()(image)[16, [3, 10, 17]].tolist() == [0, 1, 1]
    assert two("predict.threshold=0.45")(image)[16, [3, 10, 17]].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("predict.soft=true", "the second of two classes; the model has 3"),
        ("predict.threshold=0.3", "between two classes; the model has 3"),
        ("predict.portrait=gren", 'did you mean "green"'),
        ("train.lr=1", "decided by the training"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_any_image(
    make: Make, setting: str, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        make(settings=[setting])
    assert message in str(caught.value)


def test_portraits_lie_beside_the_masks(make: Make, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    predictor = make(settings=["predict.portrait=green,blue", "predict.portrait_blur=0.05"])
    predict_folder(predictor, [tmp_path / "in"], tmp_path / "out")
    for name in ("a", "deep er/b.c", "één"):
        assert (tmp_path / "out" / "masks" / f"{name}.png").is_file()
    image = picture(scene())
    # what the mask calls subject is sharp, however sure the network was
    alpha = np.isin(predictor(image), [1, 2]).astype(np.float32)
    alpha = cv2.GaussianBlur(alpha, (0, 0), folders._FEATHER * 0.05 * 67)
    with Image.open(tmp_path / "out" / "portraits" / "a.jpg") as stored:
        found = np.asarray(stored).astype(int)
    assert np.abs(found - portrait(image, alpha, 0.05 * 67)).mean() < 3


def test_a_picture_too_long_for_jpeg_is_a_png(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "in")
    monkeypatch.setattr(folders, "_LONGEST_JPEG", 66)
    predict_folder(
        make(settings=["predict.portrait=green"]), [tmp_path / "in" / "a.png"], tmp_path / "out"
    )
    assert [path.name for path in (tmp_path / "out" / "portraits").iterdir()] == ["a.png"]


def test_a_portrait_by_hand() -> None:
    image = np.full((23, 37, 3), 40, np.uint8)
    image[:, 20:] = 240
    alpha = np.zeros((23, 37), np.float32)
    alpha[:, 20:] = 1
    alpha[:, 19] = 0.5
    found = portrait(image, alpha, 2.0)
    np.testing.assert_array_equal(found[:, 20:], image[:, 20:])
    # nothing of the bright subject, and nothing of the black beyond the border, in the background
    assert np.abs(found[:, :19].astype(int) - 40).max() <= 1
    image[:, 19] = 140
    # half the pixel, half the background around it: what is blurred is below 140
    assert 90 <= portrait(image, alpha, 2.0)[11, 19, 0] <= 115


@pytest.mark.parametrize("sigma", [3.0, 9.0, 21.0])
def test_a_portrait_agrees_with_a_convolution_at_full_size(sigma: float) -> None:
    rng = np.random.default_rng(4)
    shape = (101, 147)
    image = np.asarray(
        cv2.resize(rng.integers(0, 256, (9, 13, 3), np.uint8), shape[::-1]), np.uint8
    )
    alpha = np.asarray(cv2.resize(rng.random((5, 6), np.float32), shape[::-1]), np.float32)
    weights = (1 - alpha)[:, :, None]
    colors = np.stack(
        [
            gaussian_filter(image[:, :, c] * weights[:, :, 0], sigma, mode="constant", truncate=5)
            for c in range(3)
        ],
        axis=2,
    )
    total = gaussian_filter(weights[:, :, 0], sigma, mode="constant", truncate=5)[:, :, None]
    expected = alpha[:, :, None] * image + weights * colors / total
    assert np.abs(portrait(image, alpha, sigma) - expected).max() < 3


def test_a_portrait_in_strips_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (90, 61, 3), np.uint8)
    alpha = rng.random((90, 61), np.float32)
    whole = portrait(image, alpha, 13.0)
    monkeypatch.setattr("intarsia.prediction.portrait._STRIP_PIXELS", 700)
    monkeypatch.setattr("intarsia.inference.fitting._BAND_VALUES", 2000)
    np.testing.assert_array_equal(portrait(image, alpha, 13.0), whole)


def test_a_portrait_checks_what_it_is_given() -> None:
    image, alpha = np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.float32)
    wrongs: list[Any] = [image[:, :, 0], image.astype(np.uint16), image[:0]]
    for wrong in wrongs:
        with pytest.raises(ImageError, match="the image is"):
            portrait(wrong, alpha, 1.0)
    odds: list[Any] = [alpha[:3], alpha.astype(np.float64), alpha + 2, alpha * np.nan]
    for odd in odds:
        with pytest.raises(ImageError, match="alpha is"):
            portrait(image, odd, 1.0)
    for sigma in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(RecipeError, match="sigma"):
            portrait(image, alpha, sigma)


@pytest.mark.parametrize("fit", ["crop", "tiles"])
def test_tiles_of_a_translation_invariant_network_are_the_whole(fit: str) -> None:
    """3 x 3 means, then logits: only the mirrored border reaches further than a pixel."""

    def blurred(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        planes = [[cv2.blur(plane, (3, 3)) * 4 for plane in image] for image in batch]
        return np.array(planes, np.float32)

    rng = np.random.default_rng(6)
    image = rng.integers(0, 256, (75, 110, 3), np.uint8)
    pre = Preprocessing((32, 48), fit, EIGHT_BIT, (0.0,) * 3, (1.0,) * 3)  # type: ignore[arg-type]
    whole = Preprocessing((75, 110), "crop", EIGHT_BIT, (0.0,) * 3, (1.0,) * 3)
    expected = Inference(blurred, whole).probabilities(image)
    found = Inference(blurred, pre, max_pixels=4096).probabilities(image)
    # a tile's own border counts a little: Hann's first weight of 32 pixels is 0.009
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert np.abs(found - expected).mean() < 1e-3
    # of a network that sees single pixels nothing is left of the tiles
    pixels = Inference(lambda batch: batch * 4, pre, max_pixels=4096).probabilities(image)
    np.testing.assert_allclose(
        pixels, Inference(lambda batch: batch * 4, whole).probabilities(image), atol=1e-6
    )


def test_a_crf_of_a_large_image_is_announced(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path / "in")
    predictor = make(settings=["predict.crf=true", "predict.crf_iterations=1"])
    predict_folder(predictor, [tmp_path / "in" / "a.png"], tmp_path / "small")
    assert not caplog.records
    monkeypatch.setattr(folders, "_MUCH_MEMORY", 3 * 4 * 3 * 41 * 67 - 1)
    predict_folder(predictor, [tmp_path / "in" / "a.png"], tmp_path / "out")
    assert "probabilities of the whole image" in caplog.text
    assert (tmp_path / "out" / "masks" / "a.png").is_file()
