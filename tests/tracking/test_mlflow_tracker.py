"""What the tracker sends when, against a service that remembers and can be made to fail."""

import json
import shutil
import time

import pytest

from intarsia.datasets import Dataset
from intarsia.errors import Interrupted, RunError
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.tracking import mlflow_tracker
from intarsia.tracking.mlflow_service import ServedRun
from intarsia.tracking.mlflow_tracker import MlflowTracker
from intarsia.training import train

RECIPE = Recipe().replace(
    **{
        "train.weights": "none",
        "train.epochs": 3,
        "train.batch_size": 4,
        "data.image_size": (32, 48),
    }
)


class Service:
    """Stands for `MlflowService`; one for the whole test, as a server is."""

    name = "http://host"

    def __init__(self):
        self.down = False
        self.runs = {}
        self.broken = set()
        self.calls = 0

    def _answer(self, what=""):
        if self.down:
            raise ConnectionError("nobody answers\nmore of it")
        if what in self.broken:
            raise ValueError(what)

    def ping(self):
        self._answer()

    def find_run(self, run_id):
        self._answer()
        if run_id not in self.runs:
            return None
        told = self.runs[run_id]
        return ServedRun(told["started"], frozenset(told["parameters"]))

    def create_run(self, run, started):
        self._answer()
        assert time.time() - started < 3600
        run_id = f"run{len(self.runs)}"
        self.runs[run_id] = {
            "started": started,
            "parameters": [],
            "points": [],
            "files": [],
            "models": 0,
            "status": [],
        }
        return run_id

    def log_parameters(self, run_id, run):
        self._answer("parameters")
        self.runs[run_id]["parameters"] = [*run.recipe.flat()]

    def log_points(self, run_id, points):
        self.calls += 1
        self._answer("figures")
        self.runs[run_id]["points"] += points

    def log_files(self, run_id, files, folder=None):
        self._answer("files")
        self.runs[run_id]["files"] += [f.name for f in files if f.is_file()]

    def log_model(self, run_id, run):
        self._answer("model")
        self.runs[run_id]["models"] += 1

    def set_status(self, run_id, status):
        self._answer()
        self.runs[run_id]["status"].append(status)

    def epochs(self, run_id="run0"):
        return [p.epoch for p in self.runs[run_id]["points"] if p.name == "train_loss"]


@pytest.fixture(scope="module")
def whole(shapes, tmp_path_factory):
    return train(Dataset.open(shapes), RECIPE, tmp_path_factory.mktemp("tracked") / "whole")


@pytest.fixture
def service(monkeypatch):
    made = Service()
    monkeypatch.setattr(mlflow_tracker, "MlflowService", lambda uri: made)
    return made


def warned(caplog):
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


class Training:
    """The finished run, told to a tracker as if it were being made."""

    def __init__(self, whole, path):
        self.whole, self.path = whole, path

    def begin(self):
        shutil.copytree(self.whole.path, self.path)
        (self.path / "summary.json").unlink()
        Run(self.path).write_log([])

    def epochs(self, tracker, *numbers):
        for number in numbers:
            Run(self.path).write_log(self.whole.log[:number])
            tracker.epoch(self.whole.log[number - 1])

    def end(self):
        shutil.copy(self.whole.path / "summary.json", self.path)
        return Run.open(self.path)


@pytest.fixture
def training(whole, tmp_path):
    return Training(whole, tmp_path / "run")


