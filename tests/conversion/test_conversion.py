"""Images of every kind, faults, and a folder that is whole or not there."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from intarsia.conversion import FORMATS, convert
from intarsia.datasets import Dataset
from intarsia.errors import DataError, IntarsiaError

from .made import SIZE, colors, cvat, index, mask, nnunet, picture, save, text

SHAPES = ("coco", "labelme", "cvat", "label-studio")


@pytest.fixture
def made(tmp_path):
    index(tmp_path / "set")
    return Dataset.open(tmp_path / "set")


def test_an_unknown_format_lists_all(made, tmp_path):
    with pytest.raises(DataError, match='no format "lableme"') as caught:
        convert(made, tmp_path / "out", "lableme")
    assert 'did you mean "labelme"?' in caught.value.hint
    assert all(to in caught.value.hint for to in FORMATS)


def test_a_folder_that_is_there_or_inside_is_refused(made, tmp_path):
    text(tmp_path / "full/file", "mine")
    with pytest.raises(DataError, match="not empty"):
        convert(made, tmp_path / "full", "index")
    for inside in ("set/out", "set/images/out", "set"):
        with pytest.raises(DataError, match=r"inside|not empty"):
            convert(made, tmp_path / inside, "index")
    (tmp_path / "empty").mkdir()
    convert(made, tmp_path / "empty", "index")
    assert (tmp_path / "empty/dataset.yaml").is_file()


def test_names_that_are_one_where_out_lies(tmp_path, monkeypatch):
    for at, name in enumerate("Aa"):
        save(tmp_path / f"set/images/{name}.png", picture(at))
        save(tmp_path / f"set/masks/{name}.png", mask(at + 1).astype(np.uint8))
    data = Dataset.open(tmp_path / "set")
    monkeypatch.setattr("secrets.token_hex", lambda _: "0")
    (tmp_path / ".OUT.0.PART").mkdir()  # as a file system that ignores case shows it
    with pytest.raises(DataError, match="A and a would be one file") as caught:
        convert(data, tmp_path / "out", "coco")
    assert "case-collision" in caught.value.hint
    (tmp_path / ".OUT.0.PART").rmdir()
    assert convert(data, tmp_path / "out", "coco").images == 2


@pytest.mark.parametrize("to", ["index", "coco", "labelme"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_nothing_is_left_of_a_conversion_that_stops(made, to, error, tmp_path, monkeypatch):
    def fail(done: int, total: int) -> None:
        if done == 3:
            raise error

    with pytest.raises((KeyboardInterrupt, OSError)):
        convert(made, tmp_path / "out", to, progress=fail)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cache") == ["set"]
    convert(made, tmp_path / "out", to)
    assert len(Dataset.open(tmp_path / "out").samples) == 6


def test_a_full_disk_is_said(made, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(IntarsiaError, match="disk full"):
        convert(made, tmp_path / "out", "coco")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 10})())
    with pytest.raises(DataError, match="no room: the images alone take"):
        convert(made, tmp_path / "out", "coco")


def test_all_faults_are_named_and_nothing_is_written(made, tmp_path):
    root = tmp_path / "set"
    save(root / "masks/x.png", mask(1, (0, 7)).astype(np.uint8))
    save(root / "masks/a/x.png", mask(1, size=(5, 5)).astype(np.uint8))
    (root / "images/last.jpg").write_bytes(b"<html>")
    seen = []
    with pytest.raises(DataError, match="3 of 6 images") as caught:
        convert(made, tmp_path / "out", "labelme", progress=lambda *at: seen.append(at))
    said = str(caught.value)
    assert "masks/x.png: the mask holds values that are no class: 7" in said
    assert "masks/a/x.png: the mask is 5 x 5, its image 21 x 13" in said
    assert "images/last.jpg: this is an HTML page" in said
    assert "check IN --fix OUT" in said
    assert not (tmp_path / "out").exists()
    assert seen == [(at, 6) for at in range(1, 7)]


@pytest.mark.parametrize("to", SHAPES)
def test_masks_of_background_only_are_no_shapes(to, tmp_path):
    for at in range(2):
        save(tmp_path / f"set/images/{at}.png", picture(at))
        save(tmp_path / f"set/masks/{at}.png", np.zeros(SIZE, np.uint8))
    text(tmp_path / "set/dataset.yaml", "classes: [background, cat]\n")
    data = Dataset.open(tmp_path / "set")
    if to == "cvat":  # has background drawn, for images without shapes are not annotated there
        convert(data, tmp_path / "out", to)
        after = Dataset.open(tmp_path / "out")
        assert not any(after.read_mask(s).any() for s in after.samples)
        return
    with pytest.raises(DataError, match="background only") as caught:
        convert(data, tmp_path / "out", to)
    assert "index, palette or color" in caught.value.hint


@pytest.mark.parametrize("to", FORMATS)
def test_images_that_nobody_has_labelled(to, tmp_path):
    cvat(tmp_path / "set")  # n0 has no shape
    done = convert(Dataset.open(tmp_path / "set"), tmp_path / "out", to)
    assert any("1 images that nobody has labelled are there too" in n for n in done.notes)
    after = Dataset.open(tmp_path / "out")
    assert [s.name for s in after.samples if s.mask is None] == (
        ["n0"] if to in ("cvat", "label-studio") else []
    )
    place = "images" if to in ("cvat", "label-studio", "labelme") else "unlabelled"
    assert (tmp_path / "out" / place / "n0.png").is_file()


def test_several_files_become_one(tmp_path):
    nnunet(tmp_path / "set")
    before = Dataset.open(tmp_path / "set")
    done = convert(before, tmp_path / "out", "index")
    after = Dataset.open(tmp_path / "out")
    assert any("4 images of several files are one TIFF each" in n for n in done.notes)
    assert after.channel_names == ("T1", "T2")
    for one, two in zip(before.samples, after.samples, strict=True):
        assert two.image.suffix == ".tif"
        np.testing.assert_array_equal(after.read_image(two), before.read_image(one))


def _deep(root) -> None:
    """16 bits of 12, and two pages of which the second counts."""
    for at in range(3):
        values = (np.indices(SIZE).sum(axis=0) * 100 + at).astype(np.uint16)
        path = root / f"images/{at}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.stack([values * 0, values]), photometric="minisblack")
        save(root / f"masks/{at}.png", mask(at + 1).astype(np.uint8))
    text(root / "dataset.yaml", "image: {page: 1, scale: {clip: [0, 4000]}}\n")


def test_what_no_tool_shows_becomes_a_picture(tmp_path):
    _deep(tmp_path / "set")
    before = Dataset.open(tmp_path / "set")
    done = convert(before, tmp_path / "tool", "label-studio")
    assert any("3 images are written as 8-bit PNG" in n for n in done.notes)
    shown = np.asarray(Image.open(tmp_path / "tool/images/2.png"))
    assert shown.shape == (*SIZE, 3)
    assert shown[0, 1].tolist() == [7, 7, 7]  # 102 of 4000, of 255: 6.5
    after = Dataset.open(tmp_path / "tool")
    assert (after.channels, after.scaling.rule, after.page) == (3, "8 bit", None)
    # masks repaired there go on with the originals
    mended = Dataset.open(images=tmp_path / "set/images", masks=tmp_path / "tool/tasks.json")
    assert {s.image.suffix for s in mended.samples} == {".tif"}
    kept = convert(before, tmp_path / "kept", "coco")
    assert not any("8-bit PNG" in n for n in kept.notes)
    again = Dataset.open(tmp_path / "kept")
    assert (again.page, again.scaling.low, again.scaling.high) == (1, 0, 4000)
    for one, two in zip(before.samples, again.samples, strict=True):
        np.testing.assert_array_equal(again.read_image(two), before.read_image(one))


def test_an_orientation_and_files_alone_are_said(made, tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    picture(3, SIZE[::-1]).save(tmp_path / "set/images/x.jpg", exif=exif)
    save(tmp_path / "set/images/lonely.jpg", picture(9))
    done = convert(Dataset.open(tmp_path / "set"), tmp_path / "out", "cvat")
    assert any("1 images carry an EXIF orientation" in n for n in done.notes)
    assert any("1 files without a partner are left out" in n for n in done.notes)


def test_val_that_was_drawn_is_not_written(tmp_path):
    colors(tmp_path / "set")
    data = Dataset.open(tmp_path / "set")
    for sample in data.split("val"):
        sample.image.unlink()
        sample.mask.unlink()
    before = Dataset.open(tmp_path / "set")
    assert before.splits_drawn == "val"
    convert(before, tmp_path / "out", "coco")
    names = [p.name for p in (tmp_path / "out/annotations").iterdir()]
    assert names == ["instances_train.json"]
    content = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert len(content["images"]) == 3
    after = Dataset.open(tmp_path / "out")
    assert {s.name: s.split for s in after.samples} == {s.name: s.split for s in before.samples}


def test_images_outside_the_folder_stay_inside_the_new_one(tmp_path):
    for at in range(3):
        save(tmp_path / f"far/away/{at}.png", picture(at))
        save(tmp_path / f"set/masks/{at}.png", mask(at + 1).astype(np.uint8))
    rows = "".join(f"{tmp_path}/far/away/{at}.png,masks/{at}.png\n" for at in range(3))
    text(tmp_path / "set/list.csv", "image,mask\n" + rows)
    before = Dataset.open(tmp_path / "set/list.csv")
    convert(before, tmp_path / "out", "index")
    after = Dataset.open(tmp_path / "out")
    assert len(after.samples) == 3
    assert all(s.image.is_relative_to(tmp_path / "out") for s in after.samples)
    with pytest.raises(DataError, match="inside"):
        convert(before, tmp_path / "far/away/out", "index")
