"""Findings about files."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.doctor import check

from .conftest import SIZE, ids, picture, save
from .made import Made, make


def test_a_sound_data_set_has_no_findings(folder, named, report):
    assert report(folder).errors == report(folder).warnings == ()
    assert {f.code for f in report(named).findings} == {"inferred"}


def test_a_missing_mask_names_the_nearest(folder, report):
    (folder / "train/masks/train0.png").rename(folder / "train/masks/trian0.png")
    found = {f.code: f for f in report(folder).errors}
    assert set(found) == {"missing-mask", "orphan-mask"}
    assert found["missing-mask"].file == "train/images/train0.png"
    assert "train/masks/trian0.png" in found["missing-mask"].hint
    assert found["orphan-mask"].file == "train/masks/trian0.png"
    assert "train/images/train0.png" in found["orphan-mask"].hint


def test_sizes(folder, report, only):
    save(folder / "val/masks/val1.png", ids()[:, :-7])
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("size-mismatch", "error")
    assert finding.file == "val/masks/val1.png"
    assert "37 x 43" in finding.value
    assert "37 x 50" in finding.expected


def test_swapped_sizes(folder, report, only):
    save(folder / "val/masks/val1.png", ids().T.copy())
    assert "swapped" in only(report(folder)).hint


def test_a_turned_photo_with_an_unturned_mask(folder, report, only):
    exif = Image.Exif()
    exif[274] = 6
    (folder / "train/images/train2.png").unlink()
    save(folder / "train/images/train2.jpg", picture(99), exif=exif)
    finding = only(report(folder))
    assert finding.code == "exif-mismatch"
    assert "37 x 50" in finding.value
    assert "50 x 37" in finding.expected
    assert "EXIF" in finding.hint


def test_a_turned_photo_with_a_turned_mask_is_fine(folder, report):
    exif = Image.Exif()
    exif[274] = 6
    (folder / "train/images/train2.png").unlink()
    save(folder / "train/images/train2.jpg", picture(99), exif=exif)
    save(folder / "train/masks/train2.png", np.rot90(ids(), -1).copy())
    assert report(folder).errors == ()


def test_every_unreadable_file_is_reported_at_once(folder, report):
    broken = folder / "train/images/train1.png"
    broken.write_bytes(broken.read_bytes()[:-2000])
    (folder / "train/images/train3.png").write_bytes(b"")
    (folder / "val/images/val0.png").write_text("<!DOCTYPE html><html>not found</html>")
    mask = folder / "test/masks/test2.png"
    mask.write_bytes(mask.read_bytes()[:40])
    found = report(folder).errors
    assert [(f.code, f.file) for f in found] == [
        ("empty-file", "train/images/train3.png"),
        ("not-an-image", "val/images/val0.png"),
        ("cut-short", "train/images/train1.png"),
        ("cut-short", "test/masks/test2.png"),
    ]
    values = [f.value.lower() for f in found]
    assert "empty" in values[0]
    assert "html" in values[1]
    assert all(f.hint for f in found)


def test_blank_images_are_not_copies_of_each_other(folder, report):
    for path in ("train/images/train0.png", "val/images/val0.png"):
        save(folder / path, np.full((*SIZE, 3), 8, np.uint8))
    result = report(folder)
    assert result.errors == ()
    assert [f.code for f in result.warnings] == ["blank-image", "blank-image"]


def test_tiny_images(folder, report, only):
    save(folder / "train/images/train0.png", picture(77)[:3, :40])
    save(folder / "train/masks/train0.png", ids()[20:23, :40])
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("tiny-image", "warning")
    assert "3 x 40" in finding.value


def test_grey_and_colour_images_mix(folder, report):
    save(folder / "train/images/train0.png", picture(0)[:, :, 0].copy())
    assert report(folder).errors == ()


def test_another_number_of_channels(tmp_path, folder, report, only):
    import tifffile

    (folder / "train/images/train0.png").unlink()
    tifffile.imwrite(
        folder / "train/images/train0.tif",
        np.zeros((*SIZE, 5), np.uint8),
        photometric="minisblack",
        planarconfig="contig",
    )
    finding = only(report(folder))
    assert finding.code == "channel-count"
    assert "5 channels" in finding.value


def test_odd_names(folder, report):
    for old, kind in (("images", "png"), ("masks", "png")):
        file = folder / "val" / old / f"val0.{kind}"
        file.rename(file.with_name(f"été à\nla plage.{kind}"))
    save(folder / "val/masks/été à\nla plage.png", ids()[:-1])
    result = report(folder)
    assert [f.code for f in result.errors] == ["size-mismatch"]
    assert "\n" not in result.errors[0].file
    assert str(result)


def test_progress_counts_every_sample(folder):
    steps = []
    check(Dataset.open(folder), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(n, 12) for n in range(1, 13)]


def test_values_beyond_the_scale_guessed_from_a_sample(folder, report, only):
    """The scale of 16 bits is guessed from train; val holds more than 12 bits."""
    for at, path in enumerate(sorted(folder.rglob("images/*.png"))):
        save(path, (picture(at)[:, :, 0].astype(np.uint16) * 16))
    array = picture(99)[:, :, 0].astype(np.uint16) * 16
    array[4, 5] = 50_000
    save(folder / "val/images/val1.png", array)
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("out-of-range", "warning")
    assert finding.value == "1 of 12 images hold values from 0 to 50000: val/images/val1.png"
    assert "clip: [0, 50000]" in finding.hint
    (folder / "dataset.yaml").write_text("image: {scale: {clip: [0, 4000]}}\n")
    assert report(folder).warnings == ()  # asked for


def test_names_that_are_no_text_are_escaped(folder, report):
    name = os.fsdecode(b"caf\xe9")
    save(folder / "train/images/new.png", picture(77))
    (folder / "train/images/new.png").rename(folder / f"train/images/{name}.png")
    result = report(folder)
    (finding,) = result.errors
    assert [f.code for f in result.warnings] == ["odd-name"]
    assert finding.code == "missing-mask"
    assert finding.value == r'no mask of the name "caf\udce9"'


def test_one_image_of_another_depth_is_an_error(folder, report, only):
    save(folder / "val/images/val1.png", picture(99)[:, :, 0].astype(np.uint16) * 200)
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("mixed-depth", "error")
    assert (finding.file, finding.value) == ("val/images/val1.png", "uint16")


def test_a_link_to_itself_is_a_broken_link(folder, report, only):
    path = folder / "train/images/train3.png"
    path.unlink()
    path.symlink_to(path.name)
    finding = only(report(folder))
    assert (finding.code, finding.file) == ("broken-link", "train/images/train3.png")


def test_a_file_that_may_not_be_read(folder, report, only, monkeypatch):
    real = Path.open

    def refuse(path: Path, *arguments, **options):
        if path.parent.name == "images" and path.name == "train3.png":
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    finding = only(report(folder))
    assert (finding.code, finding.file) == ("no-permission", "train/images/train3.png")
    assert finding.hint == "give yourself the right to read it (chmod u+r)"


def test_a_file_that_goes_while_it_is_checked(folder, only):
    data = Dataset.open(folder)
    (folder / "train/images/train3.png").unlink()
    finding = only(check(data))
    assert (finding.code, finding.file) == ("missing-file", "train/images/train3.png")


@pytest.mark.parametrize(
    ("encoding", "code", "said"),
    [
        ("binary", "black-and-white-masks", "12 of 12 masks hold 0 and 255: background and"),
        ("bit", "one-bit-masks", "12 of 12 masks have one bit: 0 and 1"),
        ("palette", "palette-masks", "12 of 12 masks have a palette: the indices are the values"),
        ("deep", "deep-masks", "12 of 12 masks have more than 8 bits"),
    ],
)
def test_how_masks_are_stored_is_said(tmp_path, encoding, code, said):
    made = make(Made(tmp_path / "set", encoding=encoding))
    notes = {f.code: f for f in check(Dataset.open(made.root)).notes}
    assert notes[code].value.startswith(said)


def test_masks_that_count_from_one_are_said(folder, report):
    for path in folder.rglob("masks/*.png"):
        save(path, np.where(ids() == 255, 255, ids() + 1).astype(np.uint8))
    (said,) = [f for f in report(folder).notes if f.code == "one-based-masks"]
    assert said.value == "12 of 12 masks count from 1: value 1 is class 0 in here"


def test_deep_images_are_said_with_their_scale(folder, report):
    for at, path in enumerate(folder.rglob("images/*.png")):
        save(path, picture(at)[:, :, 0].astype(np.uint16) * 200)
    (said,) = [f for f in report(folder).notes if f.code == "deep-images"]
    assert said.value == "12 of 12 images are uint16: values from 0 to 65535 become 0 to 1"
