import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
FRAMES = {
    "train": [
        "aachen/aachen_000000_000019",
        "aachen/aachen_000001_000019",
        "bochum/bochum_000000_000313",
    ],
    "val": ["lindau/lindau_000000_000019"],
}


def cityscapes(files, kind="labelIds", values=(*IDS, 4, 0), truth="gtFine"):
    for split, frames in FRAMES.items():
        for frame in frames:
            files.image(f"leftImg8bit/{split}/{frame}_leftImg8bit.png")
            files.mask(f"{truth}/{split}/{frame}_{truth}_{kind}.png", values=values)
            files.mask(f"{truth}/{split}/{frame}_{truth}_instanceIds.png")
            files.mask(f"{truth}/{split}/{frame}_{truth}_color.png", values=[(128, 64, 128)])
            files.text(f"{truth}/{split}/{frame}_{truth}_polygons.json", "{}")


@pytest.mark.parametrize(
    ("kind", "values"), [("labelIds", (*IDS, 4, 0)), ("labelTrainIds", (*range(19), 255, 255))]
)
def test_cityscapes(files, kind, values):
    cityscapes(files, kind, values)
    data = Dataset.open(files.root)
    assert {k: [s.name for s in v] for k, v in data.splits.items()} == {
        split: [f"{split}/{frame}" for frame in frames] for split, frames in FRAMES.items()
    }
    assert [s.group for s in data.samples] == [
        "aachen_000000",
        "aachen_000001",
        "bochum_000000",
        "lindau_000000",
    ]
    assert len(data.labels) == 19
    assert (data.labels["person"].id, data.labels["person"].color) == (11, (220, 20, 60))
    assert data.read_mask(data.samples[0])[0].tolist() == [*range(19), 255, 255]
    assert not data.unpaired_images
    assert not data.unpaired_masks
    assert check(data).errors == ()


def test_coarse_annotations(files):
    cityscapes(files, truth="gtCoarse")
    assert "gtCoarse" in Dataset.open(files.root).layout


def test_dummy_masks_of_the_test_are_left_out(files):
    cityscapes(files)
    for i in range(2):
        files.image(f"leftImg8bit/test/berlin/berlin_{i:06d}_000019_leftImg8bit.png")
        files.mask(
            f"gtFine/test/berlin/berlin_{i:06d}_000019_gtFine_labelIds.png", values=(1, 2, 3)
        )
    data = Dataset.open(files.root)
    assert set(data.splits) == {"train", "val"}
    assert any("the 2 masks of test/ hold no class that counts" in note for note in data.notes)
    assert check(data).errors == ()


def test_a_test_with_real_masks_stays(files):
    cityscapes(files)
    files.image("leftImg8bit/test/berlin/berlin_000000_000019_leftImg8bit.png")
    files.mask("gtFine/test/berlin/berlin_000000_000019_gtFine_labelIds.png", values=(1, 7))
    assert len(Dataset.open(files.root).split("test")) == 1


def test_a_test_without_masks_is_said(files):
    cityscapes(files)
    files.image("leftImg8bit/test/berlin/berlin_000000_000019_leftImg8bit.png")
    data = Dataset.open(files.root)
    assert "test/ has 1 images and no masks: left out" in data.notes


def test_polygons_alone_say_how_to_make_masks(files):
    cityscapes(files, kind="color2")
    with pytest.raises(DataError, match=r"no \*_labelIds\.png") as caught:
        Dataset.open(files.root)
    assert "csCreateTrainIdLabelImgs" in caught.value.hint
    assert caught.value.where.endswith("gtFine")


def test_missing_and_orphan_masks_are_findings(files):
    cityscapes(files)
    (files.root / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png").unlink()
    (files.root / "leftImg8bit/train/bochum/bochum_000000_000313_leftImg8bit.png").unlink()
    found = {(f.code, f.file) for f in check(Dataset.open(files.root)).errors}
    assert found == {
        ("missing-mask", "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png"),
        ("orphan-mask", "gtFine/train/bochum/bochum_000000_000313_gtFine_labelIds.png"),
    }


def test_an_id_past_the_table_is_a_finding(files):
    cityscapes(files)
    files.mask("gtFine/val/lindau/lindau_000000_000019_gtFine_labelIds.png", values=(*IDS, 40))
    assert [f.code for f in check(Dataset.open(files.root)).errors] == ["unknown-value"]
