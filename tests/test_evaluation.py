import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from intarsia import metrics
from intarsia.datasets import Dataset
from intarsia.datasets.primary import Primary
from intarsia.errors import DataError, RunError
from intarsia.evaluation import Evaluation, ImageMetrics, evaluate, load_sheet
from intarsia.images import Scaling
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.transforms import Preprocessing

IGNORE = 255
COUNTS = {"train": 4, "val": 3, "test": 2}
SHAPE = (37, 53)


class Brightest(nn.Module):
    """Logits are the pixel's own channels: the brightest colour is the class."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * 20


def make_data(root: Path, classes: int = 3) -> dict[str, tuple[NDArray, NDArray]]:
    """A set in CamVid's layout whose colours are what `Brightest` answers; (truth, answer)."""
    random = np.random.default_rng(0)
    pairs = {}
    for split, count in COUNTS.items():
        for folder in (split, f"{split}annot"):
            (root / folder).mkdir(parents=True)
        for number in range(count):
            truth = random.integers(0, classes, SHAPE).astype(np.uint8)
            answer = np.where(random.random(SHAPE) < 0.7, truth, 1)
            truth[:3] = IGNORE
            truth[0, :classes] = range(classes)
            name = f"{split}{number}"
            colours = (np.eye(3)[answer] * 255).astype(np.uint8)
            Image.fromarray(colours).save(root / split / f"{name}.png")
            Image.fromarray(truth).save(root / f"{split}annot" / f"{name}.png")
            pairs[name] = (truth, answer)
    return pairs


def make_run(path: Path, data: Dataset, *, ignore: tuple[str, ...] = ()) -> Run:
    path.mkdir()
    recipe = Recipe.load("mini-unet").replace(
        **{"data.fit": "crop", "data.image_size": (32, 32), "data.ignore": ignore}
    )
    pre = Preprocessing((32, 32), "crop", Scaling(0, 255, "8 bit"), (0.0,) * 3, (1.0,) * 3)
    return Run.create(path, recipe=recipe, data=data, preprocessing=pre, environment={})


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Run, dict]:
    pairs = make_data(tmp_path / "toy")
    monkeypatch.setattr(Run, "load_model", lambda run, name="": Brightest())
    return make_run(tmp_path / "run", Dataset.open(tmp_path / "toy")), pairs


def expected_matrix(pairs: dict[str, tuple[NDArray, NDArray]], split: str) -> NDArray[np.int64]:
    chosen = [pair for name, pair in pairs.items() if name.startswith(split)]
    return np.sum([metrics.confusion_matrix(*pair, 3, IGNORE) for pair in chosen], axis=0)


def test_the_sheet_is_that_of_the_pixels(trained: tuple[Run, dict]) -> None:
    run, pairs = trained
    calls: list[tuple[int, int]] = []
    sheet = evaluate(run, progress=lambda done, total: calls.append((done, total)))
    expected = expected_matrix(pairs, "val")
    np.testing.assert_array_equal(sheet.confusion_matrix, expected)
    assert (sheet.data, sheet.split, sheet.images, sheet.selection) == ("toy", "val", 3, True)
    assert sheet.miou == metrics.miou(expected)
    assert sheet.baseline == metrics.majority_accuracy(expected)
    assert sheet["class 1"].iou == metrics.class_metrics(expected, ["", "", ""])[1].iou
    assert calls == [(1, 3), (2, 3), (3, 3)]
    for row in sheet.per_image:
        truth, answer = pairs[row.file.rpartition("/")[2]]
        own = metrics.confusion_matrix(truth, answer, 3, IGNORE)
        assert (row.miou, row.pixel_accuracy) == (metrics.miou(own), metrics.pixel_accuracy(own))


