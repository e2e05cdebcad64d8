import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

VALUES = (0, 1, 2, 255)


def mmseg(files, **splits):
    for split, count in splits.items():
        names = [f"{split}{i}" for i in range(count)]
        files.pairs(f"img_dir/{split}", f"ann_dir/{split}", names, values=VALUES)


def test_mmseg(files):
    mmseg(files, train=3, val=2)
    data = Dataset.open(files.root)
    assert data.layout == "MMSegmentation: img_dir/ with ann_dir/"
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 3, "val": 2}
    assert data.samples[0].name == "train/train0"
    assert data.read_mask(data.samples[0])[0, :4].tolist() == [0, 1, 2, 255]
    assert check(data).errors == ()


def test_without_split_folders(files):
    files.pairs("img_dir", "ann_dir", [f"n{i}" for i in range(6)], values=VALUES)
    data = Dataset.open(files.root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 4, "val": 1, "test": 1}


def test_a_test_without_masks_is_said(files):
    mmseg(files, train=3, val=2)
    files.image("img_dir/test/x.jpg")
    assert "img_dir/test has 1 images and no masks: left out" in Dataset.open(files.root).notes


def test_a_missing_mask_is_a_finding(files):
    mmseg(files, train=3, val=2)
    (files.root / "ann_dir/train/train1.png").unlink()
    found = check(Dataset.open(files.root)).errors
    assert [(f.code, f.file) for f in found] == [("missing-mask", "img_dir/train/train1.jpg")]


def test_an_empty_folder_of_masks(files):
    files.image("img_dir/train/a.jpg")
    (files.root / "ann_dir/train").mkdir(parents=True)
    with pytest.raises(DataError, match="no image has a mask of its name"):
        Dataset.open(files.root)
