"""A data set that cannot be opened: why, and what is wrong with its files beside that."""

import zipfile
from pathlib import Path

import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check, check_unopened
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
    assert "letters/ (0 image files)" in finding.value
    assert "no image in it" in finding.hint


def test_photographs_as_masks(tmp_path):
    for number in range(3):
        save(tmp_path / f"images/a{number}.png", picture(number))
        save(tmp_path / f"masks/a{number}.png", picture(number + 9))
    (finding,) = _report(tmp_path).errors
    assert "not label masks" in finding.value


def test_swapped_folders(tmp_path):
    for number in range(3):
        save(tmp_path / f"masks/a{number}.png", picture(number))
        save(tmp_path / f"images/a{number}.png", ids())
    (finding,) = _report(tmp_path).errors
    assert "swapped" in finding.hint


def test_the_folder_of_the_images_alone(tmp_path):
    make(Made(tmp_path, "nested"), each=1)
    (finding,) = _report(tmp_path / "train/images").errors
    assert finding.hint == (
        f"images/ and masks/ lie beside each other: name the folder above, {tmp_path / 'train'}"
    )


def test_two_folders_of_other_names(tmp_path):
    save(tmp_path / "my photos/a.png", picture(1))
    save(tmp_path / "my labels/a.png", ids())
    (finding,) = _report(tmp_path).errors
    assert finding.hint == (
        f"if the masks are in my labels/: --images '{tmp_path}/my photos' "
        f"--masks '{tmp_path}/my labels'"
    )


def test_images_without_masks(tmp_path):
    save(tmp_path / "images/a.png", picture(1))
    (finding,) = _report(tmp_path).errors
    assert finding.value == "no data set is recognised here; found: images/ (1 image file)"
    assert "images and no masks" in finding.hint
    text = str(_report(tmp_path))
    assert text.index("do: ") < text.index("expected: ")


def test_a_file_that_is_no_zip_and_one_with_faults(tmp_path):
    """The folder around a zip is no part of it."""
    make(Made(tmp_path), each=1)
    (tmp_path / "broken.zip").write_bytes(b"hello")
    report = _report(tmp_path / "broken.zip")
    assert (report.data, [f.code for f in report.errors]) == ("broken", ["not-opened"])
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for folder in ("images", "masks"):
            save(tmp_path / f"{folder}.png", picture(1))
            archive.write(tmp_path / f"{folder}.png", f"{folder}/a{folder[0]}.png")
    codes = [f.code for f in _report(tmp_path / "photos.zip").errors]
    assert codes == ["not-opened", "missing-mask", "orphan-mask"]


def test_one_image_is_too_few(tmp_path):
    save(tmp_path / "images/a.png", picture(1))
    save(tmp_path / "masks/a.png", ids())
    (finding,) = check(Dataset.open(tmp_path)).errors
    assert (finding.code, finding.hint) == (
        "no-split", "one image is too few: some train, others validate",
    )  # fmt: skip
