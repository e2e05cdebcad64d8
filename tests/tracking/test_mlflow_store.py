"""The real MLflow, on a database file and on an address where nobody answers."""

import io
import json
import logging
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.errors import IntarsiaError
from intarsia.prediction import Predictor
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.tracking import start_tracking
from intarsia.tracking.artifact import requirements
from intarsia.tracking.mlflow_service import MODEL
from intarsia.tracking.mlflow_tracker import MlflowTracker
from intarsia.training import train

# MLflow's own, of its own tables
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

RECIPE = Recipe().replace(
    **{
        "train.weights": "none",
        "train.epochs": 1,
        "train.batch_size": 4,
        "data.image_size": (32, 48),
    }
)


@pytest.fixture(scope="module")
def folder(shapes, tmp_path_factory):
    """A working folder with `mlflow.db` and a tracked run in `run`; nothing was warned of."""
    path = tmp_path_factory.mktemp("work")
    said = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("intarsia").addHandler(handler)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        with start_tracking("mlflow", "run") as tracker:
            run = train(Dataset.open(shapes), RECIPE, "run", on_epoch=tracker.epoch)
            (run.path / "figures").mkdir()
            Image.new("RGB", (8, 6)).save(run.path / "figures" / "curve-loss.png")
            (run.path / "report.html").write_text("<p>report</p>")
            tracker.finish(run)
    logging.getLogger("intarsia").removeHandler(handler)
    assert [text for text in said if "MLflow" in text] == []
    return path


@pytest.fixture
def client(folder):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


@pytest.fixture
def tracked(client):
    (experiment,) = client.search_experiments(filter_string="name = 'shapes'")
    (run,) = client.search_runs([experiment.experiment_id])
    return run


def test_parameters_and_figures_are_the_runs(folder, client, tracked):
    run = Run.open(folder / "run")
    assert tracked.info.status == "FINISHED"
    assert tracked.info.run_name == "run"
    flat = run.recipe.flat()
    assert tracked.data.params.keys() == flat.keys()
    assert tracked.data.params["train.epochs"] == "1"
    assert tracked.data.params["data.image_size"] == "[32, 48]"
    assert tracked.data.params["train.precision"] == flat["train.precision"] != "auto"
    (row,) = run.log
    for name in ("train_loss", "val_miou", "lr", "seconds"):
        (point,) = client.get_metric_history(tracked.info.run_id, name)
        assert (point.step, point.value) == (1, pytest.approx(row[name]))
    sheet = run.evaluations["shapes-val"]
    told = tracked.data.metrics
    assert told["evaluations/shapes-val/miou"] == pytest.approx(sheet["miou"])
    iou = sheet["classes"][0]["iou"]
    assert told["evaluations/shapes-val/iou/ground"] == pytest.approx(iou)


def test_a_run_that_is_sent_twice_has_each_point_once(folder, client, tracked, tmp_path):
    run_id = tracked.info.run_id
    copy = tmp_path / "run"
    shutil.copytree(folder / "run", copy)  # with its times
    record = json.loads((copy / "tracking.json").read_text())
    record["mlflow"]["epochs"] = 0  # as if the answer had been lost
    (copy / "tracking.json").write_text(json.dumps(record))
    for _ in range(2):
        MlflowTracker(copy).finish(Run.open(copy))
    told = client.get_run(run_id).data.metrics
    assert {"train_loss", "evaluations/shapes-val/miou"} <= told.keys()
    for name in told:
        assert len(client.get_metric_history(run_id, name)) == 1, name


def test_files_are_there(client, tracked):
    run_id = tracked.info.run_id
    names = {item.path for item in client.list_artifacts(run_id)}
    assert {"recipe.yaml", "log.jsonl", "summary.json", "report.html", MODEL} <= names
    assert [f.path for f in client.list_artifacts(run_id, "figures")] == ["figures/curve-loss.png"]


def test_the_model_answers_bytes_with_the_predictors_mask(folder, shapes, tracked):
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.exceptions import MlflowException

    path = Path(tracked.info.artifact_uri.removeprefix("file://")) / MODEL
    model = mlflow.pyfunc.load_model(str(path))
    images = sorted((shapes / "val" / "images").iterdir())[:2]
    answer = model.predict(pd.DataFrame({"image": [file.read_bytes() for file in images]}))
    predictor = Predictor(folder / "run")
    for file, content in zip(images, answer["mask"], strict=True):
        with Image.open(io.BytesIO(content)) as mask:
            assert mask.mode == "P"
            assert np.array_equal(np.asarray(mask), predictor(file))
    with pytest.raises(MlflowException, match="image 0: "):
        model.predict(pd.DataFrame({"image": [b"no image"]}))


