"""The real data sets: no false alarm, and the leak that is really there."""

import os
import shlex
import shutil
import time
from pathlib import Path

import pytest

from intarsia.cli import main
from intarsia.datasets import Dataset
from intarsia.doctor import check

DATA = Path(os.environ.get("INTARSIA_DATA", Path(__file__).parents[3] / "shared/data"))

pytestmark = pytest.mark.realdata


def _open(name: str) -> Dataset:
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not on this machine")
    return Dataset.open(DATA / name)


@pytest.mark.parametrize("name", ["lungs64", "facade"])
def test_no_false_alarm(name):
    report = check(_open(name))
    assert report.errors == report.warnings == (), str(report)


def test_pets_has_two_photographs_twice():
    """Looked at: Abyssinian 40 is 63, and 11 is 177, in other sizes."""
    report = check(_open("pets"))
    assert report.errors == ()
    assert [f.code for f in report.warnings] == ["near-duplicate-across-splits"] * 2
    assert report.warnings[0].value.startswith("1 of 45 val images (2.2 %)")
    assert "Abyssinian_11.jpg and images/Abyssinian_177.jpg (0 of" in report.warnings[1].value


def test_camvid_val_lies_inside_a_drive_of_train():
    data = _open("camvid")
    start = time.perf_counter()
    report = check(data)
    assert time.perf_counter() - start < 20
    assert report.errors == ()
    assert [f.code for f in report.warnings] == [
        "interleaved-sequence",
        "near-duplicate-across-splits",
    ]
    assert 'all 101 val frames of "0016E5"' in report.warnings[0].value
    assert report.statistics["nearest_train"]["splits"]["val"]["share"] == 1
    (proposed,) = [f for f in report.notes if f.code == "proposed-split"]
    assert proposed.value == (
        "whole recordings: train 305 (0016E5); val 101 (0006R0_f); test 62 (0001TP)"
    )


def test_the_proposed_split_of_camvid_does_not_leak(tmp_path):
    for folder in ("train", "trainannot", "val", "valannot"):
        shutil.copytree(_open("camvid").root / folder, tmp_path / folder)
    (proposed,) = [f for f in check(_open("camvid")).notes if f.code == "proposed-split"]
    command = shlex.split(proposed.hint.replace(str(_open("camvid").root), str(tmp_path)))
    assert main(command[1:]) == 0
    report = check(Dataset.open(tmp_path))
    assert report.errors == report.warnings == ()
    splits = report.statistics["splits"]
    assert {name: s["images"] for name, s in splits.items()} == {
        "train": 305,
        "val": 101,
        "test": 62,
    }
    assert all(c["images"] for s in splits.values() for c in s["classes"])
