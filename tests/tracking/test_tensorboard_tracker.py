"""Event files, read back."""

import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.tracking import start_tracking
from intarsia.training import train

RECIPE = Recipe().replace(
    **{
        "train.weights": "none",
        "train.epochs": 2,
        "train.batch_size": 4,
        "data.image_size": (32, 48),
    }
)


def events(run: Run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0})
    found.Reload()
    return found


def test_events_are_the_runs_also_after_a_stop(shapes, tmp_path, monkeypatch, caplog):
    out = tmp_path / "run"

    def stop(row):
        tracker.epoch(row)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), start_tracking("tensorboard", out) as tracker:
        train(Dataset.open(shapes), RECIPE, out, on_epoch=stop)
    with start_tracking("tensorboard", out) as tracker:
        run = train(Dataset.open(shapes), RECIPE, out, resume=True, on_epoch=tracker.epoch)
        (out / "figures").mkdir()
        Image.new("RGB", (9, 7), "red").save(out / "figures" / "curve-loss.png")
        tracker.finish(run)
    assert "is not written" not in caplog.text
    found = events(run)
    for name in ("train_loss", "val_miou", "lr"):
        points = [(e.step, e.value) for e in found.Scalars(name)]
        assert points == [(r["epoch"], pytest.approx(r[name])) for r in run.log]
    times = [e.wall_time for e in found.Scalars("lr")]
    assert times == sorted(times)
    (point,) = found.Scalars("evaluations/shapes-val/miou")
    assert point.value == pytest.approx(run.evaluations["shapes-val"]["miou"])
    (picture,) = found.Images("figures/curve-loss")
    assert (picture.width, picture.height) == (9, 7)
    *_, text = found.Tensors("recipe/text_summary")
    assert b"| train.epochs | 2 |" in text.tensor_proto.string_val[0]


def test_an_epoch_that_failed_once_is_written_with_the_next(shapes, tmp_path, caplog):
    caplog.set_level("INFO")
    out = tmp_path / "run"
    with start_tracking("tensorboard", out) as tracker:

        def fail_once(row):
            if row["epoch"] == 2:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(tracker._writer, "add_scalar", full)
                    tracker.epoch(row)
            else:
                tracker.epoch(row)

        run = train(
            Dataset.open(shapes),
            RECIPE.replace(**{"train.epochs": 3}),
            out,
            on_epoch=fail_once,
        )
    assert caplog.text.count("is not written") == 1
    assert caplog.text.count("no epoch is missing") == 1
    found = events(run)
    assert [(e.step, e.value) for e in found.Scalars("train_loss")] == [
        (row["epoch"], pytest.approx(row["train_loss"])) for row in run.log
    ]


def full(*words, **more):
    raise OSError("no space left on device")


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path, caplog):
    # the run folder is gone altogether
    with start_tracking("tensorboard", tmp_path / "gone") as tracker:
        tracker.epoch({"epoch": 1, "seconds": 1.0})
        tracker.epoch({"epoch": 2, "seconds": 1.0})
    assert caplog.text.count("is not written") == 1