def test_the_model_holds_no_training_and_no_names_of_files(tracked):
    path = Path(tracked.info.artifact_uri.removeprefix("file://")) / MODEL
    rooms = {entry.name for entry in (path / "code" / "intarsia").iterdir()}
    assert {"prediction", "models", "transforms.py"} <= rooms
    assert not rooms & {"training", "cli", "reporting", "doctor", "evaluation", "reproduction"}
    assert "train0" not in (path / "data" / "run" / "dataset.json").read_text()
    assert not list(path.rglob("*.pt"))
    assert (path / "requirements.txt").read_text().split() == requirements()
    assert all("==" in line and "+" not in line for line in requirements())


def test_an_address_where_nobody_answers_stops_nothing(folder, tmp_path, monkeypatch, caplog):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: refused
        monkeypatch.setenv(
            "MLFLOW_TRACKING_URI", f"http://me:word@127.0.0.1:{held.getsockname()[1]}"
        )
        with start_tracking("mlflow", tmp_path / "run") as tracker:
            run = Run.open(folder / "run")
            tracker.epoch(run.log[0])
            tracker.finish(run)
    first, last = (r.getMessage() for r in caplog.records if r.levelname == "WARNING")
    assert "does not take the training" in first
    assert "not in MLflow" in last
    assert "word" not in caplog.text


def test_a_database_that_cannot_be_opened_is_known_at_once(folder, tmp_path, monkeypatch, caplog):
    import mlflow.store.db.utils

    def wait(uri):
        pytest.fail("MLflow tries for 100 seconds")

    monkeypatch.setattr(mlflow.store.db.utils, "create_sqlalchemy_engine_with_retry", wait)
    (tmp_path / "taken").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'taken'}")
    with start_tracking("mlflow", tmp_path / "run") as tracker:
        run = Run.open(folder / "run")
        tracker.epoch(run.log[0])
        tracker.finish(run)
    first, last = (r.getMessage() for r in caplog.records if r.levelname == "WARNING")
    assert "does not take the training (OperationalError: " in first
    assert "unable to open database file" in first
    assert "not in MLflow" in last


def test_a_database_without_its_driver_is_refused_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg2://me:word@127.0.0.1:1/db")
    with (
        pytest.raises(IntarsiaError, match="psycopg2") as caught,
        start_tracking("mlflow", tmp_path / "run"),
    ):
        pass
    assert "word" not in str(caught.value)


def test_an_address_of_no_kind_is_refused_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "htp://127.0.0.1:1")
    with (
        pytest.raises(IntarsiaError, match="MLFLOW_TRACKING_URI"),
        start_tracking("mlflow", tmp_path / "run"),
    ):
        pass


def test_a_model_is_fetched_by_its_alias(folder, shapes, client, tracked, tmp_path):
    from intarsia.tracking.registry import fetch_run

    client.create_registered_model("shapes")
    source = f"runs:/{tracked.info.run_id}/{MODEL}"
    version = client.create_model_version("shapes", source, tracked.info.run_id).version
    client.set_registered_model_alias("shapes", "production", version)
    data = Dataset.open(shapes)
    photo = data.split("val")[0].image
    expected = Predictor(folder / "run")(photo)
    for number, name in enumerate(
        ("models:/shapes@production", f"models:/shapes/{version}", source)
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
            fetched = fetch_run(name, tmp_path / str(number))
        assert np.array_equal(Predictor(fetched)(photo), expected)
        assert fetched.name == ("shapes" if name.startswith("models:/") else tracked.info.run_id)


def test_a_model_may_be_called_as_a_part_of_it_is(folder, client, tracked, tmp_path, monkeypatch):
    from intarsia.tracking.registry import fetch_run

    client.create_registered_model("data")
    source = f"runs:/{tracked.info.run_id}/{MODEL}"
    version = client.create_model_version("data", source, tracked.info.run_id).version
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    fetched = fetch_run(f"models:/data/{version}", tmp_path)
    assert fetched.name == "data"
    assert Run.open(fetched).labels.names


def test_a_model_that_is_not_there_or_not_ours_is_an_error(folder, tmp_path, monkeypatch):
    import mlflow.pyfunc

    from intarsia.tracking.registry import fetch_run

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    with pytest.raises(IntarsiaError, match="MLflow does not give this model") as error:
        fetch_run("models:/nobody@production", tmp_path)
    assert "MLFLOW_TRACKING_URI" in error.value.hint
    other = tmp_path / "other"
    other.mkdir()
    (other / "MLmodel").write_text("flavors: {}")
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    client.create_registered_model("other")
    client.create_model_version("other", str(other))
    with pytest.raises(IntarsiaError, match="not one of Intarsia's"):
        fetch_run("models:/other/1", tmp_path / "fetched")
