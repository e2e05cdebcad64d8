"""A second annotator beside a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia.comparison import compare
from intarsia.comparison.annotator import annotator_matrices
from intarsia.datasets import Dataset
from intarsia.errors import DataError
from intarsia.runs import Run

from .made import IGNORE


@pytest.fixture
def second(data: Dataset, tmp_path: Path) -> Path:
    """A copy of the masks of test, to be changed."""
    shutil.copytree(data.root / "testannot", tmp_path / "second")
    return tmp_path / "second"


def test_the_truth_agrees_with_itself(data: Dataset, second: Path, poor: Run) -> None:
    found = compare([second, poor], data, "test")
    assert found["second"].primary.value == 1.0
    assert found["second"].recipe == "second annotator"
    assert found.pairs[0].verdict == "better"
    row = found["second"].to_json()
    assert row["folders"] == [str(second)]
    assert row["parameters"] is row["training_seconds"] is row["milliseconds_per_image"] is None
    assert found["second"].matrices[0].shape == (6, 3, 4)


def test_what_is_left_out_counts_as_wrong(data: Dataset, second: Path) -> None:
    samples = data.split("test")
    before = annotator_matrices(second, data, samples)
    assert not before[:, :, 3].any()
    mask = np.asarray(Image.open(second / "test0.png")).copy()
    boxes = int((mask == 1).sum())
    mask[mask == 1] = IGNORE
    Image.fromarray(mask).save(second / "test0.png")
    after = annotator_matrices(second, data, samples)
    assert after[0, 1].tolist() == [0, 0, 0, boxes]
    np.testing.assert_array_equal(after.sum(axis=2), before.sum(axis=2))
    np.testing.assert_array_equal(after[1:], before[1:])


def test_a_pixel_that_does_not_count_does_not_count_whatever_is_said(
    data: Dataset, second: Path
) -> None:
    samples = data.split("test")
    before = annotator_matrices(second, data, samples)
    mask = np.asarray(Image.open(second / "test0.png")).copy()
    assert (mask[:3] == IGNORE).all()
    mask[:3] = 1
    Image.fromarray(mask).save(second / "test0.png")
    np.testing.assert_array_equal(annotator_matrices(second, data, samples), before)


def test_masks_lie_in_folders_as_the_samples_do(data: Dataset, second: Path) -> None:
    (second / "test").mkdir()
    (second / "other").mkdir()
    for file in second.glob("*.png"):
        shutil.copy(file, second / "other" / file.name)
        file.rename(second / "test" / file.name)
    # one of each lies in `other`, too: the sample's whole name tells them apart
    found = annotator_matrices(second, data, data.split("test"))
    assert found[:, [0, 1, 2], [0, 1, 2]].sum() == found.sum()


def test_a_mask_that_is_missing(data: Dataset, second: Path) -> None:
    (second / "test1.png").rename(second / "other.png")
    with pytest.raises(DataError, match=r"1 of 6 images have no mask .*test/test1"):
        annotator_matrices(second, data, data.split("test"))


def test_two_masks_of_one_image(data: Dataset, second: Path) -> None:
    for name in ("one", "two"):
        (second / name).mkdir()
        shutil.copy(second / "test1.png", second / name)
    (second / "test1.png").unlink()
    with pytest.raises(DataError, match=r"two masks .* for test/test1") as caught:
        annotator_matrices(second, data, data.split("test"))
    assert "holds the masks alone" in str(caught.value)


def test_a_mask_of_another_size(data: Dataset, second: Path) -> None:
    Image.new("L", (40, 30)).save(second / "test2.png")
    with pytest.raises(DataError, match="differ in size: 53 x 37 and 40 x 30"):
        annotator_matrices(second, data, data.split("test"))


def test_the_truth_itself_is_no_second_annotator(data: Dataset) -> None:
    with pytest.raises(DataError, match="the data set's own masks"):
        annotator_matrices(data.root / "testannot", data, data.split("test"))


def test_values_that_are_no_class(data: Dataset, second: Path) -> None:
    mask = np.asarray(Image.open(second / "test0.png")).copy()
    mask[9, 9] = 77
    Image.fromarray(mask).save(second / "test0.png")
    with pytest.raises(DataError, match="values that are no class: 77"):
        annotator_matrices(second, data, data.split("test"))
