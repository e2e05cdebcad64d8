import os
import unicodedata

import pytest

from intarsia.datasets import Dataset
from intarsia.datasets.pairing import image_files, pair_folders
from intarsia.errors import DataError


def pairs(files):
    return pair_folders(files.root / "images", files.root / "masks")


def test_by_name_never_by_order(files):
    files.image("images/b.jpg", "images/c.jpg")
    files.mask("masks/a.png", "masks/b.png")
    found = pairs(files)
    assert [(s.image.name, s.mask.name) for s in found.samples] == [("b.jpg", "b.png")]
    assert [p.name for p in found.unpaired_images] == ["c.jpg"]
    assert [p.name for p in found.unpaired_masks] == ["a.png"]


@pytest.mark.parametrize(
    "mask", ["{}_mask.png", "{}_L.png", "{}_manual1.gif", "{}.jpg.png", "mask_{}.png"]
)
def test_an_ending_common_to_all(files, mask):
    for name in ("01", "02", "03"):
        files.image(f"images/{name}.jpg")
        files.mask("masks/" + mask.format(name))
    found = pairs(files)
    assert [s.name for s in found.samples] == ["01", "02", "03"]
    assert "paired by name, such as 01.jpg with " + mask.format("01") in found.notes[0]


def test_frame_1_is_not_frame_10(files):
    files.image("images/f1.jpg", "images/f2.jpg")
    files.mask("masks/f10.png", "masks/f20.png")
    assert pairs(files).samples == ()


def test_two_files_with_one_name(files):
    files.image("images/a.jpg", "images/a.png")
    files.mask("masks/a.png")
    files.pairs("images", "masks", ["b"])
    found = pairs(files)
    assert [[path.name for path in two] for two in found.doubled] == [["a.jpg", "a.png"]]
    assert [s.name for s in found.samples] == ["b"]
    assert found.unpaired_images == found.unpaired_masks == ()


def test_unicode_of_macos(files):
    name = "Strauß é"
    files.image(f"images/{unicodedata.normalize('NFD', name)}.jpg")
    files.mask(f"masks/{unicodedata.normalize('NFC', name)}.png")
    assert len(pairs(files).samples) == 1


def test_odd_names(files):
    odd = ["a b", "new\nline", "dots.in.name", "x" * 200, "'quote\""]
    files.pairs("images", "masks", odd)
    data = Dataset.open(files.root)
    assert {s.name for s in data.samples} == set(odd)
    assert all(data.read_mask(s).shape == (13, 21) for s in data.samples)


def test_a_loop_of_links_does_not_hold_us(files):
    files.image("images/a.jpg")
    (files.root / "images/loop").symlink_to(files.root / "images")
    assert [p.name for p in image_files(files.root / "images")] == ["a.jpg"]


def test_nothing_pairs(files):
    files.image("images/a.jpg")
    files.mask("masks/b.png")
    with pytest.raises(
        DataError, match=r"no image has a mask of its name \(1 images such as a\.jpg"
    ):
        Dataset.open(files.root)


def test_dicom_files_without_an_extension_are_images(tmp_path):
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "README").write_bytes(b"DICM")
    (tmp_path / "a.png").touch()
    os.mkfifo(tmp_path / "pipe")
    assert [path.name for path in image_files(tmp_path)] == ["IM0001", "a.png"]
