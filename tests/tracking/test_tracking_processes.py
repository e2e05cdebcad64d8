"""MLflow's own servers and commands, as processes of their own."""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import intarsia
from intarsia.prediction import Predictor
from intarsia.runs import Run

pytestmark = [
    pytest.mark.slow,
    # MLflow's own, of its own tables
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
]

ROOT = Path(__file__).parents[2]
TINY = [
    *("--weights", "none", "--image-size", "32x48", "--batch-size", "4", "--device", "cpu"),
]
# What Python runs first: Intarsia's own folder is closed, that of the model is not.
ONLY_FROM_THE_MODEL = """
import sys
from importlib.machinery import PathFinder

class OnlyFromTheModel:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "intarsia":
            found = PathFinder.find_spec(name, path)
            if found is None or found.origin == {origin!r}:
                raise ModuleNotFoundError(name, name=name)
            print("intarsia is", found.origin, file=sys.stderr)

sys.meta_path.insert(0, OnlyFromTheModel)
"""


def environment(**more):
    """Of a process that finds this environment's commands."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **more}


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def serving(words, port, path, env, cwd, log):
    """A server, from its first answer at `path` on."""
    with (
        log.open("ab") as written,
        subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words, "--host", "127.0.0.1", "--port", str(port)],
            env=env,
            cwd=cwd,
            stdout=written,
            stderr=written,
            start_new_session=True,
        ) as process,
    ):
        try:
            end = time.monotonic() + 600
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < end, log.read_text()
                    time.sleep(0.3)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # its own session: its workers too


def train(data, out, cwd, *words, env=None):
    command = [sys.executable, "-m", "intarsia", "train", str(data), "--out", str(out), *TINY]
    return subprocess.Popen(
        [*command, *words],
        cwd=cwd,
        env=env or environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_scoring_server_answers_without_intarsia(shapes, tmp_path):
    with train(shapes, "run", tmp_path, "--epochs", "1", "--track", "mlflow") as process:
        told = process.communicate()[0]
    assert process.returncode == 0, told
    assert "not in MLflow" not in told
    record = json.loads((tmp_path / "run" / "tracking.json").read_text())["mlflow"]

    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(
        ONLY_FROM_THE_MODEL.format(origin=str(Path(intarsia.__file__)))
    )
    env = environment(PYTHONPATH=str(guard), MLFLOW_TRACKING_URI=record["uri"])
    refused = subprocess.run(
        [sys.executable, "-c", "import intarsia"], env=env, capture_output=True, text=True
    )
    assert "ModuleNotFoundError: intarsia" in refused.stderr

    port, log = free_port(), tmp_path / "server.log"
    model = f"runs:/{record['run_id']}/model"
    words = ["models", "serve", "-m", model, "--env-manager", "local"]
    image = shapes / "val" / "images" / "val1.png"

    def ask(content):
        row = {"image": base64.b64encode(content).decode()}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            json.dumps({"dataframe_records": [row]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)["predictions"]

    with serving(words, port, "/ping", env, tmp_path, log):
        (row,) = ask(image.read_bytes())
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(b"no image")
    assert caught.value.code == 400
    assert "image 0: " in caught.value.read().decode()
    with Image.open(io.BytesIO(base64.b64decode(row["mask"]))) as mask:
        assert mask.mode == "P"
        assert np.array_equal(np.asarray(mask), Predictor(tmp_path / "run")(image))
    assert "intarsia is" in log.read_text()
    assert str(ROOT / "src") not in log.read_text()


def test_a_server_that_comes_and_goes_and_a_training_that_is_stopped(shapes, tmp_path):
    from mlflow import MlflowClient

    port, log = free_port(), tmp_path / "server.log"
    uri = f"http://127.0.0.1:{port}"
    store = ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--workers", "1"]
    words = ["server", *store, "--artifacts-destination", str(tmp_path / "artifacts")]
    flags = ["--epochs", "12", "--track", "mlflow"]
    env = environment(MLFLOW_TRACKING_URI=uri)

    def server():
        return serving(words, port, "/health", environment(), tmp_path, log)

    def run_of(client):
        (experiment,) = client.search_experiments(filter_string="name = 'shapes'")
        (run,) = client.search_runs([experiment.experiment_id])
        return run

    record = tmp_path / "run" / "tracking.json"
    with server():
        with train(shapes, "run", tmp_path, *flags, env=env) as process:
            while not record.is_file() or json.loads(record.read_text())["mlflow"]["epochs"] < 1:
                assert process.poll() is None
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            told = process.communicate()[0]
        assert process.returncode == 130, told
        assert run_of(MlflowClient(uri)).info.status == "KILLED"
    # nobody there any more
    with train(shapes, "run", tmp_path, *flags, "--resume", env=env) as process:
        told = process.communicate()[0]
    assert process.returncode == 0, told
    assert "the training goes on" in told
    assert "not in MLflow" in told
    log_rows = Run.open(tmp_path / "run").log
    assert len(log_rows) == 12
    # back again: the finished run is sent
    with server():
        with train(shapes, "run", tmp_path, *flags, "--resume", env=env) as process:
            told = process.communicate()[0]
        assert process.returncode == 0, told
        client = MlflowClient(uri)
        run = run_of(client)
        assert run.info.status == "FINISHED"
        points = client.get_metric_history(run.info.run_id, "train_loss")
        assert [p.step for p in points] == list(range(1, 13))
        assert [p.value for p in points] == pytest.approx([r["train_loss"] for r in log_rows])
        names = {item.path for item in client.list_artifacts(run.info.run_id)}
        assert {"report.html", "figures", "model", "recipe.yaml"} <= names


def test_mlflow_run_trains_with_what_the_recipe_says(shapes, tmp_path):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "schema: 1\ndescription: tiny\nmodel: {name: unet-mobilenetv2}\n"
        "data: {image_size: [32, 48]}\n"
        "train: {weights: none, epochs: 1, batch_size: 4}\n"
    )
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    command = [sys.executable, "-m", "mlflow", "run", str(ROOT), "--env-manager", "local"]
    parameters = ["-P", f"recipe={recipe}", "-P", f"data={shapes}", "-P", f"out={tmp_path / 'run'}"]
    told = subprocess.run(
        [*command, *parameters],
        cwd=tmp_path,
        env=environment(MLFLOW_TRACKING_URI=uri),
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    run = Run.open(tmp_path / "run")
    assert run.recipe.train.batch_size == 4
    assert len(run.log) == 1
    from mlflow import MlflowClient

    record = json.loads((tmp_path / "run" / "tracking.json").read_text())["mlflow"]
    tracked = MlflowClient(uri).get_run(record["run_id"])
    assert tracked.info.status == "FINISHED"
    assert tracked.data.params["train.batch_size"] == "4"
    assert tracked.data.params["recipe"] == str(recipe)
