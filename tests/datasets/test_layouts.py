import pytest

from intarsia.datasets import Dataset
from intarsia.errors import DataError

NAMES = [f"n{i}" for i in range(6)]


def names(data):
    return {split: [s.name for s in samples] for split, samples in data.splits.items()}


@pytest.mark.parametrize("ending", ["annot", "_labels", "_masks"])
def test_segnet(files, ending):
    files.pairs("train", f"train{ending}", ["b", "a"])
    files.pairs("val", f"val{ending}", ["a"])
    files.pairs("test", f"test{ending}", ["c"])
    data = Dataset.open(files.root)
    assert names(data) == {"train": ["train/a", "train/b"], "val": ["val/a"], "test": ["test/c"]}
    assert data.name == "set"
    assert "SegNet" in data.layout


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images", "masks"),
        ("images", "labels"),
        ("images", "annotations"),
        ("2d_images", "2d_masks"),
        ("Images", "Masks"),
    ],
)
def test_two_folders(files, images, masks):
    files.pairs(images, masks, NAMES)
    files.text(f"{masks}/notes.txt", "not an image")
    files.text(f"{masks}/.hidden.png", "not an image")
    files.text(f"{masks}/__MACOSX/._n0.png", "not an image")
    data = Dataset.open(files.root)
    assert sorted(s.name for s in data.samples) == NAMES
    assert sorted(s.split for s in data.samples) == [
        "test",
        "train",
        "train",
        "train",
        "train",
        "val",
    ]
    assert all(s.mask.stem == s.image.stem for s in data.samples)
    assert any("70/15/15" in note for note in data.notes)


def test_subfolders_are_part_of_the_name(files):
    files.pairs("images/p1", "masks/p1", ["a"])
    files.pairs("images/p2", "masks/p2", ["a"])
    assert [s.name for s in Dataset.open(files.root).samples] == ["p1/a", "p2/a"]


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
@pytest.mark.parametrize("outside", [True, False])
def test_split_folders(files, val, outside):
    for folder, inside in (("train", ["a", "b"]), (val, ["a"]), ("test", ["c"])):
        if outside:
            files.pairs(f"{folder}/images", f"{folder}/masks", inside)
        else:
            files.pairs(f"images/{folder}", f"masks/{folder}", inside)
    assert names(Dataset.open(files.root)) == {
        "train": ["train/a", "train/b"],
        "val": [f"{val}/a"],
        "test": ["test/c"],
    }


def test_split_folders_of_pairs_by_suffix(files):
    for folder in ("train", "valid"):
        files.image(f"{folder}/a.jpg", f"{folder}/b.jpg")
        files.mask(f"{folder}/a_mask.png", f"{folder}/b_mask.png")
    assert names(Dataset.open(files.root)) == {
        "train": ["train/a", "train/b"],
        "val": ["valid/a", "valid/b"],
    }


def test_a_split_without_masks_is_left_out_aloud(files):
    files.pairs("train/images", "train/masks", NAMES)
    files.image("test/x.jpg")
    data = Dataset.open(files.root)
    assert set(data.splits) == {"train", "val"}
    assert any("test/ has 1 images and no masks" in note for note in data.notes)


def test_a_folder_called_train_among_others_is_no_split(files):
    files.pairs("images/train", "masks/train", ["a"])
    files.pairs("images/other", "masks/other", ["a"])
    assert sorted(s.name for s in Dataset.open(files.root).samples) == ["other/a", "train/a"]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{}.jpg", "{}_mask.png"),
        ("{}.png", "{}_mask.png"),
        ("{}.jpg", "{}_label.png"),
        ("{}_image.jpg", "{}_mask.png"),
        ("img_{}.jpg", "mask_{}.png"),
        ("{}.jpg", "{}_MASK.png"),
    ],
)
def test_one_folder_of_pairs(files, image, mask):
    for name in NAMES:
        files.image(image.format(name))
        files.mask(mask.format(name))
    data = Dataset.open(files.root)
    assert sorted(s.name for s in data.samples) == NAMES
    assert all(s.mask.name == mask.format(s.name) for s in data.samples)
    assert not data.unpaired_images
    assert not data.unpaired_masks


def test_pairs_in_folders_of_patients(files):
    for patient in range(3):
        files.image(f"p{patient}/s1.jpg", f"p{patient}/s2.jpg")
        files.mask(f"p{patient}/s1_mask.png", f"p{patient}/s2_mask.png")
    assert len(Dataset.open(files.root).samples) == 6


def test_pets_with_its_lists(files):
    cats = [f"Abyssinian_{i}" for i in range(1, 21)]
    files.pairs("images", "annotations/trimaps", cats, values=(1, 2, 3))
    files.image("images/Abyssinian_99.jpg")
    files.text("annotations/trimaps/._Abyssinian_1.png", "macOS")
    files.text(
        "annotations/trainval.txt", "# comment\n" + "".join(f"{c} 1 1 1\n" for c in cats[:14])
    )
    files.text("annotations/test.txt", "".join(f"{c} 1 1 1\n" for c in cats[14:]))
    data = Dataset.open(files.root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 12, "val": 2, "test": 6}
    assert {s.name for s in data.split("test")} == set(cats[14:])
    assert data.labels.names == ["pet", "background", "border"]
    assert set(data.read_mask(data.samples[0]).ravel().tolist()) == {0, 1, 2}
    assert [p.stem for p in data.unpaired_images] == ["Abyssinian_99"]
    assert any("15 % of train becomes val" in note for note in data.notes)
    assert all(s.group is None for s in data.samples)


def test_folders_apart(files, tmp_path):
    files.pairs("photos", "drawn", NAMES)
    data = Dataset.open(images=files.root / "photos", masks=files.root / "drawn")
    assert sorted(s.name for s in data.samples) == NAMES
    assert data.name == "photos"
    files.pairs("a/train", "b/train", ["x"])
    files.pairs("a/val", "b/val", ["y"])
    data = Dataset.open(images=files.root / "a", masks=files.root / "b")
    assert names(data) == {"train": ["train/x"], "val": ["val/y"]}


def test_one_folder_around_the_data(files):
    files.pairs("inner/images", "inner/masks", NAMES)
    data = Dataset.open(files.root)
    assert len(data.samples) == 6
    assert any("subfolder inner" in note for note in data.notes)


def test_no_layout_says_what_was_looked_for_and_found(files):
    files.image("pictures/a.jpg", "pictures/b.jpg")
    files.mask("drawn/a.png")
    with pytest.raises(DataError) as caught:
        Dataset.open(files.root)
    assert "images/ and masks/" in caught.value.expected
    assert "drawn/ (1 image file), pictures/ (2 image files)" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no data set is named"),
        ({"images": "x"}, "no data set is named"),
        ({"path": ".", "images": "x", "masks": "y"}, "both a data set and separate folders"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(DataError, match=message):
        Dataset.open(**arguments)


def test_a_path_that_is_not_there_offers_the_nearest(files, tmp_path):
    files.pairs("images", "masks", NAMES)
    with pytest.raises(DataError, match="no such folder") as caught:
        Dataset.open(tmp_path / "sett")
    assert '/set"?' in caught.value.hint
    (tmp_path / "a.tar").write_bytes(b"x")
    with pytest.raises(DataError, match="archive"):
        Dataset.open(tmp_path / "a.tar")


def test_a_segnet_split_without_masks_is_said(files):
    files.pairs("train", "trainannot", ["a", "b"])
    files.image("test/c.jpg", "test/d.jpg")
    data = Dataset.open(files.root)
    assert len(data.samples) == 2
    assert "test/ has 2 images and no masks: left out" in data.notes
