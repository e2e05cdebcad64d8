import numpy as np
import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

# The development kit's own colours of 0, 1, 2, 15 and 255.
COLORS = {
    0: (0, 0, 0),
    1: (128, 0, 0),
    2: (0, 128, 0),
    15: (192, 128, 128),
    20: (0, 64, 128),
    255: (224, 224, 192),
}
ALL = [*range(21), 255]
LISTS = "ImageSets/Segmentation"


def voc_colors():
    """Bit c of every channel from bits 3k + c of the index, as VOCcolormap of the kit says."""
    table = {}
    for index in ALL:
        color = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                color[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
        table[index] = tuple(color)
    return table


def voc(files, train, val, values=ALL, colors=None):
    for name in [*train, *val]:
        files.image(f"JPEGImages/{name}.jpg")
        files.palette(f"SegmentationClass/{name}.png", values, colors or voc_colors())
    files.text(f"{LISTS}/train.txt", "".join(f"{n}\n" for n in train))
    files.text(f"{LISTS}/val.txt", "".join(f"{n}\n" for n in val))
    files.text(f"{LISTS}/trainval.txt", "".join(f"{n}\n" for n in [*train, *val]))


def names(data):
    return {split: [s.name for s in samples] for split, samples in data.splits.items()}


def test_the_colours_are_those_of_the_kit():
    assert {index: voc_colors()[index] for index in COLORS} == COLORS


def test_voc(files):
    voc(files, ["2007_000032", "2007_000039"], ["2007_000063"])
    files.image("JPEGImages/2008_000001.jpg")  # for detection only
    files.mask("SegmentationObject/2007_000032.png")
    files.text("Annotations/2007_000032.xml", "<annotation/>")
    data = Dataset.open(files.root)
    assert names(data) == {"train": ["2007_000032", "2007_000039"], "val": ["2007_000063"]}
    assert len(data.labels) == 21
    assert (data.labels["person"].id, data.labels["person"].color) == (15, (192, 128, 128))
    assert data.ignored == ("void",)
    mask = data.read_mask(data.samples[0])
    assert mask[0].tolist() == list(range(21))  # 21 columns: stripe 22 is the void
    assert mask[1, 0] == data.labels.ignore_index
    assert not data.unpaired_images
    assert any("1 images have no mask" in note for note in data.notes)
    assert check(data).errors == ()


def test_one_folder_around_another(files):
    files.root = files.root / "VOCdevkit" / "VOC2012"
    voc(files, ["a", "b"], ["c"])
    data = Dataset.open(files.root.parent.parent)
    assert len(data.samples) == 3
    assert any("subfolder VOCdevkit/VOC2012" in note for note in data.notes)


def test_trainval_alone_is_train(files):
    voc(files, ["a", "b", "c"], ["d"])
    for name in ("train", "val"):
        (files.root / LISTS / f"{name}.txt").unlink()
    data = Dataset.open(files.root)
    assert sorted(s.split for s in data.samples) == ["train", "train", "train", "val"]
    assert any("15 % of train becomes val" in note for note in data.notes)


def test_a_palette_of_other_colours_gives_no_names(files):
    voc(files, ["a", "b"], ["c"], [0, 1, 2, 3, 255], {0: (0, 0, 0), 1: (9, 9, 0), 2: (1, 0, 0)})
    data = Dataset.open(files.root)
    assert data.labels.names == ["class 0", "class 1", "class 2", "class 3"]
    assert check(data).errors == ()


def test_three_values_of_the_palette_are_too_few_to_tell(files):
    voc(files, ["2007_000032", "2007_000039"], ["2007_000063"], [0, 1, 2])
    assert Dataset.open(files.root).labels.names == ["class 0", "class 1", "class 2"]


def test_labelme2voc_names_its_classes(files):
    voc(files, ["a", "b"], ["c"], [0, 1, 2, 3, 255])
    files.text("class_names.txt", "_background_\nleaf\nstem\nfruit\n")
    data = Dataset.open(files.root)
    assert data.labels.names == ["background", "leaf", "stem", "fruit"]
    assert data.read_mask(data.samples[0])[0, :5].tolist() == [0, 1, 2, 3, 255]
    assert check(data).errors == ()


def test_cvat_frames_without_mask_are_not_background(files):
    files.text(
        "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:128,0,0::\n"
    )
    for name in ("frame_000000", "frame_000001", "frame_000002"):
        files.image(f"JPEGImages/{name}.png")
        files.palette(f"SegmentationClass/{name}.png", [0, 1], {0: (0, 0, 0), 1: (128, 0, 0)})
    files.image("JPEGImages/frame_000003.png", "JPEGImages/frame_000004.png")
    files.text(f"{LISTS}/default.txt", "".join(f"frame_00000{i}\n" for i in range(4)))
    data = Dataset.open(files.root)
    assert data.labels.names == ["background", "road"]
    assert [s.name[-1] for s in data.samples] == ["0", "1", "2"]
    assert sorted(s.split for s in data.samples) == ["test", "train", "val"]
    note = next(note for note in data.notes if "no mask" in note)
    assert note.startswith("2 images have no mask and are left out, such as frame_000003.png")
    assert note.endswith("not annotated yet; none is taken for background")
    assert check(data).errors == ()


def test_names_with_spaces_stand_in_quotes(files):
    voc(files, ["a b", "c"], ["d"])
    files.text(f"{LISTS}/train.txt", '"a b"\n\nc\n')
    assert names(Dataset.open(files.root))["train"] == ["a b", "c"]


def test_pairs_in_no_list_are_left_out_aloud(files):
    voc(files, ["a", "b"], ["c"])
    files.image("JPEGImages/d.jpg")
    files.palette("SegmentationClass/d.png", ALL, voc_colors())
    data = Dataset.open(files.root)
    assert len(data.samples) == 3
    assert "1 pairs are in no list and left out, such as d" in data.notes


def test_a_listed_image_without_mask_is_a_finding(files):
    voc(files, ["a", "b"], ["c"])
    (files.root / "SegmentationClass/b.png").unlink()
    found = [f for f in check(Dataset.open(files.root)).errors if f.code == "missing-mask"]
    assert [(f.file, bool(f.hint)) for f in found] == [("JPEGImages/b.jpg", True)]


def test_a_mask_without_image_is_a_finding(files):
    voc(files, ["a", "b"], ["c"])
    (files.root / "JPEGImages/b.jpg").unlink()
    found = [f for f in check(Dataset.open(files.root)).errors if f.code == "orphan-mask"]
    assert [f.file for f in found] == ["SegmentationClass/b.png"]


def test_faults_of_the_lists_at_once(files):
    voc(files, ["street_1", "street_2"], ["street_3"])
    files.text(f"{LISTS}/train.txt", "street_1\nstret_2\nstreet_3\n")
    with pytest.raises(DataError, match="2 faults") as caught:
        Dataset.open(files.root)
    assert 'train.txt line 2: no image "stret_2"; did you mean "street_2"?' in str(caught.value)
    assert "val.txt line 1: street_3 is in train.txt too" in str(caught.value)
    assert caught.value.where.endswith(LISTS)


def test_masks_without_images_say_what_to_export(files):
    voc(files, ["a"], ["b"])
    (files.root / "JPEGImages").rename(files.root / "elsewhere")
    with pytest.raises(DataError, match="masks and no images") as caught:
        Dataset.open(files.root)
    assert "Save images" in caught.value.hint


def test_an_unknown_index_is_a_finding(files):
    voc(files, ["2007_000032", "2007_000039"], ["2007_000063"])
    mask = np.zeros((13, 21), np.uint8)
    mask[0, 0] = 33
    files.image("JPEGImages/2007_000064.jpg")
    files.palette("SegmentationClass/2007_000064.png", mask, voc_colors() | {33: (0, 0, 0)})
    files.text(f"{LISTS}/train.txt", "2007_000032\n2007_000039\n2007_000064\n")
    found = [f for f in check(Dataset.open(files.root)).errors if f.code == "unknown-value"]
    assert [f.file for f in found] == ["SegmentationClass/2007_000064.png"]