def test_the_run_keeps_it(trained: tuple[Run, dict]) -> None:
    run, _pairs = trained
    sheet = evaluate(run.path)
    stored = run.evaluations["toy-val"]
    assert stored == json.loads(json.dumps(sheet.to_json()))
    for key in ("schema", "miou", "mean_dice", "majority_accuracy", "classes", "intervals"):
        assert key in stored
    again = Evaluation.from_json(stored)
    assert again.to_json() == sheet.to_json()
    with np.load(run.path / "evaluations" / "toy-val.npz") as arrays:
        assert arrays["files"].tolist() == [row.file for row in sheet.per_image]
        assert arrays["matrices"].shape == (3, 3, 3)
        np.testing.assert_array_equal(arrays["matrices"].sum(axis=0), sheet.confusion_matrix)
        for matrix, row in zip(arrays["matrices"], sheet.per_image, strict=True):
            assert metrics.miou(matrix) == row.miou


def test_looks_at_test_are_counted(trained: tuple[Run, dict]) -> None:
    run, pairs = trained
    assert evaluate(run, split="val").test_looks == 0
    first, second = (evaluate(run, split="test") for _ in range(2))
    assert (first.test_looks, second.test_looks, run.test_looks) == (1, 2, 2)
    assert not first.selection
    np.testing.assert_array_equal(first.confusion_matrix, expected_matrix(pairs, "test"))
    assert "measured on test 2 times, this one included" in str(second)
    assert "measured on test 2 times." in str(evaluate(run, split="val"))


def test_data_given_again_keep_the_run_s_splits_and_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_data(tmp_path / "toy")
    data = Dataset.open(tmp_path / "toy")
    monkeypatch.setattr(Run, "load_model", lambda run, name="": nn.Sequential(Brightest(), Drop(2)))
    run = make_run(tmp_path / "run", data.ignoring(["class 2"]), ignore=("class 2",))
    sheet = evaluate(run)
    assert sheet.names == ("class 0", "class 1")
    for given in (tmp_path / "toy", data, data.ignoring(["class 2"])):
        np.testing.assert_array_equal(evaluate(run, given).confusion_matrix, sheet.confusion_matrix)


class Drop(nn.Module):
    """Leaves out one channel."""

    def __init__(self, channel: int) -> None:
        super().__init__()
        self.channel = channel

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        kept = [i for i in range(images.shape[1]) if i != self.channel]
        return images[:, kept]


def test_other_classes_are_refused(trained: tuple[Run, dict], tmp_path: Path) -> None:
    run, _ = trained
    make_data(tmp_path / "two", classes=2)
    with pytest.raises(DataError, match="classes are not those of the run") as caught:
        evaluate(run, tmp_path / "two")
    assert "missing here: class 2" in str(caught.value)
    assert not run.evaluations


def test_an_unknown_split_is_refused(trained: tuple[Run, dict]) -> None:
    run, _ = trained
    with pytest.raises(DataError, match="vall") as caught:
        evaluate(run, split="vall")
    assert "val" in str(caught.value)


def test_a_mask_of_another_size_is_named(trained: tuple[Run, dict], tmp_path: Path) -> None:
    run, _ = trained
    other = tmp_path / "other"
    make_data(other)
    for folder in (p for p in other.iterdir() if p.is_dir()):
        for file in sorted(folder.iterdir()):
            file.rename(folder / f"new{file.name}")
    Image.fromarray(np.zeros((9, 5), np.uint8)).save(other / "valannot" / "newval1.png")
    with pytest.raises(DataError, match="differ in size") as caught:
        evaluate(run, other)
    assert "newval1.png" in str(caught.value)
    assert not run.evaluations


def test_a_split_that_is_not_what_it_was_does_not_replace_the_sheet(
    trained: tuple[Run, dict], tmp_path: Path
) -> None:
    run, pairs = trained
    before = evaluate(run)
    mask = tmp_path / "toy" / "valannot" / "val1.png"
    Image.fromarray(2 - np.minimum(pairs["val1"][0], 2)).save(mask)
    for given in (None, tmp_path / "toy"):
        with pytest.raises(DataError, match="1 val images have changed since the training"):
            evaluate(run, given)
    mask.unlink()
    with pytest.raises(DataError, match="1 val images of the training are not here") as caught:
        evaluate(run, tmp_path / "toy")
    assert "val1" in str(caught.value)
    part = evaluate(run, tmp_path / "toy", subset=True)
    assert part.images == before.images - 1


