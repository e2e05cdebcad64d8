"""The real data sets: no false alarm, and the leak that is really there."""

import os
import time
from pathlib import Path

import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check

DATA = Path(os.environ.get("INTARSIA_DATA", Path(__file__).parents[3] / "shared/data"))

pytestmark = pytest.mark.realdata


def _open(name: str) -> Dataset:
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not on this machine")
    return Dataset.open(DATA / name)


@pytest.mark.parametrize("name", ["pets", "lungs64", "facade"])
def test_no_false_alarm(name):
    report = check(_open(name))
    assert report.errors == report.warnings == (), str(report)


def test_camvid_val_lies_inside_a_drive_of_train():
    data = _open("camvid")
    start = time.perf_counter()
    report = check(data)
    assert time.perf_counter() - start < 20
    assert report.errors == ()
    assert [f.code for f in report.warnings] == ["interleaved-sequence"]
    assert 'all 101 val frames of "0016E5"' in report.warnings[0].value
