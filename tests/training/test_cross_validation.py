"""A training a fold: what it leaves, what it is worth, and that it can be stopped anywhere."""

import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError, RecipeError, RunError
from intarsia.evaluation import evaluate
from intarsia.file_cache import FileCache
from intarsia.metrics import confusion_matrix
from intarsia.prediction import Predictor
from intarsia.runs import CrossValidation, Run
from intarsia.training import plan_folds, train, train_folds
from intarsia.training.plan import Speed

HELD_OUT = [{"a_0", "a_1", "c_0", "c_1"}, {"b_0", "b_1", "d_0", "d_1"}]
TEST = {"e_0", "e_1"}


def stems(names) -> list[str]:
    return [name.rpartition("/")[2].removesuffix(".png") for name in names]


@pytest.fixture
def copy(folded, tmp_path) -> CrossValidation:
    """The cross-validation, to be changed."""
    shutil.copytree(folded.path, tmp_path / "run")
    return CrossValidation(tmp_path / "run")


def test_each_fold_is_a_run_of_its_own(folded):
    assert isinstance(Run.open(folded.path), CrossValidation)
    assert folded.finished
    assert folded.count == 2
    for number, held_out in enumerate(HELD_OUT):
        run = Run.open(folded.path / f"fold-{number}")
        assert type(run) is Run
        assert run.finished
        assert [row["epoch"] for row in run.log] == [1, 2]
        splits = {name: set(stems(s.name for s in samples)) for name, samples in
                  run.dataset().splits.items()}  # fmt: skip
        assert splits == {"val": held_out, "train": HELD_OUT[1 - number], "test": TEST}
        groups = {s.split: set() for s in run.dataset().samples}
        for sample in run.dataset().samples:
            groups[sample.split].add(sample.group)
        assert not groups["train"] & groups["val"]
    summary = folded.summary
    figures = [fold.summary["best_metric"] for fold in folded.folds]
    assert summary["best_metrics"] == figures
    assert summary["mean"] == pytest.approx(sum(figures) / 2)
    assert summary["standard_deviation"] == pytest.approx(abs(figures[0] - figures[1]) / 2**0.5)


def test_out_of_fold_is_every_image_once_by_the_fold_that_has_not_seen_it(folded, cells):
    sheet = folded.evaluations["cells-out-of-fold"]
    assert sorted(stems(row["file"] for row in sheet["per_image"])) == sorted(
        HELD_OUT[0] | HELD_OUT[1]
    )
    assert (sheet["split"], sheet["selection"], sheet["images"]) == ("out-of-fold", True, 8)
    parts = [np.array(fold.evaluations["cells-val"]["confusion_matrix"]) for fold in folded.folds]
    assert (parts[0] != parts[1]).any()
    np.testing.assert_array_equal(sheet["confusion_matrix"], parts[0] + parts[1])
    # and from the files, by hand
    data = Dataset.open(cells)
    expected = np.zeros((2, 2), np.int64)
    for fold in (0, 1):
        predictor = Predictor(folded.path / f"fold-{fold}", device="cpu")
        for sample in data.samples:
            if sample.fold == fold:
                mask = predictor(sample.image)
                expected += confusion_matrix(data.read_mask(sample), mask, 2, 255)
    np.testing.assert_array_equal(sheet["confusion_matrix"], expected)
    # 36 rows and 52 columns of each image count
    assert expected.sum() == 8 * 36 * 52
    with np.load(folded.path / "evaluations" / "cells-out-of-fold.npz") as arrays:
        assert arrays["files"].tolist() == [row["file"] for row in sheet["per_image"]]
        np.testing.assert_array_equal(arrays["matrices"].sum(axis=0), expected)


