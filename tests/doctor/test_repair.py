"""The corrected copy: what is mended, what is not, and that the originals stay as they are."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.doctor import check, write_repaired
from intarsia.errors import DataError, IntarsiaError

from .conftest import SIZE, ids, picture, save
from .made import COLORS, Made, make


def _state(root) -> dict[str, str]:
    return {
        p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


@pytest.fixture
def made(tmp_path) -> Made:
    return make(Made(tmp_path / "set", "splits above", "png", "png", "colors"))


def _fixed(made: Made):
    data = Dataset.open(made.root)
    before = _state(made.root)
    out = made.root.parent / "fixed"
    changes = write_repaired(data, check(data), out)
    assert _state(made.root) == before
    return Dataset.open(out), {(c.file, c.code): c for c in changes}


def test_a_sound_set_becomes_ids(made):
    fixed, changes = _fixed(made)
    assert {code for _, code in changes} == {"remapped"}
    assert len(fixed.samples) == 12
    assert {s.name: s.split for s in fixed.samples} == {
        s.name: s.split for s in Dataset.open(made.root).samples
    }
    assert fixed.labels.names == ["sky", "road", "tree"]
    assert all(np.array_equal(fixed.read_mask(s), ids()) for s in fixed.samples)
    assert check(fixed).errors == check(fixed).warnings == ()
    stored = Image.open(fixed.samples[0].mask)
    assert stored.mode == "P"
    assert stored.getpalette()[:9] == [channel for color in COLORS for channel in color]


def test_orientation_size_loss_and_copies(made):
    exif = Image.Exif()
    exif[274] = 6
    save(made.image("train", "train_sound0"), picture(50), format="JPEG", exif=exif)
    half = np.kron(ids()[1:36:2, ::2], np.ones((1, 1), np.uint8))[:, :25]
    made.write_mask(made.mask("train", "train_sound1"), np.resize(half, (37, 50))[:, :])
    small = ids()[::1, ::1]
    double = np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)
    made.write_mask(made.mask("train", "train_sound1"), double)
    lossy = made.picture_of(ids()).convert("RGB")
    lossy.save(made.mask("train", "train_sound2"), format="JPEG", quality=95, subsampling=0)
    shutil.copy(made.image("val", "val_sound0"), made.image("train", "train_sound3"))
    fixed, changes = _fixed(made)
    by_name = {s.name: s for s in fixed.samples}
    assert np.array_equal(
        fixed.read_mask(by_name["train/train_sound0"]), np.rot90(ids(), -1)
    )  # clockwise, as orientation 6 says
    assert np.array_equal(fixed.read_mask(by_name["train/train_sound1"]), ids())
    restored = fixed.read_mask(by_name["train/train_sound2"])
    assert (restored == ids()).mean() > 0.99
    assert "train/train_sound3" not in by_name  # the copy in train goes, that in val stays
    assert "val/val_sound0" in by_name
    codes = {code for _, code in changes}
    assert codes >= {"exif-mismatch", "size-mismatch", "lossy-mask", "identical-across-splits"}
    assert check(fixed).errors == ()
    log = json.loads((made.root.parent / "fixed/fixes.json").read_text())
    assert log["schema"] == 1
    assert len(log["changes"]) == len(changes)
    text = (made.root.parent / "fixed/fixes.txt").read_text()
    assert "train/masks/train_sound0.png: [exif-mismatch] turned" in text


def test_what_cannot_be_mended_stays_reported(made):
    made.mask("val", "val_sound0").unlink()
    made.image("val", "val_sound1").write_bytes(b"<html>no</html>")
    stored = np.asarray(made.picture_of(ids())).copy()
    stored[30, :7] = (1, 2, 3)
    save(made.mask("val", "val_sound2"), stored)
    made.write_mask(made.mask("val", "val_sound3"), ids()[:, :20])  # of another shape
    fixed, _ = _fixed(made)
    left = check(fixed)
    assert sorted(f.code for f in left.errors) == [
        "missing-mask",
        "not-an-image",
        "size-mismatch",
        "unknown-value",
    ]
    (unknown,) = [f for f in left.errors if f.code == "unknown-value"]
    assert "(7 pixels)" in unknown.value


def test_a_folder_that_is_there_is_never_written_into(made, tmp_path):
    data = Dataset.open(made.root)
    report = check(data)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(DataError, match="not empty"):
        write_repaired(data, report, tmp_path / "full")
    with pytest.raises(DataError, match="inside"):
        write_repaired(data, report, made.root / "fixed")
    assert SIZE == (37, 50)


def test_nothing_half_written_is_left(made, monkeypatch, tmp_path):
    data = Dataset.open(made.root)
    report = check(data)

    def fail(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("intarsia.doctor.repair.write_mask", fail)
    with pytest.raises(KeyboardInterrupt):
        write_repaired(data, report, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_a_full_disk_makes_no_empty_images(made, monkeypatch, tmp_path):
    data = Dataset.open(made.root)
    report = check(data)

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(source))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(IntarsiaError, match="disk full"):
        write_repaired(data, report, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_folds_and_declared_groups_come_along(made):
    rows = [
        (s.image.relative_to(made.root).as_posix(), s.name) for s in Dataset.open(made.root).samples
    ]
    lines = [f"{image},{at % 3},g{at % 3},{'0' * 64}" for at, (image, _) in enumerate(rows)]
    (made.root / "splits.csv").write_text("\n".join(["image,fold,group,sha256", *lines]))
    (made.root / "dataset.yaml").write_text(
        "groups: csv:splits.csv:group\nsplits: {file: splits.csv}\n"
    )
    fixed, _ = _fixed(made)
    known = {s.name: s for s in Dataset.open(made.root).samples}
    assert fixed.folds == 3
    assert fixed.groups_declared
    for sample in fixed.samples:
        before = known[sample.name]
        assert (sample.split, sample.fold, sample.group) == (
            before.split,
            before.fold,
            before.group,
        )
    # the saved hashes stay: what was changed is still said
    assert sum(f.code == "changed-since-split" for f in check(fixed).findings) == 12


def test_drawings_are_painted_and_unlabelled_images_kept_apart(tmp_path):
    root = tmp_path / "set"
    (root / "images").mkdir(parents=True)
    square = [[2, 1, 20, 1, 20, 14, 2, 14]]
    for at in range(6):
        save(root / f"images/n{at}.png", picture(at))
    content = {
        "images": [
            {"id": at, "file_name": f"n{at}.png", "height": SIZE[0], "width": SIZE[1]}
            for at in range(6)
        ],
        "annotations": [
            {"id": at, "image_id": at, "category_id": 5, "segmentation": square} for at in range(6)
        ],
        "categories": [{"id": 5, "name": "cat"}],
    }
    (root / "annotations.json").write_text(json.dumps(content))
    data = Dataset.open(root)
    alone = replace(data.samples[0], mask=None, split=None)
    data = replace(data, samples=(alone, *data.samples[1:]))
    out = tmp_path / "fixed"
    changes = write_repaired(data, check(data), out)
    assert {c.code for c in changes} == {"remapped", "unlabelled"}
    assert (out / "unlabelled" / f"{alone.name}.png").is_file()
    fixed = Dataset.open(out)
    before = {s.name: data.read_mask(s) for s in data.samples[1:]}
    assert {s.name for s in fixed.samples} == set(before)
    for sample in fixed.samples:
        assert np.array_equal(fixed.read_mask(sample), before[sample.name])
        assert (before[sample.name] == 1).sum() == 18 * 13
    assert check(fixed).errors == ()


def test_images_outside_the_folder_stay_as_they_are(tmp_path):
    for at in range(6):
        save(tmp_path / f"photos/images/n{at}.png", picture(at))
        (tmp_path / "photos/labels").mkdir(exist_ok=True)
        (tmp_path / f"photos/labels/n{at}.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.yaml").write_text(
        f"path: {tmp_path / 'photos'}\ntrain: images\nnames: [cat]\n"
    )
    before = _state(tmp_path / "photos")
    data = Dataset.open(tmp_path / "set")
    write_repaired(data, check(data), tmp_path / "fixed")
    assert _state(tmp_path / "photos") == before
    assert {s.name for s in Dataset.open(tmp_path / "fixed").samples} == {
        s.name for s in data.samples
    }


def test_a_drawing_of_a_turned_photo_is_not_turned(tmp_path):
    """Label Studio's COCO has upright shapes and the size of the file lying down."""
    exif = Image.Exif()
    exif[274] = 6
    root = tmp_path / "set"
    for at in range(6):
        save(root / f"n{at}.jpg", picture(at), format="JPEG", exif=exif)  # upright 50 x 37
    content = {
        "images": [
            {"id": at, "file_name": f"n{at}.jpg", "height": SIZE[0], "width": SIZE[1]}
            for at in range(6)
        ],
        "annotations": [
            {"id": at, "image_id": at, "category_id": 5, "segmentation": [[2, 1, 9, 1, 9, 45]]}
            for at in range(6)
        ],
        "categories": [{"id": 5, "name": "cat"}],
    }
    (root / "annotations.json").write_text(json.dumps(content))
    data = Dataset.open(root)
    report = check(data)
    assert {f.code for f in report.errors} == {"exif-mismatch"}
    assert "swap width and height there" in report.errors[0].hint
    changes = write_repaired(data, report, tmp_path / "fixed")
    assert {c.code for c in changes} == {"remapped"}
    assert len(check(Dataset.open(tmp_path / "fixed")).errors) == 6


def test_lone_files_never_take_the_place_of_a_pair(tmp_path):
    root = tmp_path / "set"
    for at in range(6):
        save(root / f"images/n{at}.png", picture(at))
        save(root / f"masks/n{at}.png", ids())
    save(root / "images/more/n0.png", picture(50))  # without a mask
    save(root / "images/other/n0.png", picture(51))
    save(root / "masks/alone/n1.png", 2 - ids())  # without an image
    data = Dataset.open(root)
    write_repaired(data, check(data), tmp_path / "fixed")
    fixed = Dataset.open(tmp_path / "fixed")
    assert {s.name for s in fixed.samples} == {f"n{at}" for at in range(6)}
    for sample in fixed.samples:
        assert np.array_equal(fixed.read_image(sample), picture(int(sample.name[1:])))
        assert np.array_equal(fixed.read_mask(sample), ids())
    assert sorted(p.relative_to(tmp_path / "fixed") for p in fixed.unpaired_images) == [
        Path("images/more/n0.png"),
        Path("images/other/n0.png"),
    ]
    assert [p.name for p in fixed.unpaired_masks] == ["n1.png"]