def sheet_of(matrix: NDArray[np.int64], names: tuple[str, ...], **fields: object) -> Evaluation:
    return Evaluation("toy", "val", names, matrix, **fields)


def test_the_table_can_be_read() -> None:
    matrix = np.array([[3000, 1000, 0], [0, 3999, 0], [0, 0, 0]])
    rows = (ImageMetrics("a", 0.5, 0.5), ImageMetrics("b", None, None))
    sheet = sheet_of(matrix, ("sky", "road", "pole"), selection=True, per_image=rows)
    assert str(sheet) == (
        "toy, val: 2 images\n"
        "primary: macro mIoU, not declared in dataset.yaml\n"
        "\n"
        "macro mIoU *                   0.775\n"
        "micro IoU                      0.778\n"
        "macro mean Dice                0.873\n"
        "macro mean accuracy            0.875\n"
        "pixel accuracy (micro)         0.875\n"
        "frequency-weighted IoU         0.775\n"
        'majority baseline              0.500  (always "sky")\n'
        "\n"
        "class    IoU   Dice  prec.  sens.  spec.  support\n"
        "sky    0.750  0.857  1.000  0.750  1.000   50.0 %\n"
        "road   0.800  0.889  0.800  1.000  0.750   50.0 %\n"
        "pole     n/a    n/a    n/a    n/a  1.000      0 %\n"
        "\n"
        "Each figure is of the pixels of all images together: macro is the plain mean\n"
        "over the classes, micro takes all classes as one. A class in neither truth nor\n"
        "prediction is n/a and left out (1 of 3: pole); one that is only predicted has\n"
        "IoU 0. This split chose the checkpoint: its figures are a little better than the\n"
        "truth."
    )


def test_the_table_fits_a_terminal() -> None:
    names = tuple(f"a class with a name of {'very ' * i}many words" for i in range(6))
    sheet = sheet_of(np.diag([10**12, 1, 0, 5, 6, 7]), names, selection=True, test_looks=12)
    for split in ("train", "val", "test"):
        text = str(Evaluation("d" * 100, split, names, sheet.confusion_matrix, test_looks=1))
        assert max(len(line) for line in [*text.splitlines(), *str(sheet).splitlines()]) <= 80
    assert "<0.1 %" in str(sheet)


def test_nothing_counted_is_not_available() -> None:
    sheet = sheet_of(np.zeros((2, 2), np.int64), ("a", "b"))
    assert sheet.miou is None
    assert "n/a" in str(sheet)
    assert Evaluation.from_json(sheet.to_json()).to_json() == sheet.to_json()


def test_a_notebook_shows_names_as_text() -> None:
    shown = sheet_of(np.eye(2, dtype=np.int64), ("<script>", "b"))._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_faults_are_named() -> None:
    sheet = sheet_of(np.eye(2, dtype=np.int64), ("sky", "road"))
    with pytest.raises(DataError, match="rod") as caught:
        sheet["rod"]
    assert 'did you mean "road"?' in str(caught.value)
    with pytest.raises(DataError, match="newer"):
        Evaluation.from_json(sheet.to_json() | {"schema": 99})