def test_each_epoch_is_sent_once_and_the_end_sends_the_rest(service, training, caplog):
    tracker = MlflowTracker(training.path)
    assert service.runs == {}
    training.begin()
    training.epochs(tracker, 1, 2)
    assert service.epochs() == [1, 2]
    told = service.runs["run0"]["points"]
    first, row = training.whole.log[:2]
    assert {p.name: p.value for p in told if p.epoch == 2} == {
        k: v for k, v in row.items() if k != "epoch"
    }
    moment = service.runs["run0"]["started"] + first["seconds"] + row["seconds"]
    assert {p.moment for p in told if p.epoch == 2} == {moment}
    training.epochs(tracker, 3)
    tracker.finish(training.end())
    told = service.runs["run0"]
    sheet = {p.name: p for p in told["points"] if p.name.startswith("evaluations/")}
    stored = training.whole.evaluations["shapes-val"]
    assert {p.epoch for p in sheet.values()} == {training.whole.summary["best_epoch"]}
    assert sheet["evaluations/shapes-val/miou"].value == stored["miou"]
    assert sheet["evaluations/shapes-val/iou/box"].value == stored["classes"][1]["iou"]
    assert not any("test" in name for name in sheet)
    assert {"recipe.yaml", "log.jsonl", "summary.json", "shapes-val.json"} <= set(told["files"])
    assert told["status"] == ["RUNNING", "FINISHED"]
    assert told["models"] == 1
    assert warned(caplog) == []

    # once more: the epochs and the model are there already
    MlflowTracker(training.path).finish(Run.open(training.path))
    assert service.epochs() == [1, 2, 3]
    assert told["models"] == 1
    assert told["status"] == ["RUNNING", "FINISHED"] * 2


def test_a_stopped_training_goes_on_in_its_run(service, training):
    tracker = MlflowTracker(training.path)
    training.begin()
    training.epochs(tracker, 1)
    tracker.abort(Interrupted("stopped"))
    assert service.runs["run0"]["status"] == ["RUNNING", "KILLED"]
    resumed = MlflowTracker(training.path)
    training.epochs(resumed, 2, 3)
    resumed.finish(training.end())
    assert list(service.runs) == ["run0"]
    assert service.epochs() == [1, 2, 3]
    assert service.runs["run0"]["status"] == ["RUNNING", "KILLED", "RUNNING", "FINISHED"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "KILLED"), (SystemExit(), "KILLED"), (RunError("nan"), "FAILED")],
)
def test_the_end_says_how_it_came(service, training, error, status):
    tracker = MlflowTracker(training.path)
    training.begin()  # in its first epoch
    tracker.abort(error)
    assert service.runs["run0"]["status"] == ["RUNNING", status]


def test_a_training_that_never_began_is_nobodys_run(service, training):
    MlflowTracker(training.path).abort(RunError("no data"))
    assert service.runs == {}
    # another training's folder: refused, and its MLflow run is left alone
    tracker = MlflowTracker(training.path)
    training.begin()
    training.epochs(tracker, 1)
    MlflowTracker(training.path).abort(RunError("the folder already holds a run"))
    assert service.runs["run0"]["status"] == ["RUNNING"]


def test_a_server_that_is_down_is_said_once_and_gets_all_of_it_later(
    service, training, caplog, monkeypatch
):
    caplog.set_level("INFO")
    monkeypatch.setattr(mlflow_tracker, "_PATIENCE", 0.0)
    service.down = True
    tracker = MlflowTracker(training.path)
    training.begin()
    training.epochs(tracker, 1, 2)
    (said,) = warned(caplog)
    assert said.startswith("MLflow at http://host does not take the training (ConnectionError: nob")
    assert "more of it" not in said
    service.down = False
    training.epochs(tracker, 3)
    assert service.epochs() == [1, 2, 3]
    assert service.calls == 1  # all of them at once
    assert "no epoch is missing" in caplog.messages[-1]


def test_a_slow_refusal_is_not_asked_for_again_at_once(service, training, monkeypatch):
    tracker = MlflowTracker(training.path)
    training.begin()
    service.down = True
    clock = iter([0.0, 0.0, 2.0, 21.0, 22.1, 22.1, 22.2])
    monkeypatch.setattr(mlflow_tracker.time, "monotonic", lambda: next(clock))
    training.epochs(tracker, 1)  # fails after two seconds: nothing for twenty more
    service.down = False
    training.epochs(tracker, 2)
    assert service.runs == {}
    training.epochs(tracker, 3)
    assert service.epochs() == [1, 2, 3]


