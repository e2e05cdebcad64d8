"""Cross-validation as it is typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from intarsia.cli import main
from intarsia.cli.app import USER_FAULT
from intarsia.runs import CrossValidation, Run

TINY = [
    *("--weights", "none", "--image-size", "32x48", "--batch-size", "4", "--device", "cpu"),
    *("--set", "model.name=unet", "--set", "model.encoder=test_resnet"),
    *("--set", "train.pictures=false"),
]


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs that a report is written for, in place of the reports."""
    names: list[str] = []

    def write(run: Run, progress: object) -> Path:
        names.append(run.name)
        (run.path / "report.html").write_text("")
        return run.path / "report.html"

    monkeypatch.setattr("intarsia.reporting.write_report", write)
    return names


def test_train_then_resume(
    cells: Path, tmp_path: Path, reported: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = ["train", str(cells), "--folds", "--out", str(out), "--epochs", "1", *TINY]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert reported == ["fold-0", "fold-1", "run"]
    assert f"report: {out / 'report.html'}" in shown.out
    assert "fold 1 (2 of 2)" in shown.err
    assert main(words) == USER_FAULT
    assert "--resume" in capsys.readouterr().err
    reported.clear()
    assert main([*words, "--resume"]) == 0
    # each has its report already, but the whole may have been evaluated since
    assert reported == ["run"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--track", "mlflow"], "--track follows one training"),
        (["--epochs", "3", "--time", "10m"], "--time fits the number of epochs"),
        (["--set", "train.epoch=3"], "train.epochs"),
    ],
)
def test_flags_that_do_not_go_with_folds(
    cells: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    said: str,
) -> None:
    words = ["train", str(cells), "--folds", "--out", str(tmp_path / "run"), *TINY, *flags]
    assert main(words) == USER_FAULT
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_data_without_folds_name_the_command(
    shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(shapes), "--folds", "--out", str(tmp_path / "run"), *TINY]
    assert main(words) == USER_FAULT
    shown = capsys.readouterr().err
    assert "shapes has no folds" in shown
    assert "intarsia split DATA --folds 5" in shown
    assert not (tmp_path / "run").exists()


def test_a_dry_run_is_of_all_folds(
    cells: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(cells), "--folds", "--dry-run", *TINY]) == 0
    assert "for all 2 folds" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_runs_evaluate_and_predict(
    folded: CrossValidation,
    cells: Path,
    tmp_path: Path,
    reported: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "runs" / "folded"
    shutil.copytree(folded.path, out)
    assert main(["runs", str(out.parent)]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    mean = folded.summary["mean"]
    assert row.split() == ["folded", "unet", "4", "of", "4", "miou", f"{mean:.3f},", "mean", "of",
                           "2", "folds", "finished"]  # fmt: skip
    assert main(["runs", str(out)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "fold-0",
        "fold-1",
    ]
    words = ["evaluate", str(out), "--device", "cpu"]
    assert main(words) == USER_FAULT
    assert "--split out-of-fold" in capsys.readouterr().err
    assert main([*words, "--split", "out-of-fold"]) == 0
    assert "cells, out-of-fold: 8 images" in capsys.readouterr().out
    assert main([*words, "--split", "test"]) == 0
    assert "measured on test 1 time" in capsys.readouterr().out
    words = ["predict", str(out), str(cells / "images" / "e_0.png"), "--out", str(tmp_path / "p")]
    assert main([*words, "--device", "cpu"]) == 0
    assert (tmp_path / "p" / "masks" / "e_0.png").is_file()
    # a fold that was not trained to its end
    (out / "summary.json").unlink()
    (out / "fold-1" / "summary.json").unlink()
    assert main(["runs", str(out.parent)]) == 0
    assert "1 of 2 folds" in capsys.readouterr().out
