"""Which tracker, what is imported for it, and what is said where it is missing."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from intarsia.cli import main
from intarsia.cli.app import USER_FAULT
from intarsia.errors import IntarsiaError, RecipeError
from intarsia.tracking import start_tracking
from intarsia.tracking.figures import _part, _put
from intarsia.tracking.record import TrackingRecord, without_secret
from intarsia.tracking.tracker import NoTracker

ROOT = Path(__file__).parents[2]


def test_nothing_is_imported_unless_asked_for():
    code = (
        "import importlib, pkgutil, sys, intarsia.cli.train, intarsia.tracking as t\n"
        "for found in pkgutil.iter_modules(t.__path__):\n"
        "    importlib.import_module(f'intarsia.tracking.{found.name}')\n"
        "with t.start_tracking(None, 'nowhere') as tracker:\n"
        "    tracker.epoch({'epoch': 1})\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(told.stdout.split())
    assert "intarsia" in loaded
    assert not loaded & {"mlflow", "tensorboard", "pandas", "sqlalchemy", "torch"}


@pytest.mark.parametrize(("kind", "module"), [("mlflow", "mlflow"), ("tensorboard", "tensorboard")])
def test_a_missing_extra_is_said_before_the_training(
    shapes, tmp_path, monkeypatch, capsys, kind, module
):
    for name in [n for n in sys.modules if n.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    out = tmp_path / "run"
    assert main(["train", str(shapes), "--out", str(out), "--track", kind]) == USER_FAULT
    shown = capsys.readouterr().err
    assert 'do: pip install "intarsia[track]"' in shown
    assert f"where: --track {kind}" in shown
    assert not out.exists()


def test_an_unknown_tracker_is_answered_with_the_two(shapes, capsys):
    assert main(["train", str(shapes), "--track", "wandb"]) == USER_FAULT
    shown = capsys.readouterr().err
    assert "mlflow" in shown
    assert "tensorboard" in shown
    with (
        pytest.raises(RecipeError, match=r'(?s)"mlfow".*mlflow or tensorboard.*mean "mlflow"'),
        start_tracking("mlfow", "run"),
    ):
        pass


def test_what_leaves_the_block_is_told_and_raised_on(monkeypatch):
    told = []
    monkeypatch.setattr(NoTracker, "abort", lambda self, error: told.append(error))
    with pytest.raises(KeyboardInterrupt), start_tracking(None, "run"):
        raise KeyboardInterrupt
    assert [type(error) for error in told] == [KeyboardInterrupt]


def test_names_of_figures_are_what_mlflow_takes_and_stay_apart():
    assert _part("Façade 2.1/..") == "Façade 2_1___"
    assert _part("") == "_"
    assert len(_part("x" * 400)) == 100
    found = {}
    for value in (1, 2):
        _put(found, _part("wall (a)"), value)
    _put(found, "absent", None)
    assert found == {"wall _a_": 1.0, "wall _a__": 2.0}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://host:5/ml", "http://host:5/ml"),
        ("http://me:secret@host:5/ml/", "http://host:5/ml/"),
        ("postgresql://me:sec/ret@host/db", "postgresql://host/db"),
        ("postgresql://me:sec@ret@host/db", "postgresql://host/db"),
        ("postgresql://host/db?user=me&password=secret", "postgresql://host/db"),
        ("postgresql://host/db?user=me&password=sec@ret", "postgresql://"),
        ("postgresql://me:sec?ret@host/db", "postgresql://"),
        ("no: http://me:secret@host here, http://a:secret@b", "no: http://host here, http://b"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("sqlite:///mlflow.db?key=secret", "sqlite:///mlflow.db"),
    ],
)
def test_a_secret_is_never_shown(text, shown):
    assert without_secret(text) == shown


def test_the_record_is_read_again_and_holds_no_secret(tmp_path):
    assert TrackingRecord.load(tmp_path) is None
    record = TrackingRecord(without_secret("http://me:word@host:5/x?y"), "abc", 3, True)
    record.save(tmp_path)
    assert "word" not in (tmp_path / "tracking.json").read_text()
    assert TrackingRecord.load(tmp_path) == TrackingRecord("http://host:5/x", "abc", 3, True)


@pytest.mark.parametrize("text", ["{", '{"schema": 1}', '{"schema": 2, "mlflow": {}}'])
def test_a_damaged_record_is_said(tmp_path, text):
    (tmp_path / "tracking.json").write_text(text)
    with pytest.raises(IntarsiaError, match=r"tracking\.json"):
        TrackingRecord.load(tmp_path)


def test_the_project_repeats_no_default_of_a_recipe():
    project = yaml.safe_load((ROOT / "MLproject").read_text())
    parameters = project["entry_points"]["main"]["parameters"]
    assert parameters == {
        "recipe": "string",
        "data": "path",
        "out": {"type": "string", "default": ""},
    }


def test_the_project_installs_intarsia_and_what_tracks():
    project = yaml.safe_load((ROOT / "MLproject").read_text())
    python_env = yaml.safe_load((ROOT / project["python_env"]).read_text())
    assert python_env == {"dependencies": [".[track]"]}
