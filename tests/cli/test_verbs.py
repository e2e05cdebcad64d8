"""The verbs on a tiny street: what they write, print and answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia.cli import demo, main
from intarsia.cli.app import USER_FAULT
from intarsia.datasets.synthetic import make_street

TINY = ["--weights", "none", "--epochs", "1", "--image-size", "32x48", "--batch-size", "4"]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_street(tmp_path_factory.mktemp("data") / "street", count=12, size=(40, 56))


@pytest.fixture(scope="module")
def run(street: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of one epoch, by the command."""
    out = tmp_path_factory.mktemp("runs") / "first"
    assert main(["train", str(street), "--out", str(out), *TINY]) == 0
    return out


def test_check_of_good_data_is_clean(
    street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = tmp_path / "findings.json"
    main(["check", str(street), "--json", str(findings)])
    assert "12 images" in capsys.readouterr().out
    content = json.loads(findings.read_text())
    assert {"code", "severity", "file", "value", "expected", "hint"} == set(content["findings"][0])


def test_check_of_a_zip(
    street: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = shutil.make_archive(str(tmp_path / "zipped"), "zip", street.parent, street.name)
    assert main(["check", path]) == main(["check", str(street)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("zipped: ")
    assert f"zipped.zip is unpacked into {tmp_path / 'cache'}" in printed
    assert main(["check", str(tmp_path / "zipped.zi")]) == USER_FAULT


def test_check_of_bad_data_ends_with_2(
    street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(street, bad)
    mask = next((bad / "train" / "masks").iterdir())
    mask.write_bytes(mask.read_bytes()[:60])
    assert main(["check", str(bad)]) == USER_FAULT
    assert "cut-short" in capsys.readouterr().out
    # and a training stops before it writes anything
    out = tmp_path / "run"
    assert main(["train", str(bad), "--out", str(out), *TINY]) == USER_FAULT
    assert "cut-short" in capsys.readouterr().err
    assert not out.exists()


def test_check_of_two_folders_apart(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = street / "train"
    main(["check", "--images", str(train / "images"), "--masks", str(train / "masks")])
    assert "7 classes" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_the_users_fault(
    street: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(street) + "x"]) == USER_FAULT
    shown = capsys.readouterr().err
    assert "did you mean" in shown
    assert "Traceback" not in shown


def test_training_leaves_a_run_with_its_report(run: Path) -> None:
    for name in ("recipe.yaml", "dataset.json", "environment.json", "log.jsonl", "report.html"):
        assert (run / name).is_file(), name
    assert (run / "checkpoints" / "best.safetensors").is_file()
    assert list((run / "evaluations").glob("*-val.json"))


def test_a_second_training_into_the_folder_is_refused(
    street: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(p.stat().st_mtime_ns for p in run.rglob("*"))
    assert main(["train", str(street), "--out", str(run), *TINY]) == USER_FAULT
    assert "--resume" in capsys.readouterr().err
    assert sorted(p.stat().st_mtime_ns for p in run.rglob("*")) == before


def test_resuming_a_finished_run_is_no_error(street: Path, run: Path) -> None:
    log = (run / "log.jsonl").read_bytes()
    assert main(["train", str(street), "--out", str(run), *TINY, "--resume"]) == 0
    assert (run / "log.jsonl").read_bytes() == log


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--recipe", "mini-unett"], 'did you mean "mini-unet"'),
        (["--set", "train.epoch=3"], "train.epochs"),
        (["--set", "train.optimizer=adm"], "adam"),
        (["--set", "data.ignore=[Raod]"], 'did you mean "Road"'),
        (["--image-size", "many"], "data.image_size"),
        (["--epochs", "0"], "train.epochs"),
        (["--time", "soon"], "not a duration"),
        (["--device", "tpu"], "no device"),
        (["--weights", "nowhere.pth"], "nowhere.pth"),
    ],
)
def test_a_wrong_flag_leaves_nothing_behind(
    flags: list[str],
    said: str,
    street: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    words = ["train", str(street), "--out", str(out), "--weights", "none", *flags]
    assert main(words) == USER_FAULT
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert not out.exists()


def test_a_dry_run_says_the_plan_and_writes_nothing(
    street: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(street), *TINY, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    for word in ("parameters", "memory", "time"):
        assert word in shown
    assert list(tmp_path.iterdir()) == []


def test_evaluate_prints_the_sheet_and_adds_it_to_the_report(
    street: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.json"
    words = ["evaluate", str(run), str(street), "--split", "test", "--json", str(sheet)]
    assert main([*words, "--details"]) == 0
    shown = capsys.readouterr().out
    assert "mIoU" in shown
    assert "ECE, all pixels" in shown
    kept = json.loads(sheet.read_text())
    assert kept["split"] == "test"
    assert len(kept["details"]["boundary"]) == len(kept["classes"])
    assert "test of street" in (run / "report.html").read_text()


def test_evaluate_offers_the_nearest_split(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--split", "tset"]) == USER_FAULT
    assert 'did you mean "test"' in capsys.readouterr().err


def test_predict_does_the_rest_when_one_file_is_bad(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    Image.fromarray(pixels).save(photos / "good.png")
    (photos / "bad.png").write_text("<html>")
    out = tmp_path / "out"
    assert main(["predict", str(run), str(photos), "--out", str(out), "--overlay"]) == USER_FAULT
    shown = capsys.readouterr()
    assert "1 of 2 images failed" in shown.err
    assert "bad.png" in shown.err
    with Image.open(out / "masks" / "good.png") as mask:
        assert (mask.mode, mask.size) == ("P", (53, 37))
    assert list((out / "overlays").iterdir())
    assert (out / "measurements.csv").is_file()


def test_runs_lists_finished_and_damaged_ones(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(run, runs / "whole")
    shutil.copytree(run, runs / "broken")
    (runs / "broken" / "recipe.yaml").write_text("nonsense: 1\n")
    assert main(["runs", str(runs)]) == 0
    shown = capsys.readouterr().out
    assert "damaged" in shown
    assert any("whole" in row and "1 of 1" in row for row in shown.splitlines())
    assert main(["runs", str(tmp_path / "none")]) == USER_FAULT


@pytest.mark.slow  # .ci/run goes through the real one
def test_the_demo_goes_the_whole_way_and_prints_each_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_IMAGE_SIZE", "32x48")
    monkeypatch.setattr(demo, "_EPOCHS", 1)
    out = tmp_path / "demo"
    # a data set that is there already is kept, which also spares the time to make the real one
    make_street(out / "street", count=12, size=(40, 56))
    assert main(["demo", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    for verb in ("check", "train", "evaluate", "predict"):
        assert f"$ intarsia {verb} " in shown
    assert (out / "run" / "report.html").is_file()
    assert len(list((out / "predictions" / "masks").rglob("*.png"))) == 2


def test_the_demo_leaves_a_folder_of_yours_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert main(["demo", "--out", str(tmp_path)]) == USER_FAULT
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
