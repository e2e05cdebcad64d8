"""`intarsia compare`: what it prints, writes and answers, and what it refuses."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from comparison.made import load_moved, make_data, make_run
from intarsia.cli import main
from intarsia.cli.app import USER_FAULT
from intarsia.cli.display import later_progress
from intarsia.comparison import cost, supervision
from intarsia.datasets import Dataset
from intarsia.runs import Run


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set `toy`; runs beside it: `good`, `poor` and `same`, which is as good."""
    monkeypatch.setattr(Run, "load_model", load_moved)
    monkeypatch.setattr(cost, "_ROUNDS", 1)
    monkeypatch.chdir(tmp_path)
    made = make_data(tmp_path / "toy")
    for name, moved in (("good", 0), ("poor", 3), ("same", 0)):
        make_run(tmp_path / name, made, moved)
    return made.root


def test_the_answer_is_printed_and_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(data), "good", "poor", "--split", "test", "-o", "cmp"]) == 0
    shown = capsys.readouterr()
    assert "toy, test: 6 images; macro mIoU" in shown.out
    assert "good is better than poor" in shown.out
    assert "Looks at the test split so far: good 1, poor 1." in shown.out
    content = json.loads((tmp_path / "cmp" / "comparison.json").read_text())
    assert content["split"] == "test"
    assert content["ranking"] == ["good", "poor"]
    # again: into the same folder, and without another look
    assert main(["compare", str(data), "good", "poor", "--split", "test", "-o", "cmp"]) == 0
    assert "good 1, poor 1." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "gate", "more", "code", "said"),
    [
        (["good", "poor"], "better", [], 0, "gate better: pass. good is better than poor"),
        (["poor", "good"], "better", [], 1, "gate better: fail. poor is worse than good"),
        (["same", "good"], "better", [], 1, "gate better: fail. same and good are equivalent"),
        (["same", "good"], "not-worse", [], 0, "gate not-worse: pass. same and good"),
        (["poor", "good"], "not-worse", ["--margin", "0.99"], 0, "gate not-worse: pass."),
        (
            ["good", "poor"],
            "better",
            ["--group-by", "regex:(test)"],
            3,
            "gate better: undecided. good and poor cannot be compared. One group",
        ),
    ],
)
def test_the_gate_is_the_exit_code(
    runs: list[str],
    gate: str,
    more: list[str],
    code: int,
    said: str,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["compare", str(data), *runs, "--split", "test", "--gate", gate, *more]
    assert main(words) == code
    assert said in capsys.readouterr().out


def test_recipes_are_trained_first(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reported = []
    monkeypatch.setattr("intarsia.reporting.write_report", lambda run: reported.append(run.name))

    def command(experiment, name, repeat, device):
        there, here = tmp_path / "good", experiment.run_path(name, repeat)
        text = f"import shutil; shutil.copytree({str(there)!r}, {str(here)!r})"
        return [sys.executable, "-S", "-c", text]

    monkeypatch.setattr(supervision, "_command", command)
    words = ["compare", str(data), "--recipes", "mini-unet, unet-mobilenetv2", "--out", "cmp"]
    words += ["--repeats", "2", "--epochs", "3", "--set", "train.lr=0.001"]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "training 4 of 4: unet-mobilenetv2, repeat 1" in shown.err
    assert "mini-unet and unet-mobilenetv2 are equivalent" in shown.out
    recipe = (tmp_path / "cmp" / "recipes" / "unet-mobilenetv2.yaml").read_text()
    assert "lr: 0.001" in recipe
    assert "epochs: 3" in recipe
    assert reported == ["repeat-0", "repeat-0", "repeat-1", "repeat-1"]
    assert json.loads((tmp_path / "cmp" / "comparison.json").read_text())["settings"] == {
        "repeats": 2,
        "time_budget_seconds": None,
        "epochs": 3,
    }
    assert main(words) == USER_FAULT
    assert "already holds a comparison" in capsys.readouterr().err
    assert main([*words, "--resume", "--gate", "not-worse"]) == 0
    # its runs can be compared again, by their folders
    runs = [f"cmp/runs/{name}" for name in ("mini-unet", "unet-mobilenetv2")]
    shutil.copytree("cmp/runs/mini-unet/repeat-0", "one")
    assert main(["compare", str(data), "one", "poor", "--out", "other"]) == 0
    assert main(["compare", str(data), *runs]) == USER_FAULT
    assert "no independent repeats" in capsys.readouterr().err  # they are copies


RECIPES = ["--recipes", "mini-unet,unet-mobilenetv2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to compare"),
        (["toy"], "nothing to compare"),
        (["toy", "good"], "only one to compare: good"),
        (["good", "poor"], "first DATA, then the runs"),
        (["nowhere", "good", "poor"], "nowhere"),
        (["toy", "good", "nowhere"], "no such run folder"),
        (["toy", "good", "good"], "takes part twice"),
        (["toy", "good", "toy"], "holds the masks alone"),
        (["toy", "good", "poor", "--time", "1m", "--resume"], "--time, --resume: for trainings"),
        (["toy", "good", "poor", "--repeats", "3"], "--repeats: for trainings only"),
        (["toy", "good", "poor", "--margin", "0"], "the margin is 0.0"),
        (["toy", "good", "poor", "--margin", "1"], "the margin is 1.0"),
        (["toy", "good", "poor", "--gate", "best"], "not-worse"),
        (["toy", "good", "poor", "--split", "tset"], 'did you mean "test"'),
        (["toy", "good", "poor", "--group-by", "moon"], "moon"),
        (["toy", "good", "poor", "--out", "file"], "this is a file, not a folder"),
        (["toy", "good", "poor", "--out", "good"], "something else than a comparison"),
        (["toy", *RECIPES], "add --out DIR"),
        (["toy", "good", *RECIPES, "--out", "new"], "runs are compared as they are"),
        (["toy", *RECIPES, "--out", "file"], "this is a file"),
        (["toy", *RECIPES, "--out", "new", "--repeats", "0"], "0 repeats"),
        (["toy", *RECIPES, "--out", "new", "--time", "soon"], "not a duration"),
        (["toy", *RECIPES, "--out", "new", "--time", "1m", "--epochs", "2"], "give one of the two"),
        (["toy", *RECIPES, "--out", "new", "--set", "train.epoch=3"], "train.epochs"),
        (["toy", "--recipes", "mini-unett,unet-mobilenetv2", "--out", "new"], 'mean "mini-unet"'),
        (["toy", "--recipes", ",", "--out", "new"], "0 recipes to compare"),
    ],
)
def test_wrong_words_are_answered_with_help(
    words: list[str],
    said: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["compare", *words]) == USER_FAULT
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "new").exists()


def test_images_and_masks_can_stand_for_the_data(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apart = ["--images", "toy/test", "--masks", "toy/testannot"]
    code = main(["compare", *apart, "good", "poor", "--split", "test"])
    shown = capsys.readouterr()
    # two folders alone do not name the classes: the runs' are not found in them
    assert code == USER_FAULT
    assert "the classes of the data are not those of" in shown.err


def test_work_that_others_begin_has_its_bar_later(capsys: pytest.CaptureFixture[str]) -> None:
    with later_progress("measuring") as show:
        print("training")
        show(0, 2)
        show(2, 2)
    assert capsys.readouterr().out == "training\n"
    with later_progress("never"):
        pass


def test_data_can_be_opened_by_the_library_too(data: Path) -> None:
    import intarsia as ia

    found = ia.compare(["good", "same"], Dataset.open(data), "test")
    assert found.pairs[0].verdict == "equivalent"
