import os
import re
import shutil
import signal
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError, Interrupted, ModelError, RecipeError, RunError
from intarsia.file_cache import FileCache
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.training import plan, train
from intarsia.training.plan import Speed
from intarsia.training.setup import checked, prepare
from intarsia.training.step import Stepper
from intarsia.training.validation import Validation

RECIPE = Recipe().replace(
    **{
        "train.weights": "none",
        "train.epochs": 3,
        "train.batch_size": 3,
        "data.image_size": (32, 64),
        "data.normalise": "dataset",
        "train.ema": 0.5,
    }
)
VOLATILE = ("seconds", "validation_seconds", "images_per_second", "peak_memory_bytes")


def steady(run: Run):
    """The log without times and memory, and the best weights, averaged and not."""
    rows = [{k: v for k, v in row.items() if k not in VOLATILE} for row in run.log]
    weights = {}
    for name in ("best", "best-raw"):
        path = run.checkpoints / f"{name}.safetensors"
        if path.exists():
            weights |= {f"{name} {key}": value for key, value in load_file(path).items()}
    return rows, weights


def assert_identical(one: Run, two: Run):
    rows, weights = steady(one)
    other_rows, other_weights = steady(two)
    assert rows == other_rows
    assert weights.keys() == other_weights.keys()
    assert all(torch.equal(weights[k], other_weights[k]) for k in weights)
    assert one.evaluations.keys() == two.evaluations.keys()
    for name, sheet in one.evaluations.items():
        assert sheet["confusion_matrix"] == two.evaluations[name]["confusion_matrix"]


@pytest.fixture(scope="module")
def whole(shapes, tmp_path_factory) -> Run:
    """An uninterrupted run."""
    return train(Dataset.open(shapes), RECIPE, tmp_path_factory.mktemp("runs") / "whole")


def test_a_run_holds_what_the_design_promises(whole):
    names = {p.relative_to(whole.path).as_posix() for p in whole.path.rglob("*") if p.is_file()}
    assert {
        "recipe.yaml",
        "dataset.json",
        "environment.json",
        "log.jsonl",
        "summary.json",
        "checkpoints/last.pt",
        "checkpoints/best.safetensors",
        "evaluations/shapes-val.json",
    } <= names
    assert [row["epoch"] for row in whole.log] == [1, 2, 3]
    for row in whole.log:
        assert all(np.isfinite(row[k]) for k in ("train_loss", "val_loss", "lr", "seconds"))
    summary = whole.summary
    best = max(whole.log, key=lambda row: row["val_miou"])
    assert summary["best_epoch"] == best["epoch"]
    assert summary["best_metric"] == best["val_miou"]
    assert summary["parameters"] == 6_629_090
    assert whole.evaluations["shapes-val"]["miou"] == pytest.approx(best["val_miou"])
    assert whole.environment["versions"]["torch"] == torch.__version__


def test_normalisation_is_the_train_splits_own(whole, shapes):
    data = Dataset.open(shapes)
    pixels = np.concatenate([data.read_image(s).reshape(-1, 3) / 255 for s in data.split("train")])
    assert np.allclose(whole.preprocessing.mean, pixels.mean(axis=0))
    assert np.allclose(whole.preprocessing.std, pixels.std(axis=0), atol=1e-6)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_and_resumed_is_bit_identical(whole, shapes, tmp_path, number):
    data = Dataset.open(shapes)
    out = tmp_path / "run"

    def stop_in_the_second_epoch(row):
        if row["epoch"] == 1:
            # arrives in the middle of some later step
            threading.Timer(0.15, os.kill, (os.getpid(), number)).start()

    with pytest.raises(Interrupted, match=number.name):
        train(data, RECIPE, out, on_epoch=stop_in_the_second_epoch)
    assert not Run.open(out).finished
    with pytest.raises(RunError, match="already holds a run"):
        train(data, RECIPE, out)
    run = train(data, RECIPE, out, resume=True)
    assert_identical(whole, run)
    before = (out / "checkpoints/last.pt").read_bytes()
    assert train(data, RECIPE, out, resume=True).finished
    assert (out / "checkpoints/last.pt").read_bytes() == before


def test_a_damaged_last_checkpoint_falls_back_and_ends_the_same(whole, shapes, tmp_path, caplog):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(Dataset.open(shapes), RECIPE, out, on_epoch=raise_after_second_epoch)
    last = out / "checkpoints/last.pt"
    last.write_bytes(last.read_bytes()[:1000])
    run = train(Dataset.open(shapes), RECIPE, out, resume=True)
    assert "falling back" in caplog.text
    assert_identical(whole, run)


def raise_after_second_epoch(row):
    if row["epoch"] == 2:
        raise KeyboardInterrupt