def test_a_slow_answer_is_not_asked_for_again_at_once(service, training, monkeypatch):
    tracker = MlflowTracker(training.path)
    training.begin()
    # an epoch that takes two seconds, one that is left out, one after that, quick, and the next
    clock = iter([0.0, 0.0, 2.0, 21.0, 22.1, 22.1, 22.2, 22.3, 22.3, 22.4])
    monkeypatch.setattr(mlflow_tracker.time, "monotonic", lambda: next(clock))
    training.epochs(tracker, 1)
    training.epochs(tracker, 2)
    assert service.epochs() == [1]
    training.epochs(tracker, 2)
    assert service.epochs() == [1, 2]
    training.epochs(tracker, 3)
    assert service.epochs() == [1, 2, 3]


def test_a_slow_server_is_told_that_the_training_stopped(service, training, monkeypatch):
    tracker = MlflowTracker(training.path)
    training.begin()
    clock = iter([0.0, 0.0, 2.0])
    monkeypatch.setattr(mlflow_tracker.time, "monotonic", lambda: next(clock, 3.0))
    training.epochs(tracker, 1)
    tracker.abort(Interrupted("stopped"))
    assert service.runs["run0"]["status"] == ["RUNNING", "KILLED"]


def test_what_is_lost_at_the_end_is_said_and_can_be_sent_again(service, training, caplog):
    tracker = MlflowTracker(training.path)
    training.begin()
    training.epochs(tracker, 1, 2, 3)
    service.down = True
    tracker.finish(training.end())
    (said,) = warned(caplog)
    assert "not in MLflow at http://host: epochs, metric sheets, files, model, status" not in said
    assert "not in MLflow at http://host: metric sheets, files, model, status" in said
    assert "--resume" in said
    service.down = False
    MlflowTracker(training.path).finish(Run.open(training.path))
    assert service.runs["run0"]["models"] == 1
    assert service.runs["run0"]["status"][-1] == "FINISHED"


def test_one_thing_that_fails_does_not_keep_the_others_back(service, training, caplog):
    tracker = MlflowTracker(training.path)
    training.begin()
    training.epochs(tracker, 3)
    service.broken = {"files"}
    tracker.finish(training.end())
    assert "http://host: files (ValueError: files)" in caplog.text
    assert service.runs["run0"]["models"] == 1
    assert service.runs["run0"]["status"][-1] == "FINISHED"


def test_a_run_that_is_gone_or_elsewhere_is_begun_anew(service, training, caplog):
    tracker = MlflowTracker(training.path)
    training.begin()
    training.epochs(tracker, 1)
    record = json.loads((training.path / "tracking.json").read_text())
    record["mlflow"]["run_id"] = "deleted"
    (training.path / "tracking.json").write_text(json.dumps(record))
    training.epochs(MlflowTracker(training.path), 2)
    assert "deleted" in caplog.text
    assert service.epochs("run1") == [1, 2]
    service.name = "http://host/"  # the same
    training.epochs(MlflowTracker(training.path), 3)
    assert service.epochs("run1") == [1, 2, 3]
    service.name = "http://other"
    training.epochs(MlflowTracker(training.path), 3)
    assert service.epochs("run2") == [1, 2, 3]


def test_the_run_of_mlflow_run_is_taken_over(service, training, monkeypatch):
    service.create_run(None, time.time())
    monkeypatch.setenv("MLFLOW_RUN_ID", "run0")
    tracker = MlflowTracker(training.path)
    training.begin()
    training.epochs(tracker, 1)
    assert list(service.runs) == ["run0"]
    assert service.epochs() == [1]

    # another training of the same process is another run
    other = Training(training.whole, training.path.with_name("other"))
    tracker = MlflowTracker(other.path)
    other.begin()
    other.epochs(tracker, 1, 2)
    assert service.epochs("run0") == [1]
    assert service.epochs("run1") == [1, 2]
    # and each goes on in its own
    training.epochs(MlflowTracker(training.path), 2)
    assert list(service.runs) == ["run0", "run1"]
    assert service.epochs("run0") == [1, 2]
