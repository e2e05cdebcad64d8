from pathlib import Path

import pytest

from intarsia.comparison import cost
from intarsia.datasets import Dataset
from intarsia.runs import Run

from .made import load_moved, make_data, make_run


@pytest.fixture(autouse=True)
def _moved_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "load_model", load_moved)
    monkeypatch.setattr(cost, "_ROUNDS", 1)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return make_data(tmp_path / "toy")


@pytest.fixture
def good(tmp_path: Path, data: Dataset) -> Run:
    return make_run(tmp_path / "runs" / "good", data, 0)


@pytest.fixture
def poor(tmp_path: Path, data: Dataset) -> Run:
    return make_run(tmp_path / "runs" / "poor", data, 3)
