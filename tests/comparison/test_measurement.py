"""Finished runs on the same images: the figures by hand, and all that is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia import metrics
from intarsia.comparison import Contender, compare
from intarsia.comparison.judged_images import JudgedImages
from intarsia.datasets import Dataset
from intarsia.errors import DataError, ModelError, RunError
from intarsia.evaluation import OUT_OF_FOLD, evaluate
from intarsia.runs import CrossValidation, Run

from .made import NAMES, expected_matrix, make_data, make_run
from .made_comparison import texts


def test_the_figures_are_those_of_the_pixels(data: Dataset, good: Run, poor: Run) -> None:
    calls: list[tuple[int, int]] = []
    found = compare([poor, good], data, "test", progress=lambda *call: calls.append(call))
    assert found.given == ("poor", "good")
    assert [entry.name for entry in found.entries] == ["poor", "good"]
    assert [entry.name for entry in found.ranking] == ["good", "poor"]
    values = {}
    for name, moved in (("poor", 3), ("good", 0)):
        expected = expected_matrix(data, "test", moved)
        np.testing.assert_array_equal(found[name].matrix, expected)
        values[name] = metrics.miou(expected)
        assert found[name].primary.value == pytest.approx(values[name])
        for k, row in enumerate(metrics.class_metrics(expected, NAMES)):
            assert found[name].class_estimates[k].value == pytest.approx(row.iou)
        accuracy = found[name].estimates["pixel_accuracy"].value
        assert accuracy == pytest.approx(metrics.pixel_accuracy(expected))
    assert values["good"] == 1.0
    (pair,) = found.pairs
    assert (pair.a, pair.b) == ("poor", "good")
    assert pair.value == pytest.approx(values["poor"] - 1)
    assert pair.verdict == "worse"
    assert found.images == 6
    assert found.unit == "image"
    assert calls[0] == (0, 12)
    assert calls[-1] == (12, 12)


def test_the_test_split_is_looked_at_once(data: Dataset, good: Run, poor: Run) -> None:
    first = compare([good, poor], data, "test")
    assert [run.test_looks for run in (good, poor)] == [1, 1]
    assert "Looks at the test split so far: good 1, poor 1." in texts(first)
    again = compare([good.path, poor.path], data.root, "test")
    assert [run.test_looks for run in (good, poor)] == [1, 1]
    assert again["poor"].primary == first["poor"].primary
    assert again["poor"].test_looks == 1
    # what `intarsia evaluate` has measured is not measured again either
    other = make_run(good.path.parent / "other", data, 1)
    evaluate(other, split="test")
    compare([other, good], data, "test")
    assert other.test_looks == 1


def test_a_copy_of_the_data_elsewhere_is_the_same_data(
    data: Dataset, good: Run, poor: Run, tmp_path: Path
) -> None:
    evaluate(good, split="test")
    shutil.copytree(data.root, tmp_path / "copy")
    for _ in range(2):
        found = compare([good, poor], tmp_path / "copy", "test")
        assert found.data == "copy"
        assert [run.test_looks for run in (good, poor)] == [1, 1]
    assert "copy-test" in poor.evaluations


@pytest.mark.parametrize("extended", [True, False])
def test_more_or_fewer_images_are_looked_at_once_and_leave_the_run_s_own_sheet(
    extended: bool, data: Dataset, good: Run, poor: Run, tmp_path: Path
) -> None:
    before = evaluate(good, split="test").to_json()
    other = tmp_path / "later"
    shutil.copytree(data.root, other)
    if extended:
        more = make_data(tmp_path / "more", seed=1)
        for sample in more.split("test")[:2]:
            for file in (sample.image, Path(str(sample.mask))):
                shutil.copy(file, other / file.parent.name / f"new-{file.name}")
    else:
        for folder in ("test", "testannot"):
            (other / folder / "test0.png").unlink()
    for _ in range(2):
        found = compare([good, poor], other, "test")
        assert found.images == (8 if extended else 5)
        expected = expected_matrix(Dataset.open(other), "test", 3)
        np.testing.assert_array_equal(found["poor"].matrix, expected)
        assert (good.test_looks, poor.test_looks) == (2, 1)
    assert good.evaluations["toy-test"] == before


def test_other_data_of_the_same_names_leave_the_runs_own_sheet(
    data: Dataset, good: Run, poor: Run, tmp_path: Path
) -> None:
    before = evaluate(poor, split="test").to_json()
    other = make_data(tmp_path / "later" / data.root.name, seed=7)
    assert [s.name for s in other.split("test")] == [s.name for s in data.split("test")]
    found = compare([good, poor], other, "test")
    np.testing.assert_array_equal(found["poor"].matrix, expected_matrix(other, "test", 3))
    assert poor.evaluations["toy-test"] == before
    again = compare([good, poor], data, "test")
    np.testing.assert_array_equal(again["poor"].matrix, expected_matrix(data, "test", 3))
    assert len(poor.evaluations) == 2


def test_the_figure_that_the_data_declare_ranks(data: Dataset, good: Run, poor: Run) -> None:
    with (data.root / "dataset.yaml").open("a") as file:
        file.write("primary: {metric: iou, class: rare}\n")
    found = compare([poor, good], data.root, "test")
    assert (found.metric_name, found.declared) == ("IoU of rare", True)
    expected = metrics.class_metrics(expected_matrix(data, "test", 3), NAMES)[2].iou
    assert found["poor"].primary.value == pytest.approx(expected)
    assert found.pairs[0].value == pytest.approx((expected or 0) - 1)
    # the runs were trained before that
    assert found.to_json()["primary"]["late"] is True
    said = "The data declared the figure that ranks only after these were trained: poor, good."
    assert said in texts(found)
    plain = compare([poor, good], data, "test")
    assert (plain.metric_name, plain.declared) == ("macro mIoU", False)


def test_a_figure_declared_before_the_training_is_not_late(data: Dataset, tmp_path: Path) -> None:
    with (data.root / "dataset.yaml").open("a") as file:
        file.write("primary: {metric: pixel_accuracy}\n")
    declared = Dataset.open(data.root)
    runs = [make_run(tmp_path / f"run{moved}", declared, moved) for moved in (0, 3)]
    found = compare(runs, declared, "test")
    assert (found.metric_name, found.primary_late) == ("pixel accuracy (micro)", False)
    assert not any(remark.kind == "primary" for remark in found.remarks)


def test_masks_that_are_read_otherwise_are_other_images(data: Dataset, good: Run) -> None:
    one = JudgedImages.of(data, "test")
    read = replace(data, encoding=data.encoding.ignoring({2}))
    two = JudgedImages.of(read, "test")
    assert one.are_split_of(good.manifest)
    assert not two.are_split_of(good.manifest)
    assert one.digest != two.digest
    assert one.digest == JudgedImages.of(Dataset.open(data.root), "test").digest
    assert len(one.digest) == 8


def test_a_group_may_be_called_as_a_single_image_is(data: Dataset) -> None:
    called = {"test/test0": "test/test2", "test/test1": "test/test2"}
    samples = tuple(replace(s, group=called.get(s.name)) for s in data.samples)
    judged = JudgedImages.of(replace(data, samples=samples), "test")
    assert judged.groups[:3] == ("test/test2", "test/test2", "test/test2 alone")
    assert judged.groups[3:] == judged.names[3:]


def test_images_that_trained_a_run_are_named(
    data: Dataset, good: Run, poor: Run, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"good was trained on 4 of the 4 .*train/train0"):
        compare([good, poor], data, "train")
    moved = tmp_path / "resplit"
    shutil.copytree(data.root, moved)
    for folder in ("", "annot"):
        (moved / f"train{folder}" / "train2.png").rename(moved / f"test{folder}" / "was2.png")
    with pytest.raises(DataError) as caught:
        compare([good, poor], moved, "test")
    assert "1 of the 7 images to compare on: test/was2 (there called train/train2)" in str(
        caught.value
    )
    assert good.test_looks == 0


def test_repeats_are_one_row(data: Dataset, good: Run, tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path / "mini" / f"repeat-{seed}", data, 2 + seed, seed=seed)
    found = compare([tmp_path / "mini", good], data, "test")
    row = found["mini"]
    each = [metrics.miou(expected_matrix(data, "test", moved)) for moved in (2, 3)]
    assert row.primary.values == pytest.approx(tuple(each))
    assert row.primary.value == pytest.approx(sum(each) / 2)
    assert row.to_json()["seeds"] == [0, 1]
    assert row.to_json()["repeats"] == 2


def test_one_image_is_no_comparison(good: Run, poor: Run, tmp_path: Path) -> None:
    alone = make_data(tmp_path / "alone", seed=5, counts={"train": 1, "test": 1})
    found = compare([good, poor], alone, "test")
    assert found.pairs[0].verdict == "n/a"
    assert found["poor"].primary.interval is None
    assert "One image: how much others would differ cannot be known (n/a)." in texts(found)
    assert "cannot be compared" in str(found)


def test_one_group_is_none_either(data: Dataset, good: Run, poor: Run) -> None:
    found = compare([good, poor], data, "test", group_by="regex:(test)")
    assert found.to_json()["groups"] == 1
    assert found.unit == "group"
    assert found.pairs[0].verdict == "n/a"
    assert any(remark.startswith("One group:") for remark in texts(found))


def test_a_network_without_numbers_is_named(data: Dataset, good: Run, tmp_path: Path) -> None:
    broken = make_run(tmp_path / "runs" / "broken", data, None)
    with pytest.raises(ModelError, match="not finite") as caught:
        compare([good, broken], data)
    assert str(broken.path) in str(caught.value)


def test_classes_that_differ_are_told(data: Dataset, good: Run, tmp_path: Path) -> None:
    text = (data.root / "dataset.yaml").read_text()
    (data.root / "dataset.yaml").write_text(text.replace("rare", "pole"))
    other = make_run(tmp_path / "other", Dataset.open(data.root))
    with pytest.raises(DataError, match="different classes") as caught:
        compare([good, other])
    assert "ground, box, pole" in str(caught.value)
    with pytest.raises(DataError, match="classes of the data are not those"):
        compare([good, make_run(tmp_path / "same", data, 1)], data.root)
    narrower = make_run(tmp_path / "narrower", data.ignoring(["rare"]))
    with pytest.raises(DataError, match="different classes"):
        compare([good, narrower], data)


def test_what_is_ignored_must_be_the_same(data: Dataset, good: Run, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", data)
    other.manifest["ignored"] = ["sky"]
    with pytest.raises(DataError, match="ignore different classes") as caught:
        compare([good, other], data)
    assert "ignores sky" in str(caught.value)


@pytest.mark.parametrize("margin", [0, -0.01, 1, float("nan")])
def test_a_margin_that_is_none(margin: float, data: Dataset, good: Run, poor: Run) -> None:
    with pytest.raises(DataError, match="the margin is"):
        compare([good, poor], data, margin=margin)


def test_fewer_than_two(data: Dataset, good: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 to compare: good"):
        compare([good], data)
    failed = Contender("bad", failures=("repeat 0 failed: no memory",))
    with pytest.raises(DataError, match="1 to compare: good") as caught:
        compare([good, failed], data)
    assert "bad: repeat 0 failed: no memory" in str(caught.value)
    annotators = [data.root / "valannot", data.root / "testannot"]
    with pytest.raises(DataError, match="a run and a second annotator"):
        compare(annotators, data)


def test_no_images_in_common(data: Dataset, good: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no split "tset"'):
        compare([good, make_run(tmp_path / "b", data, 1)], data, "tset")
    with pytest.raises(DataError, match="single training"):
        compare([good, make_run(tmp_path / "c", data, 1)], data, OUT_OF_FOLD)


def test_a_mask_that_is_not_there(data: Dataset, good: Run, poor: Run) -> None:
    samples = tuple(replace(s, mask=None) if s.name == "val/val1" else s for s in data.samples)
    with pytest.raises(DataError, match="1 images of val have no mask: val/val1"):
        compare([good, poor], replace(data, samples=samples))


def test_changed_images_of_the_runs_are_refused(data: Dataset, good: Run, poor: Run) -> None:
    file = data.split("val")[0].image
    Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    with pytest.raises(DataError, match="have changed since the training: val/val0"):
        compare([good, poor], data)


def test_a_damaged_sheet_says_how_to_mend_it(data: Dataset, good: Run, poor: Run) -> None:
    compare([good, poor], data)
    file = poor.path / "evaluations" / "toy-val.npz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(RunError, match="cannot read the matrices") as caught:
        compare([good, poor], data)
    assert "intarsia evaluate" in str(caught.value)


def test_folds_out_of_fold_and_on_test(
    folded: CrossValidation, cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # these have been trained
    for name in ("a", "b"):
        shutil.copytree(folded.path, tmp_path / name)
    runs = [Run.open(tmp_path / name) for name in ("a", "b")]
    found = compare(runs, cells, OUT_OF_FOLD)
    assert found.images == 8
    assert found.to_json()["groups"] == 4
    assert found["a"].chosen_on == 8
    sheet = folded.evaluations["cells-out-of-fold"]
    np.testing.assert_array_equal(found["a"].matrix, sheet["confusion_matrix"])
    assert found.pairs[0].verdict == "equivalent"
    fold = runs[0].folds[0]
    cost = found["a"].cost
    assert cost.parameters == fold.summary["parameters"]
    assert cost.images_per_second is not None
    for _ in range(2):
        on_test = compare(runs, cells, "test")
        assert [run.test_looks for run in runs] == [1, 1]
    # the ensemble of both folds
    assert on_test["a"].cost.parameters == 2 * fold.summary["parameters"]
    with pytest.raises(DataError, match="was trained on 4 of the 4") as caught:
        compare(runs, cells, "val")
    assert OUT_OF_FOLD in str(caught.value)
