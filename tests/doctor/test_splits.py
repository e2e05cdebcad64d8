"""Findings about splits, and recordings on both sides of one."""

import shutil

import cv2
import numpy as np
from PIL import Image

from .conftest import SIZE, ids, picture, save


def test_a_class_missing_from_train_is_an_error(named, report, only):
    for path in (named / "train/masks").iterdir():
        mask = ids()
        mask[mask == 2] = 0
        save(path, mask)
    finding = only(report(named))
    assert (finding.code, finding.severity) == ("class-missing", "error")
    assert finding.value == '"tree" is in no image of train, in 6 images elsewhere'


def test_a_class_missing_from_val_is_a_warning(named, report, only):
    for path in (named / "val/masks").iterdir():
        mask = ids()
        mask[mask == 2] = 255
        save(path, mask)
    finding = only(report(named))
    assert (finding.code, finding.severity) == ("class-missing", "warning")
    assert "n/a" in finding.hint


def test_a_split_without_labels(named, report):
    for path in (named / "test/masks").iterdir():
        save(path, np.full(SIZE, 255, np.uint8))
    result = report(named)
    assert [(f.code, f.value) for f in result.errors] == [
        ("split-without-labels", "test: 3 images, no pixel of any class")
    ]
    assert [f.code for f in result.warnings] == ["all-ignored"] * 3


def test_identical_pixels_across_splits(folder, report, only):
    # Another format and other bytes, the same pixels.
    pixels = np.asarray(Image.open(folder / "train/images/train3.png"))
    (folder / "val/images/val2.png").unlink()
    save(folder / "val/images/val2.bmp", pixels)
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("identical-across-splits", "error")
    assert finding.file == "val/images/val2.bmp"
    assert "train/images/train3.png in train" in finding.value


def test_identical_pixels_within_a_split(folder, report, only):
    shutil.copy(folder / "train/images/train3.png", folder / "train/images/train5.png")
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("identical-images", "note")


def test_a_rare_class(named, report, only):
    for number in range(6, 40):
        save(named / f"train/images/train{number}.png", picture(500 + number))
        save(named / f"train/masks/train{number}.png", ids())
    for path in sorted((named / "train/masks").iterdir())[2:]:
        mask = ids()
        mask[mask == 2] = 1
        save(path, mask)
    finding = only(report(named))
    assert (finding.code, finding.severity) == ("rare-class", "note")
    assert finding.value == '"tree" is in 2 of 40 images of train'


def _scenes(frames: int) -> list[np.ndarray]:
    """A slow pan over one smooth large picture: neighbours look alike."""
    coarse = np.random.default_rng(5).integers(0, 256, (8, 20, 3), np.uint8)
    wide = cv2.resize(coarse, (SIZE[1] + 12 * frames, SIZE[0]), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(wide[:, 12 * n : 12 * n + SIZE[1]]) for n in range(frames)]


def _sequence(folder, images) -> None:
    shutil.rmtree(folder / "train")
    shutil.rmtree(folder / "val")
    shutil.rmtree(folder / "test")
    for number, image in enumerate(images):
        split = "val" if number % 4 == 2 else "train"
        save(folder / split / "images" / f"drive7_{30 * number:05d}.png", image)
        save(folder / split / "masks" / f"drive7_{30 * number:05d}.png", ids())


def test_frames_of_a_recording_on_both_sides(folder, report):
    _sequence(folder, _scenes(28))
    result = report(folder)
    assert [f.code for f in result.findings if f.code != "inferred"] == [
        "interleaved-sequence",
        "near-duplicate-across-splits",
        "proposed-split",
    ]
    assert result.notes[0].value.startswith("blocks of frames, with gaps: train ")
    assert "--group-by blocks:8" in result.notes[0].hint
    finding = result.warnings[0]
    assert (finding.code, finding.severity) == ("interleaved-sequence", "warning")
    assert "all 7 val frames" in finding.value
    assert '"drive7"' in finding.value
    assert "drive7_00060" in finding.value


def test_numbered_photographs_of_different_things_are_no_recording(folder, report):
    images = _scenes(28)
    np.random.default_rng(1).shuffle(images)
    _sequence(folder, images)
    assert report(folder).warnings == ()


def test_blocks_of_a_recording_do_not_interleave(folder, report):
    _sequence(folder, [])
    for number, image in enumerate(_scenes(28)):
        split = "train" if number < 20 else "val"
        save(folder / split / "images" / f"f{number}.png", image)
        save(folder / split / "masks" / f"f{number}.png", ids())
    assert report(folder).warnings == ()


def test_slices_of_patients_kept_apart_do_not_interleave(folder, report):
    """slice_007 of one patient has nothing to do with slice_006 and slice_008 of another."""
    _sequence(folder, [])
    for number, image in enumerate(_scenes(28)):
        split, patient = ("val", "p2") if number % 4 == 2 else ("train", "p1")
        for kind, array in (("images", image), ("masks", ids())):
            save(folder / split / kind / patient / f"slice_{number:03d}.png", array)
    assert report(folder).warnings == ()


def test_slices_of_one_patient_on_both_sides(folder, report):
    _sequence(folder, [])
    for number, image in enumerate(_scenes(28)):
        split = "val" if number % 4 == 2 else "train"
        for kind, array in (("images", image), ("masks", ids())):
            save(folder / split / kind / "p1" / f"slice_{number:03d}.png", array)
    finding = report(folder).warnings[0]
    assert finding.code == "interleaved-sequence"
    assert '"slice" in p1/' in finding.value


def _patients(folder) -> None:
    """Ten patients of three images; the last two lie in train and in val."""
    _sequence(folder, [])
    for number in range(30):
        patient = number // 3
        split = "val" if patient == 7 or (patient > 7 and number % 3 == 0) else "train"
        save(folder / split / "images" / f"p{patient}_{number}.png", picture(number))
        save(folder / split / "masks" / f"p{patient}_{number}.png", ids())


def test_guessed_groups_on_both_sides_are_a_warning(folder, report, only):
    _patients(folder)
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("group-across-splits", "warning")
    assert finding.value == "2 of 10 groups lie in train and in val: p8, p9"
    assert "groups: none" in finding.hint


def test_declared_groups_on_both_sides_are_an_error(folder, report, only):
    _patients(folder)
    (folder / "dataset.yaml").write_text("groups: {pattern: '^(p[0-9]+)'}\n")
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("group-across-splits", "error")
    (folder / "dataset.yaml").write_text("groups: none\n")
    assert report(folder).errors == report(folder).warnings == ()