def test_resume_without_a_checkpoint_starts_from_zero(whole, shapes, tmp_path):
    assert_identical(whole, train(Dataset.open(shapes), RECIPE, tmp_path / "new", resume=True))


def test_another_recipe_or_other_data_cannot_be_resumed(shapes, tmp_path):
    copy = tmp_path / "shapes"
    shutil.copytree(shapes, copy)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(Dataset.open(copy), RECIPE, out, on_epoch=raise_after_second_epoch)
    other = RECIPE.replace(**{"train.lr": 0.5})
    with pytest.raises(RunError, match=r"train\.lr: 0\.001 in the run, 0\.5 asked for"):
        train(Dataset.open(copy), other, out, resume=True)
    image = copy / "train/images/train3.png"
    image.write_bytes((copy / "train/images/train4.png").read_bytes())
    with pytest.raises(RunError, match=r"1 changed \(.*train3"):
        train(Dataset.open(copy), RECIPE, out, resume=True)
    image.write_bytes((shapes / "train/images/train3.png").read_bytes())
    yaml = copy / "dataset.yaml"
    yaml.write_text(yaml.read_text().replace("ground", "floor"))
    with pytest.raises(RunError, match="another labels"):
        train(Dataset.open(copy), RECIPE, out, resume=True)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"train.weights": "nowhere.pth"}, ModelError),
        ({"model.name": "unett"}, ModelError),
        ({"data.ignore": ("bosx",)}, DataError),
        ({"loss.class_weights": (1.0, 2.0, 3.0)}, RecipeError),
        ({"train.time": 0.001}, RecipeError),
    ],
)
def test_what_cannot_be_trained_leaves_nothing_on_disk(shapes, tmp_path, changes, error):
    with pytest.raises(error):
        train(Dataset.open(shapes), RECIPE.replace(**changes), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_data_with_errors_is_not_trained(shapes, tmp_path):
    copy = tmp_path / "shapes"
    shutil.copytree(shapes, copy)
    (copy / "train/masks/train2.png").unlink()
    (copy / "val/images/val0.png").write_bytes(b"")
    with pytest.raises(DataError, match="nothing was trained") as caught:
        train(Dataset.open(copy), RECIPE, tmp_path / "run")
    assert "train2" in str(caught.value)
    assert "val0" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_training(shapes, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RunError, match=r"cannot write|is a file"):
        train(Dataset.open(shapes), RECIPE, blocked / "run")
    with pytest.raises(RunError, match="is a file"):
        train(Dataset.open(shapes), RECIPE, blocked)


def test_patience_counts_epochs_in_a_row_and_stop_at_stops(shapes, tmp_path):
    frozen = RECIPE.replace(
        **{"train.lr": 1e-12, "train.epochs": 9, "train.patience": 2, "train.ema": 0.0}
    )
    frozen = frozen.replace(**{"train.metric": "pixel_accuracy", "train.keep": "every"})
    run = train(Dataset.open(shapes), frozen, tmp_path / "frozen")
    assert "no gain in 2 epochs" in run.summary["stopped_because"]
    assert len(run.log) == run.summary["best_epoch"] + 2
    kept = sorted(p.name for p in run.checkpoints.glob("epoch-*.safetensors"))
    assert len(kept) == len(run.log)
    early = RECIPE.replace(**{"train.stop_at": 0.0})
    run = train(Dataset.open(shapes), early, tmp_path / "early")
    assert run.summary["stopped_because"] == "miou reached 0.0"
    assert len(run.log) == 1


def test_validation_can_be_rarer_but_never_misses_the_end(shapes, tmp_path):
    rare = RECIPE.replace(**{"train.validate_every": 2})
    run = train(Dataset.open(shapes), rare, tmp_path / "run")
    assert [row["val_miou"] is None for row in run.log] == [True, False, False]


def test_a_time_budget_becomes_a_fixed_number_of_epochs(shapes, tmp_path, monkeypatch):
    # two steps of a second each: 0.94 of 7 s are three epochs
    monkeypatch.setattr("intarsia.training.loop.calibrate", lambda setup: Speed(1.0, 0.0, 1))
    timed = RECIPE.replace(**{"train.time": 7.0, "train.epochs": 40})
    with pytest.raises(KeyboardInterrupt):
        train(Dataset.open(shapes), timed, tmp_path / "run", on_epoch=raise_first)
    stored = Run.open(tmp_path / "run").recipe.train
    assert (stored.epochs, stored.time) == (3, None)
    monkeypatch.setattr("intarsia.training.loop.calibrate", lambda setup: Speed(9.0, 0.0, 1))
    run = train(Dataset.open(shapes), timed, tmp_path / "run", resume=True)
    assert len(run.log) == 3


def raise_first(row):
    raise KeyboardInterrupt


def test_losses_that_are_not_finite_are_said_and_end_the_training(shapes, tmp_path, caplog):
    wild = RECIPE.replace(**{"train.lr": 1e30, "train.epochs": 30, "train.clip_norm": 0.0})
    wild = wild.replace(**{"train.optimizer": "sgd", "schedule.warmup": 0.0})
    # many lost steps in a row, or a validation of a network that gives nothing finite
    with pytest.raises((RunError, ModelError), match="not finite") as caught:
        train(Dataset.open(shapes), wild, tmp_path / "run")
    assert "--lr" in str(caught.value)
    assert re.search(r"the loss is \S+ or its gradient not finite at step \d+", caplog.text)


def test_one_class_predictions_are_said(shapes, tmp_path, caplog, monkeypatch):
    lonely = Validation(1.0, np.array([[0, 90], [0, 10]]))
    assert lonely.only_class == 1
    assert Validation(1.0, np.array([[0, 0], [0, 10]])).only_class is None
    assert Validation(1.0, np.array([[1, 89], [0, 10]])).only_class is None
    monkeypatch.setattr("intarsia.training.loop.validate", lambda *a, **k: lonely)
    train(Dataset.open(shapes), RECIPE.replace(**{"train.epochs": 1}), tmp_path / "run")
    assert 'every validation pixel is predicted as "box"' in caplog.text


@pytest.mark.parametrize("moment", ["last step", "validation"])
def test_stopped_after_the_last_step_is_bit_identical_too(
    whole, shapes, tmp_path, monkeypatch, moment
):
    from intarsia.training import loop

    step, validate = Stepper.step, loop.validate

    def stop_in_step(self, batch, number, factor):
        if number == 3:  # the last of the second epoch
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, number, factor)

    def stop_in_validation(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        return validate(*arguments, **options)

    with monkeypatch.context() as patched:
        if moment == "validation":
            patched.setattr(loop, "validate", stop_in_validation)
        else:
            patched.setattr(Stepper, "step", stop_in_step)
        with pytest.raises(Interrupted):
            train(Dataset.open(shapes), RECIPE, tmp_path / "run")
    assert_identical(whole, train(Dataset.open(shapes), RECIPE, tmp_path / "run", resume=True))


def test_one_class_cannot_be_trained(shapes, tmp_path):
    with pytest.raises(DataError, match="only one class"):
        train(Dataset.open(shapes), RECIPE.replace(**{"data.ignore": ("box",)}), tmp_path / "run")


def test_a_step_that_is_left_out_changes_nothing(shapes):
    setup = prepare(Dataset.open(shapes), RECIPE, "cpu")
    stepper = Stepper(setup, setup.model)
    before = {k: v.clone() for k, v in setup.model.state_dict().items()}
    batch = next(setup.batches.epoch(1))
    poisoned = batch._replace(images=batch.images * float("nan"))
    stepper.step(poisoned, 0, 1.0)
    assert stepper.lost == 1
    assert stepper.mean_loss is None
    after = setup.model.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in before)
    stepper.step(batch, 0, 1.0)
    assert stepper.lost == 0
    after = setup.model.state_dict()
    assert not any(torch.equal(after[k], before[k]) for k in before if k.endswith("running_mean"))


