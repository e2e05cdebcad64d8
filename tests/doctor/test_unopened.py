"""A data set that cannot be opened: why, and what is wrong with its files beside that."""

from pathlib import Path

import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check_unopened
from intarsia.errors import DataError

from .conftest import ids, picture, save
from .made import Made, make


def _report(path: Path):
    with pytest.raises(DataError) as caught:
        Dataset.open(path)
    return check_unopened(caught.value, path)


def test_no_pair_at_all(tmp_path):
    for number in range(3):
        save(tmp_path / f"images/a{number}.png", picture(number))
        save(tmp_path / f"masks/zz{number * 7 + 100}q.png", ids())
    (tmp_path / "images/a1.png").write_bytes(b"<html>")
    report = _report(tmp_path)
    codes = [(f.code, f.file) for f in report.errors]
    assert codes[0][0] == "not-opened"
    assert [file for code, file in codes if code == "missing-mask"] == [
        "images/a0.png", "images/a1.png", "images/a2.png",
    ]  # fmt: skip
    assert sum(code == "orphan-mask" for code, _ in codes) == 3
    assert ("not-an-image", "images/a1.png") in codes
    assert all(f.hint for f in report.errors)
    assert str(report).startswith(tmp_path.name)


def test_no_mask_that_can_be_read(tmp_path):
    made = make(Made(tmp_path), each=1)
    (tmp_path / "dataset.yaml").unlink()
    for split in ("train", "val", "test"):
        made.mask(split, f"{split}_sound0").write_bytes(b"%PDF-1.7")
    made.image("val", "val_sound0").write_bytes(b"")
    steps = []
    with pytest.raises(DataError) as caught:
        Dataset.open(tmp_path)
    report = check_unopened(caught.value, tmp_path, progress=lambda *step: steps.append(step))
    assert [f.code for f in report.errors] == ["not-opened", "empty-file", *["not-an-image"] * 3]
    assert steps[-1] == (6, 6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("klasses: [a]\n", "klasses"),
        ("classes: [a, a]\n", "twice"),
        ("schema: 99\n", "newer"),
        ("splits: {train: [nothing]}\n", "nothing"),
        ("masks: {map: {0: sea}}\nclasses: [sky]\n", "sea"),
    ],
)
def test_faults_of_dataset_yaml(tmp_path, text, said):
    make(Made(tmp_path), each=1)
    (tmp_path / "dataset.yaml").write_text(text)
    (finding,) = _report(tmp_path).errors
    assert finding.code == "not-opened"
    assert said in finding.value
    assert "dataset.yaml" in finding.file


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/a.txt").write_text("hello")
    (finding,) = _report(tmp_path).errors
    assert finding.code == "not-opened"
    assert "letters" in finding.hint


def test_photographs_as_masks(tmp_path):
    for number in range(3):
        save(tmp_path / f"images/a{number}.png", picture(number))
        save(tmp_path / f"masks/a{number}.png", picture(number + 9))
    (finding,) = _report(tmp_path).errors
    assert "not label masks" in finding.value
