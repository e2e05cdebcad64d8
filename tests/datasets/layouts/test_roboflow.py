import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

CLASSES = "Pixel Value, Class\n0, background\n1, crack\n2, spall\n"


def roboflow(files, classes=CLASSES, copies=1):
    for split, count in (("train", 3), ("valid", 2), ("test", 1)):
        for i in range(count):
            for copy in range(copies if split == "train" else 1):
                stem = f"{split}/{split}{i}_jpg.rf.{copy:032x}"
                files.image(f"{stem}.jpg")
                files.mask(f"{stem}_mask.png", values=(0, 1, 2))
        files.text(f"{split}/_classes.csv", classes)


def test_roboflow(files):
    roboflow(files)
    data = Dataset.open(files.root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 3, "val": 2, "test": 1}
    assert data.labels.names == ["background", "crack", "spall"]
    assert data.read_mask(data.samples[0])[0, :3].tolist() == [0, 1, 2]
    assert data.samples[0].name == f"train/train0_jpg.rf.{0:032x}"
    assert all(s.group is None for s in data.samples)
    assert check(data).errors == ()


def test_augmented_copies_of_a_photograph_stay_together(files):
    roboflow(files, copies=3)
    for folder in ("valid", "test"):
        for file in (files.root / folder).iterdir():
            file.unlink()
        (files.root / folder).rmdir()
    data = Dataset.open(files.root)
    assert {s.group for s in data.samples} == {"train0_jpg", "train1_jpg", "train2_jpg"}
    assert [len({s.group for s in part}) for part in data.splits.values()] == [2, 1]
    assert [len(part) for part in data.splits.values()] == [6, 3]


def test_one_folder_without_splits(files):
    roboflow(files)
    data = Dataset.open(files.root / "train")
    assert data.labels.names == ["background", "crack", "spall"]


def test_an_unlabelled_class_is_ignored(files):
    roboflow(files, CLASSES.replace("spall", "unlabelled"))
    data = Dataset.open(files.root)
    assert data.labels.names == ["background", "crack"]
    assert data.ignored == ("unlabelled",)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("id, name\n0, a\n", "the first line is id, name"),
        ("", "the first line is empty"),
        ("Pixel Value, Class\n0, a\n0, b\n", "line 3: the pixel value 0 stands twice"),
        ("Pixel Value, Class\nx, a\n1\n", "2 faults"),
    ],
)
def test_faults_of_the_classes(files, classes, message):
    roboflow(files, classes)
    with pytest.raises(DataError, match=message) as caught:
        Dataset.open(files.root)
    assert caught.value.where.endswith("train/_classes.csv")


def test_classes_that_differ_between_splits(files):
    roboflow(files)
    files.text("valid/_classes.csv", CLASSES.replace("crack", "hole"))
    with pytest.raises(DataError, match=r"differ from those of train/_classes\.csv") as caught:
        Dataset.open(files.root)
    assert "1 crack" in caught.value.expected


def test_a_value_that_no_line_names_is_a_finding(files):
    roboflow(files, CLASSES.replace("2, spall\n", ""))
    assert {f.code for f in check(Dataset.open(files.root)).errors} == {"unknown-value"}
