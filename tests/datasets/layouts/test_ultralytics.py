import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

YAML = """path: ../set
train: images/train
val: images/val
masks_dir: masks
names: {0: sky, 1: road}
"""


def ultralytics(files, text=YAML, name="data.yaml", values=(0, 1, 255)):
    for split, count in (("train", 3), ("val", 2)):
        names = [f"{split}{i}" for i in range(count)]
        files.pairs(f"images/{split}", f"masks/{split}", names, values=values)
    files.text(name, text)
    return files.root / name


@pytest.mark.parametrize("name", ["data.yaml", "dataset.yaml", "city.yml"])
@pytest.mark.parametrize("folder", [True, False])
def test_ultralytics(files, name, folder):
    path = ultralytics(files, name=name)
    data = Dataset.open(path.parent if folder else path)
    assert {k: [s.name for s in v] for k, v in data.splits.items()} == {
        "train": ["train/train0", "train/train1", "train/train2"],
        "val": ["val/val0", "val/val1"],
    }
    assert data.labels.names == ["sky", "road"]
    assert data.read_mask(data.samples[0])[0, :3].tolist() == [0, 1, 255]
    assert data.layout == f"Ultralytics: {name} with masks_dir"
    assert check(data).errors == ()


def test_a_path_that_is_elsewhere_is_said(files):
    data = Dataset.open(ultralytics(files, YAML.replace("../set", "cityscapes")))
    assert "path: cityscapes is not there: the folder of data.yaml is taken" in data.notes


def test_a_mapping_of_values(files):
    text = YAML + "label_mapping: {7: 0, 8: 1, 9: 255}\n"
    path = ultralytics(files, text, values=(7, 8, 9, 3))
    data = Dataset.open(path)
    assert data.read_mask(data.samples[0])[0, :4].tolist() == [0, 1, 255, 255]
    assert check(data).errors == ()


def test_lists_of_images_and_of_folders(files):
    text = YAML.replace("images/train", "train.txt").replace(
        "val: images/val", "val: [images/val, images/more]"
    )
    path = ultralytics(files, text)
    files.text("train.txt", "./images/train/train0.jpg\nimages/train/train2.jpg\n")
    files.pairs("images/more", "masks/more", ["m"])
    data = Dataset.open(path)
    assert [s.name for s in data.split("train")] == ["train/train0", "train/train2"]
    assert [s.name for s in data.split("val")] == ["val/val0", "val/val1", "more/m"]


def test_images_outside_of_the_root(files, tmp_path):
    files.root, root = tmp_path / "far", files.root
    files.pairs("images", "masks", ["x"])
    files.root = root
    path = ultralytics(files, YAML.replace("images/val", str(tmp_path / "far/images")))
    assert [s.name for s in Dataset.open(path).split("val")] == ["far/images/x"]


def test_masks_as_tiff_and_names_as_a_list(files):
    path = ultralytics(files, YAML.replace("{0: sky, 1: road}", "[sky, road]"))
    file = files.root / "masks/train/train0.png"
    file.unlink()
    files.mask("masks/train/train0.tif", values=(0, 1))
    data = Dataset.open(path)
    assert data.labels.names == ["sky", "road"]
    assert data.samples[0].mask.name == "train0.tif"


def test_a_missing_mask_and_a_lone_one_are_findings(files):
    path = ultralytics(files)
    (files.root / "masks/train/train0.png").unlink()
    files.mask("masks/val/else.png")
    found = [(f.code, f.file) for f in check(Dataset.open(path)).errors]
    assert found == [
        ("missing-mask", "images/train/train0.jpg"),
        ("orphan-mask", "masks/val/else.png"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("images/val", "images/vall", "val: no folder or list images/vall in"),
        ("images/val", "images/vall", 'did you mean "val"?'),
        ("images/train", "[1]", "train: 1 is not a folder or a list of images"),
        ("{0: sky, 1: road}", "road", "names: write {0: road, 1: car}"),
        ("{0: sky, 1: road}", "{0: 1}", "names: 0: 1 is not an id and a name"),
        ("masks_dir: masks", "masks_dir: 3", "masks_dir is not the name of a folder"),
        ("masks_dir: masks", "masks_dir: masks\nlabel_mapping: {7: 9}", "9 is not in names"),
        ("masks_dir: masks", "masks_dir: masks\nlabel_mapping: [7]", "write {value in the masks"),
        ("train: images/train\nval: images/val", "nc: 2", "it names no images"),
        ("images/train", "list.txt", "list.txt line 2: no image nowhere.jpg"),
    ],
)
def test_faults(files, old, new, message):
    path = ultralytics(files, YAML.replace(old, new))
    files.text("list.txt", "images/train/train0.jpg\nimages/train/nowhere.jpg\n")
    with pytest.raises(DataError) as caught:
        Dataset.open(path)
    assert message in str(caught.value)
    assert caught.value.where.endswith("data.yaml")


def test_two_such_files(files):
    ultralytics(files)
    ultralytics(files, name="other.yaml")
    with pytest.raises(DataError, match=r"data\.yaml and other\.yaml"):
        Dataset.open(files.root)