def test_details_are_those_of_the_pixels(trained: tuple[Run, dict]) -> None:
    run, pairs = trained
    plain = evaluate(run)
    assert plain.details is None
    sheet = evaluate(run, details=True)
    assert sheet.to_json()["miou"] == plain.miou
    details = sheet.details
    assert details is not None
    own = [pairs[row.file.rpartition("/")[2]] for row in sheet.per_image]
    with np.load(run.path / "evaluations" / "toy-val.npz") as arrays:
        expected = [metrics.boundary_measures(*pair, 3, IGNORE) for pair in own]
        np.testing.assert_allclose(arrays["boundary"], expected, rtol=1e-6)
        budgets = [metrics.error_budget(*pair, 3, IGNORE) for pair in own]
        np.testing.assert_array_equal(arrays["errors"], np.sum(budgets, axis=3))
        np.testing.assert_array_equal(arrays["error_budget"], np.sum(budgets, axis=0))
        wrong = sheet.confusion_matrix - np.diag(np.diag(sheet.confusion_matrix))
        np.testing.assert_array_equal(arrays["error_budget"].sum(axis=0), wrong)
        assert arrays["reliability"][..., 0].sum() == sheet.confusion_matrix.sum()
    assert details.errors.errors == wrong.sum()
    assert details.boundary[2].iou == pytest.approx(np.mean([e[2, 0] for e in expected]))
    # `Brightest` is sure of everything (logits 20 and 0), and wrong in a fifth of the pixels
    assert sheet.pixel_accuracy is not None
    assert details.calibration_error == pytest.approx(1 - sheet.pixel_accuracy, abs=1e-6)
    assert details.reliability[-1].pixels == sheet.confusion_matrix.sum()
    # so that dividing them by T makes right of wrong: p = 1 / (1 + 2 exp(-20 / T))
    assert details.temperature is not None
    fitted = 20 / np.log(2 * sheet.pixel_accuracy / (1 - sheet.pixel_accuracy))
    assert details.temperature.value == pytest.approx(fitted, rel=1e-2)
    assert details.temperature.pixels == sheet.confusion_matrix.sum()


def test_details_are_kept_and_shown(trained: tuple[Run, dict]) -> None:
    run, _ = trained
    sheet = evaluate(run, details=True)
    stored = run.evaluations["toy-val"]
    assert stored == json.loads(json.dumps(sheet.to_json()))
    again = Evaluation.from_json(stored)
    assert again.details == sheet.details
    assert str(again) == str(sheet)
    for text in ("b. IoU", "HD95", "ECE, all pixels", "temperature  ", "errors  ", "  invented"):
        assert text in str(sheet)
    assert max(map(len, str(sheet).splitlines())) <= 80
    assert "ECE, all pixels" in sheet._repr_html_()
    # a temperature may only be chosen where the checkpoint was
    assert evaluate(run, split="test", details=True).details.temperature is None


def test_the_temperature_of_val_is_kept_with_the_run_and_used_when_asked_for(
    trained: tuple[Run, dict],
) -> None:
    run, _ = trained
    fitted = run.setting(["predict.temperature=fitted"])
    with pytest.raises(RunError, match="no temperature has been fitted") as caught:
        evaluate(fitted)
    assert "--split val --details" in str(caught.value)
    evaluate(run)
    assert not (run.path / "temperature.json").exists()
    before = evaluate(run, details=True)
    stored = json.loads((run.path / "temperature.json").read_text())
    assert stored["schema"] == 1
    (fit,) = stored["fits"]
    assert before.details is not None
    found = before.details.temperature
    assert found is not None
    assert {key: fit[key] for key in vars(found)} == vars(found)
    assert (fit["predict"], fit["data"], fit["split"], fit["images"]) == ({}, "toy", "val", 3)
    # as sure as it is right: one bin holds everything
    assert found.ece_before == pytest.approx(before.details.calibration_error, abs=1e-5)
    assert found.ece_after == pytest.approx(0, abs=1e-3)

    after = evaluate(fitted, details=True)
    np.testing.assert_array_equal(after.confusion_matrix, before.confusion_matrix)
    assert after.settings == {"temperature": "fitted"}
    assert after.details is not None
    assert after.details.calibration_error == pytest.approx(found.ece_after, abs=1e-5)
    # there is nothing left to temper
    assert after.details.temperature is None
    assert json.loads((run.path / "temperature.json").read_text()) == stored
    # nothing is tempered unasked
    again = evaluate(run, details=True)
    assert again.details == before.details


