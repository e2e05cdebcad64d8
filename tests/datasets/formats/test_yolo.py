import json

import numpy as np
import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

NAMES = [f"n{i}" for i in range(6)]
# columns 2 to 5 and rows 1 to 3 of an image of 21 x 13
SQUARE = "1 " + " ".join(
    f"{v:.6f}" for x, y in ((2, 1), (6, 1), (6, 4), (2, 4)) for v in (x / 21, y / 13)
)
SMALL = "0 " + " ".join(
    f"{v:.6f}" for x, y in ((3, 1), (4, 1), (4, 2), (3, 2)) for v in (x / 21, y / 13)
)
YAML = "names:\n  0: dog\n  1: cat\n  2: cow\nnc: 3\n"


@pytest.fixture
def split(files):
    """train and valid, as Roboflow writes them; the first label file may be another."""

    def write(first=SQUARE, yaml=YAML + "train: ../train/images\nval: ../valid/images\n"):
        for folder, names in (("train", NAMES[:3]), ("valid", NAMES[3:])):
            for name in names:
                files.image(f"{folder}/images/{name}.jpg")
                files.text(
                    f"{folder}/labels/{name}.txt", (first if name == "n0" else SQUARE) + "\n"
                )
        if yaml is not None:
            files.text("data.yaml", yaml)
        return Dataset.open(files.root)

    return write


def found(data, name="train/n0"):
    return data.read_mask(next(s for s in data.samples if s.name == name))


def test_shares_of_the_images_own_size_and_names_of_the_yaml(split):
    data = split(f"{SQUARE}\n\n{SMALL}")
    assert data.labels.names == ["background", "dog", "cat"]
    expected = np.zeros((13, 21), np.uint8)
    expected[1:4, 2:6] = 2
    expected[1, 3] = 1
    np.testing.assert_array_equal(found(data), expected)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 3, "val": 3}
    assert not check(data).errors, str(check(data))
    assert Dataset.from_manifest(json.loads(json.dumps(data.manifest()))) == data


def test_no_yaml_no_names(split):
    data = split(yaml=None)
    assert data.labels.names == ["background", "class 1"]
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 3, "val": 3}


def test_ultralytics_folders_called_dataset_yaml(files):
    for folder in ("train", "val"):
        for name in NAMES[:3]:
            files.image(f"images/{folder}/{name}.jpg")
            files.text(f"labels/{folder}/{name}.txt", SQUARE)
    files.text(
        "dataset.yaml",
        "path: ../datasets/moved\ntrain: images/train\nval: images/val\ntest:\nnames: [dog, cat]\n",
    )
    for path in (files.root, files.root / "dataset.yaml"):
        data = Dataset.open(path)
        assert {k: len(v) for k, v in data.splits.items()} == {"train": 3, "val": 3}
        assert data.labels.names == ["background", "cat"]
        assert (found(data) == 1).sum() == 12
    (files.root / "dataset.yaml").unlink()
    assert len(Dataset.open(files.root).split("val")) == 3


def test_lists_of_images(files):
    for name in NAMES:
        files.image(f"images/{name}.jpg")
        files.text(f"labels/{name}.txt", SQUARE)
    files.text("train.txt", "".join(f"./images/{n}.jpg\n" for n in NAMES[:4]))
    files.text("val.txt", "".join(f"images/{n}.jpg\n" for n in NAMES[4:]))
    files.text("data.yaml", "train: train.txt\nval: val.txt\nnames: [dog, cat]\n")
    data = Dataset.open(files.root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 4, "val": 2}


def test_an_image_without_labels_is_background_and_labels_without_image_are_alone(split, files):
    split()
    (files.root / "train/labels/n1.txt").unlink()
    files.text("train/labels/gone.txt", SQUARE)
    data = Dataset.open(files.root)
    assert not found(data, "train/n1").any()
    assert any("nothing is drawn on 1 of 6 images" in note for note in data.notes)
    assert [p.name for p in data.unpaired_masks] == ["gone.txt"]
    assert Dataset.from_manifest(data.manifest()) == data