def test_an_own_run_can_be_the_start_of_another(whole, shapes, tmp_path, caplog):
    caplog.set_level("INFO")
    again = RECIPE.replace(**{"train.weights": str(whole.path), "train.epochs": 1})
    run = train(Dataset.open(shapes), again, tmp_path / "run")
    assert f"weights from {whole.path}: " in caplog.text
    assert run.finished


def test_a_plan_trains_nothing_and_writes_nothing(shapes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = plan(Dataset.open(shapes), RECIPE)
    assert told.splits == {"train": 7, "val": 3}
    assert told.steps == 2  # 3 + 3 + 1: the last one joins the batch before it
    assert told.parameters == 6_629_090
    assert told.seconds > 0
    assert "7 train, 3 val images; 2 classes: ground, box" in str(told)
    assert list(tmp_path.iterdir()) == []


def test_a_training_reads_no_file_again_that_a_check_has_seen(shapes, tmp_path, monkeypatch):
    cache = FileCache(tmp_path / "files.sqlite")
    check(Dataset.open(shapes, cache=cache), cache=cache)

    def no_more(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("intarsia.doctor.examination._image_answer", no_more)
    monkeypatch.setattr("intarsia.doctor.examination._mask_answer", no_more)
    monkeypatch.setattr("intarsia.datasets.scan._answer", no_more)
    data = Dataset.open(shapes, cache=cache)
    assert checked(data, RECIPE, cache) == data