def test_each_use_of_a_network_has_a_temperature_of_its_own(trained: tuple[Run, dict]) -> None:
    run, _ = trained
    evaluate(run, details=True)
    flipped = ["predict.flip=true", "predict.scales=0.5,1"]
    with pytest.raises(RunError, match="for this use of the network") as caught:
        evaluate(run.setting([*flipped, "predict.temperature=fitted"]))
    hint = "--set predict.flip=true --set 'predict.scales=[0.5, 1.0]'"
    assert hint in str(caught.value)
    evaluate(run.setting(flipped), details=True)
    fits = json.loads((run.path / "temperature.json").read_text())["fits"]
    assert [fit["predict"] for fit in fits] == [{}, {"flip": True, "scales": [0.5, 1.0]}]
    evaluate(run.setting([*flipped, "predict.temperature=fitted"]))
    evaluate(run, details=True)
    fits = json.loads((run.path / "temperature.json").read_text())["fits"]
    assert len(fits) == 2


def test_a_temperature_that_could_not_be_found_is_not_used(trained: tuple[Run, dict]) -> None:
    run, _ = trained
    evaluate(run, details=True)
    path = run.path / "temperature.json"
    stored = json.loads(path.read_text())
    stored["fits"][0]["at_limit"] = True
    path.write_text(json.dumps(stored))
    fitted = run.setting(["predict.temperature=fitted"])
    with pytest.raises(RunError, match="no best temperature was found"):
        evaluate(fitted)
    path.write_text(json.dumps({"schema": 1, "fits": [{"predict": {}}]}))
    with pytest.raises(RunError, match="the temperatures are damaged"):
        evaluate(fitted)


def test_intervals_are_over_the_groups_of_the_data(
    trained: tuple[Run, dict], tmp_path: Path
) -> None:
    run, _ = trained
    sheet = evaluate(run)
    assert sheet.intervals is not None
    assert (sheet.intervals.unit, sheet.intervals.units) == ("image", 3)
    found = sheet.interval("miou")
    assert found is not None
    assert found.low < sheet.miou < found.high  # type: ignore[operator]
    assert load_sheet(run, "toy-val").intervals == sheet.intervals
    manifest = run.path / "dataset.json"
    content = json.loads(manifest.read_text())
    for item in content["samples"]:
        item["group"] = "b" if item["name"].endswith("0") else "a"
    manifest.write_text(json.dumps(content))
    grouped = evaluate(run.path)
    assert grouped.intervals is not None
    assert (grouped.intervals.unit, grouped.intervals.units) == ("group", 2)
    assert "toy, val: 3 images in 2 groups" in str(grouped)


def test_the_primary_figure_is_that_of_the_training(
    trained: tuple[Run, dict], tmp_path: Path
) -> None:
    run, _ = trained
    root = tmp_path / "toy"
    names = "classes: [class 0, class 1, class 2]\nignore_index: 255\n"
    assert "primary: macro mIoU, not declared in dataset.yaml" in str(evaluate(run))
    (root / "dataset.yaml").write_text(f"{names}primary: {{metric: micro_iou}}\n")
    late = evaluate(run, root)
    assert (late.primary, late.primary_late) == (Primary("micro_iou"), True)
    other = make_run(tmp_path / "other", Dataset.open(root))
    (root / "dataset.yaml").write_text(f"{names}primary: {{metric: dice, class: class 1}}\n")
    sheet = evaluate(other, root)
    assert (sheet.primary, sheet.primary_late) == (Primary("micro_iou"), False)
    assert "primary: micro IoU, declared in dataset.yaml\n" in str(sheet)


def test_memory_grows_by_the_matrices_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "load_model", lambda run, name="": Brightest())
    make_data(tmp_path / "toy")
    data = Dataset.open(tmp_path / "toy")
    run = make_run(tmp_path / "run", data)
    one = data.split("val")[0]

    def peak(images: int) -> int:
        samples = tuple(replace(one, name=f"copy{at}") for at in range(images))
        tracemalloc.start()
        try:
            evaluate(run, replace(data, samples=samples))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(4)
    few, many = peak(20), peak(100)
    # an image and its mask are 8 kB here, before it is made into numbers
    assert (many - few) / 80 < 4000