def test_details_out_of_fold_are_those_of_all_folds(copy, cells):
    sheet = evaluate(copy, cells, "out-of-fold", details=True, device="cpu")
    wrong = sheet.confusion_matrix.sum() - np.trace(sheet.confusion_matrix)
    assert sheet.details.errors.errors == wrong
    folds = [fold.evaluations["cells-val"]["details"] for fold in copy.folds]
    assert sum(fold["errors"]["errors"] for fold in folds) == wrong
    assert sum(row.pixels for row in sheet.details.reliability) == 8 * 36 * 52
    # each fold has a temperature of its own
    assert sheet.details.temperature is None
    assert all(fold["temperature"]["value"] > 0 for fold in folds)
    with np.load(copy.path / "evaluations" / "cells-out-of-fold.npz") as arrays:
        assert arrays["boundary"].shape == (8, 2, 4)
        assert arrays["reliability"].shape == (8, 2, 15, 3)
        assert arrays["errors"].sum() == arrays["error_budget"].sum() == wrong
    # and the sheets of the folds' own trainings, without, replace it by one without
    assert evaluate(copy, cells, "out-of-fold", device="cpu").details is None


def test_the_ensemble_predicts_the_mean_of_its_folds(folded, cells):
    image = Dataset.open(cells).split("test")[0].image
    folds = folded.folds
    assert folds[0].preprocessing.mean != folds[1].preprocessing.mean
    members = [Predictor(fold, device="cpu").probabilities(image) for fold in folds]
    together = Predictor(folded.path, device="cpu").probabilities(image)
    np.testing.assert_allclose(together, np.mean(members, axis=0), atol=1e-5)
    assert abs(members[0] - members[1]).max() > 1e-3
    flipped = Predictor(folded, device="cpu", settings=["predict.flip=true"]).probabilities(image)
    assert abs(flipped - together).max() > 1e-5


def test_what_the_ensemble_may_be_measured_on(copy, cells, tmp_path, make_folds):
    for split in ("train", "val"):
        for data in (None, Dataset.open(cells)):
            with pytest.raises(DataError, match="have trained some of the 2 folds") as caught:
                evaluate(copy, data, split, device="cpu")
            assert "--split out-of-fold" in caught.value.hint
    before = copy.evaluations["cells-out-of-fold"]
    again = evaluate(copy, cells, "out-of-fold", device="cpu")
    np.testing.assert_array_equal(again.confusion_matrix, before["confusion_matrix"])
    assert "by the fold that was not trained on it" in str(again)
    told: list[tuple[int, int]] = []
    changed = evaluate(
        copy.setting(["predict.flip=true"]),
        split="out-of-fold",
        device="cpu",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 8) for done in range(1, 9)]
    assert changed.settings == {"flip": True}
    assert {"cells-out-of-fold", "cells-out-of-fold+flip=True"} == set(copy.evaluations)
    # what no fold has seen: the ensemble's own
    test = evaluate(copy, cells, "test", device="cpu")
    assert (test.selection, test.images, copy.test_looks) == (False, 2, 1)
    predictor = Predictor(copy, device="cpu")
    data = Dataset.open(cells)
    expected = [
        confusion_matrix(data.read_mask(s), predictor(s.image), 2, 255) for s in data.split("test")
    ]
    np.testing.assert_array_equal(test.confusion_matrix, sum(expected))
    other = make_folds(tmp_path / "other", {"x": "0", "y": "1"}, seed=2)
    assert evaluate(copy, other, "train", device="cpu").images == 2
    # another name hides nothing
    (other / "images/y_0.png").write_bytes((cells / "images/a_0.png").read_bytes())
    with pytest.raises(DataError, match=r"1 images of train .*y_0"):
        evaluate(copy, other, "train", device="cpu")
    with pytest.raises(DataError, match="not what the folds were drawn from"):
        evaluate(copy, other, "out-of-fold", device="cpu")