def test_boxes_among_polygons_are_rectangles(split):
    data = split(f"1 {4 / 21:.6f} {2.5 / 13:.6f} {4 / 21:.6f} {3 / 13:.6f}")
    assert (found(data)[1:4, 2:6] == 1).all()
    assert (found(data) == 1).sum() == 12
    assert any("boxes among the polygons" in note for note in data.notes)


def test_nothing_but_boxes_is_for_detection(files):
    for name in NAMES:
        files.image(f"images/{name}.jpg")
        files.text(f"labels/{name}.txt", "0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(DataError, match="all 6 objects are boxes"):
        Dataset.open(files.root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0.1 0.2 0.3", "3 numbers behind the class"),
        ("1 0.1 0.2 0.3 0.4 0.5", "5 numbers behind the class"),
        ("cat 0.1 0.2 0.3 0.4 0.5 0.6", "'cat' is not the number of a class"),
        ("1 0.1 0.2 0.3 x 0.5 0.6", "something else than numbers"),
        ("1 10 20 30 40 50 60", "not a share of the image"),
        ("1 nan 0.2 0.3 0.4 0.5 0.6", "not a share of the image"),
        ("7 0.1 0.2 0.3 0.4 0.5 0.6", "class 7 has no name"),
    ],
)
def test_faults_name_the_file(split, line, message):
    with pytest.raises(DataError) as caught:
        split(f"{SQUARE}\n{line}")
    assert message in caught.value.what
    assert caught.value.where.endswith("n0.txt")
    assert caught.value.hint


def test_all_damaged_files_are_named(split, files):
    split()
    files.text("train/labels/n1.txt", "1 0.1")
    files.text("valid/labels/n4.txt", "x")
    with pytest.raises(DataError, match="2 label files are damaged") as caught:
        Dataset.open(files.root)
    assert "n1.txt" in caught.value.what
    assert "n4.txt" in caught.value.what


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("names: 3\ntrain: train/images\n", "names is neither"),
        ("names: {a: b}\ntrain: train/images\n", "names is neither"),
        ("names: [a, b]\ntrain: nowhere\nval: gone\n", "none of its folders is there"),
    ],
)
def test_a_yaml_that_does_not_fit(split, yaml, message):
    with pytest.raises(DataError, match=message) as caught:
        split(yaml=yaml)
    assert caught.value.where.endswith("data.yaml")


def test_an_unreadable_image_is_left_to_the_check(split, files):
    split()
    (files.root / "train/images/n1.jpg").write_bytes(b"<html>")
    report = check(Dataset.open(files.root))
    assert "not-an-image" in {f.code for f in report.errors}


def test_images_elsewhere_have_names_below_any_folder(files):
    """A sample called by an absolute path would be written to that very path."""
    for name in NAMES:
        files.image(f"data/images/{name}.jpg")
        files.text(f"data/labels/{name}.txt", SQUARE)
    path = files.root / "data"
    for base in (path, "../data"):
        files.text("yaml/data.yaml", f"path: {base}\ntrain: images\nnames: [dog, cat]\n")
        data = Dataset.open(files.root / "yaml")
        assert [s.name for s in data.samples] == [f"data/{name}" for name in NAMES]


def test_texts_that_are_not_utf_8(files):
    for name in NAMES:
        files.image(f"images/{name}.jpg")
        files.text(f"labels/{name}.txt", SQUARE)
    (files.root / "classes.txt").write_bytes("chien\nvélo\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        Dataset.open(files.root)
    (files.root / "classes.txt").unlink()
    files.text("data.yaml", "train: train.txt\nnames: [dog, cat]\n")
    (files.root / "train.txt").write_bytes("images/é.jpg\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        Dataset.open(files.root)
