"""A tiny sound data set that a test then damages."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.doctor import Finding, Report, check

SIZE = (37, 50)
# What is said of sound data too.
REMARKS = {
    "inferred", "palette-masks", "one-bit-masks", "black-and-white-masks", "one-based-masks",
    "deep-masks", "deep-images", "small-objects", "imbalance", "specks", "holes",
    "near-duplicates",
}  # fmt: skip
COUNTS = {"train": 6, "val": 3, "test": 3}


def picture(seed: int) -> np.ndarray:
    """(37, 50, 3) uint8 noise, its own for every seed."""
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def ids() -> np.ndarray:
    """(37, 50) uint8: classes 0, 1, 2 in blocks and a row of ignored pixels."""
    mask = np.zeros(SIZE, np.uint8)
    mask[10:25], mask[25:] = 1, 2
    mask[0] = 255
    return mask


def save(path: Path, array: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Split folders with three classes, of which nothing is wrong."""
    seed = 0
    for split, count in COUNTS.items():
        for number in range(count):
            save(tmp_path / split / "images" / f"{split}{number}.png", picture(seed))
            save(tmp_path / split / "masks" / f"{split}{number}.png", ids())
            seed += 1
    return tmp_path


@pytest.fixture
def named(folder) -> Path:
    """The same with a dataset.yaml that names the classes."""
    (folder / "dataset.yaml").write_text(
        "classes:\n  - {id: 0, name: sky}\n  - {id: 1, name: road}\n  - {id: 2, name: tree}\n"
        "ignore_index: 255\nmasks: {encoding: ids}\n"
    )
    return folder


@pytest.fixture
def report() -> Callable[[Path], Report]:
    return lambda folder: check(Dataset.open(folder))


@pytest.fixture
def only() -> Callable[[Report], Finding]:
    """The one finding of a report that is neither a remark nor anything else."""

    def find(report: Report) -> Finding:
        found = [f for f in report.findings if f.code not in REMARKS]
        assert len(found) == 1, str(report)
        return found[0]

    return find