def test_stopped_and_resumed_is_bit_identical(folded, cells, tmp_path, folds_recipe):
    data = Dataset.open(cells)
    out = tmp_path / "run"
    rows: list[tuple[int, int]] = []

    def stop(fold, row):
        rows.append((fold, row["epoch"]))
        if rows[-1] == (1, 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_folds(data, folds_recipe, out, device="cpu", on_epoch=stop)
    assert rows == [(0, 1), (0, 2), (1, 1)]
    stopped = Run.open(out)
    assert not stopped.finished
    with pytest.raises(RunError, match="1 of 2 folds are trained"):
        Predictor(out, device="cpu")
    with pytest.raises(RunError, match="already holds a run"):
        train_folds(data, folds_recipe, out)
    # as a kill leaves them: a file half written, a folder without its recipe
    (out / "fold-1" / ".intarsia-x.tmp").write_text("half")
    finished: list[str] = []
    done = (out / "fold-0/checkpoints/last.pt").stat().st_mtime_ns
    whole = train_folds(
        data,
        folds_recipe,
        out,
        resume=True,
        device="cpu",
        on_fold=lambda run: finished.append(run.name),
    )
    assert finished == ["fold-0", "fold-1"]
    assert (out / "fold-0/checkpoints/last.pt").stat().st_mtime_ns == done
    assert not list(out.rglob("*.tmp"))
    for ours, theirs in zip(whole.folds, folded.folds, strict=True):
        one, two = (load_file(r.checkpoints / "best.safetensors") for r in (ours, theirs))
        assert all(torch.equal(one[key], two[key]) for key in one)
    sheets = [run.evaluations["cells-out-of-fold"] for run in (whole, folded)]
    assert sheets[0]["confusion_matrix"] == sheets[1]["confusion_matrix"]


@pytest.mark.parametrize("lost", ["recipe.yaml", "fold-1/recipe.yaml", "summary.json"])
def test_killed_between_two_files(folded, copy, cells, lost, folds_recipe):
    """What was not whole yet is made again, the rest is kept."""
    (copy.path / lost).unlink()
    if lost == "recipe.yaml":
        # from zero, in a folder that has some files
        for fold in ("fold-0", "fold-1"):
            shutil.rmtree(copy.path / fold)
    (copy.path / "summary.json").unlink(missing_ok=True)
    (copy.path / "evaluations/cells-out-of-fold.json").unlink()
    whole = train_folds(Dataset.open(cells), folds_recipe, copy.path, resume=True, device="cpu")
    assert whole.finished
    sheets = [run.evaluations["cells-out-of-fold"] for run in (whole, folded)]
    assert sheets[0]["confusion_matrix"] == sheets[1]["confusion_matrix"]


def test_what_changed_meanwhile_is_refused(copy, cells, tmp_path, folds_recipe):
    data = Dataset.open(cells)
    assert train_folds(data, folds_recipe, copy.path, resume=True).finished
    (copy.path / "summary.json").unlink()
    other = folds_recipe.replace(**{"train.lr": 0.5})
    with pytest.raises(RunError, match=r"train\.lr: 0\.001 in the run, 0\.5 asked for"):
        train_folds(data, other, copy.path, resume=True)
    moved = tmp_path / "cells"
    shutil.copytree(cells, moved)
    table = (moved / "splits.csv").read_text()
    swapped = table.replace("png,1,d", "png,0,d").replace("png,0,c", "png,1,c")
    (moved / "splits.csv").write_text(swapped)
    with pytest.raises(RunError, match="4 in another split, fold or group"):
        train_folds(Dataset.open(moved), folds_recipe, copy.path, resume=True)
    (moved / "splits.csv").write_text(table)
    first = moved / "images/b_0.png"
    first.write_bytes(first.read_bytes() + b"\0")
    with pytest.raises(RunError, match=r"1 changed \(.*b_0"):
        train_folds(Dataset.open(moved), folds_recipe, copy.path, resume=True)
    # folds that another drawing has left: whatever was lost, they are not taken for the new ones
    (moved / "splits.csv").write_text(swapped)
    shutil.copy(cells / "images/b_0.png", first)
    (copy.path / "recipe.yaml").unlink()
    with pytest.raises(RunError, match="fold 0 has other ones than the rest"):
        train_folds(Dataset.open(moved), folds_recipe, copy.path, resume=True, device="cpu")


def test_folds_and_single_trainings_are_never_mixed(folded, copy, cells, tmp_path, folds_recipe):
    data = Dataset.open(cells)
    with pytest.raises(RunError, match="cross-validation") as caught:
        train(data, folds_recipe, copy.path, resume=True)
    assert "--folds" in caught.value.hint
    with pytest.raises(RunError, match="single training"):
        train_folds(data, folds_recipe, copy.path / "fold-0", resume=True)
    start = folds_recipe.replace(**{"train.weights": str(folded.path)})
    with pytest.raises(RecipeError, match="weights of several trainings") as chosen:
        train(data, start, tmp_path / "single")
    assert "fold-0" in chosen.value.hint


@pytest.mark.parametrize(
    ("places", "message", "hint"),
    [
        ({"a": "test", "b": "test"}, "has no folds", "intarsia split DATA --folds 5"),
        ({"a": "0", "b": "test"}, "numbered 0", "--replace"),
    ],
)
def test_data_without_whole_folds(tmp_path, places, message, hint, folds_recipe, make_folds):
    data = Dataset.open(make_folds(tmp_path / "cells", places))
    for attempt in (train_folds, lambda data, recipe, _: plan_folds(data, recipe)):
        with pytest.raises(DataError, match=message) as caught:
            attempt(data, folds_recipe, tmp_path / "run")
        assert hint in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_every_fold_is_checked_before_the_first_is_trained(
    tmp_path, caplog, folds_recipe, make_folds, monkeypatch
):
    caplog.set_level("INFO")
    root = make_folds(tmp_path / "cells", {"a": "0", "b": "1", "c": "2"})
    (root / "images/c_0.png").write_bytes((root / "images/b_0.png").read_bytes())
    data, cache = Dataset.open(root), FileCache(tmp_path / "files.sqlite")
    check(data, cache=cache)
    # folds 1 and 2 share a picture, which is no fault while fold 0 is held out
    with monkeypatch.context() as patch:
        # what a check has seen is not read again
        for part in ("image", "mask"):
            patch.setattr(f"intarsia.doctor.examination._{part}_answer", pytest.fail)
        with pytest.raises(DataError, match="nothing was trained") as caught:
            train_folds(data, folds_recipe, tmp_path / "run", cache=cache)
    assert "cells, fold 1" in str(caught.value)
    assert "identical-across-splits" in str(caught.value)
    table = (root / "splits.csv").read_text()
    (root / "splits.csv").write_text(table.replace("c_0.png,2,c", "c_0.png,1,c"))
    with pytest.raises(DataError, match="group-across-splits"):
        train_folds(Dataset.open(root), folds_recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_time_budget_is_for_all_folds(cells, tmp_path, monkeypatch, caplog, folds_recipe):
    caplog.set_level("INFO")
    for module in ("cross_validation", "plan"):
        # by its name in full: `intarsia.training.plan` is the function
        place = sys.modules[f"intarsia.training.{module}"]
        monkeypatch.setattr(place, "calibrate", lambda setup: Speed(1.0, 0.0, 1))
    timed = folds_recipe.replace(**{"train.time": 14.0, "train.epochs": 40})
    # a step an epoch, of a second: 0.94 of 7 s are six epochs
    told = plan_folds(Dataset.open(cells), timed, device="cpu")
    assert told.recipe.train.epochs == 6
    assert (told.folds, told.seconds) == (2, 12.0)
    assert "for all 2 folds" in str(told)

    def stop(fold, row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_folds(Dataset.open(cells), timed, tmp_path / "run", device="cpu", on_epoch=stop)
    assert "14.0 s for 2 folds: 7.0 s for each" in caplog.text
    stored = Run.open(tmp_path / "run").recipe.train
    assert (stored.epochs, stored.time) == (6, None)
    assert Run.open(tmp_path / "run/fold-0").recipe.train == stored
