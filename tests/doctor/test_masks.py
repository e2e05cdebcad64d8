"""Findings about the values of masks."""

import cv2
import numpy as np
import pytest
from PIL import Image

from .conftest import SIZE, ids, save


def test_unknown_values_with_their_counts(named, report, only):
    mask = ids()
    mask[30, :7] = 9
    mask[31, :2] = 12
    save(named / "train/masks/train4.png", mask)
    finding = only(report(named))
    assert (finding.code, finding.severity) == ("unknown-value", "error")
    assert finding.file == "train/masks/train4.png"
    assert finding.value == "9 (7 pixels), 12 (2 pixels)"
    assert "dataset.yaml" in finding.hint


def test_negative_and_large_values(named, report, only):
    mask = ids().astype(np.uint16)
    mask[3, 3] = 40000
    save(named / "train/masks/train4.png", mask)
    assert only(report(named)).value == "40000 (1 pixels)"


def test_masks_that_count_from_one(named, report):
    for path in named.rglob("masks/*.png"):
        mask = ids()
        save(path, np.where(mask == 255, mask, mask + 1).astype(np.uint8))
    result = report(named)
    unknown = [f for f in result.errors if f.code == "counted-from-one"]
    assert len(unknown) == 12
    assert all("count from 1" in f.hint for f in unknown)


@pytest.fixture
def colored(folder):
    """RGB masks with a label map."""
    table = np.zeros((256, 3), np.uint8)
    table[:3] = [[10, 20, 30], [200, 0, 0], [0, 200, 0]]
    for path in folder.rglob("masks/*.png"):
        save(path, table[ids()])
    (folder / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nvoid:0,0,0::\nsky:10,20,30::\nroad:200,0,0::\n"
        "tree:0,200,0::\n"
    )
    return folder


def test_colour_masks(colored, report):
    assert report(colored).errors == ()


def test_unknown_colours_with_their_counts(colored, report, only):
    mask = np.asarray(Image.open(colored / "val/masks/val0.png")).copy()
    mask[5, :4] = (1, 2, 3)
    save(colored / "val/masks/val0.png", mask)
    finding = only(report(colored))
    assert (finding.code, finding.severity) == ("unknown-color", "error")
    assert finding.value == "#010203 (4 pixels)"
    assert "labelmap.txt" in finding.hint


def _binary(folder, change=lambda mask: mask):
    shape = np.zeros(SIZE, np.uint8)
    cv2.circle(shape, (25, 18), 12, 255, -1)
    for path in folder.rglob("masks/*.png"):
        save(path, change(shape))


def test_jpeg_masks_are_lossy(folder, report):
    _binary(folder)
    mask = np.asarray(Image.open(folder / "train/masks/train0.png"))
    (folder / "train/masks/train0.png").unlink()
    save(folder / "train/masks/train0.jpg", mask, quality=60)
    found = [f for f in report(folder).errors if f.file == "train/masks/train0.jpg"]
    assert [f.code for f in found] == ["lossy-mask"]
    assert "JPEG" in found[0].value


def test_smoothed_binary_masks(folder, report):
    _binary(folder, lambda mask: cv2.GaussianBlur(mask, (5, 5), 0))
    result = report(folder)
    found = [f for f in result.findings if f.code == "blurred-mask"]
    assert len(found) == 12
    assert "threshold" in found[0].hint


def test_one_smoothed_mask_of_ids(named, report, only):
    """Ids 0, 100 and 200, scaled with interpolation, give values between."""
    (named / "dataset.yaml").write_text(
        "classes:\n  - {id: 0, name: sky}\n  - {id: 1, name: road}\n  - {id: 2, name: tree}\n"
        "ignore_index: 255\nmasks: {encoding: ids, map: {0: 0, 100: 1, 200: 2}}\n"
    )
    table = np.zeros(256, np.uint8)
    table[:3], table[255] = (0, 100, 200), 255
    for path in named.rglob("masks/*.png"):
        save(path, table[ids()])
    disc = np.zeros((4 * SIZE[0], 4 * SIZE[1]), np.uint8)
    cv2.circle(disc, (100, 74), 50, 200, -1)
    cv2.circle(disc, (60, 40), 30, 100, -1)
    save(
        named / "train/masks/train5.png",
        cv2.resize(disc, SIZE[::-1], interpolation=cv2.INTER_AREA),
    )
    finding = only(report(named))
    assert finding.code == "blurred-mask"
    assert finding.severity == "error"  # its values are no class, so it cannot be read
    assert "of no class" in finding.value


def test_thin_classes_are_no_smoothing(folder, report):
    """Real one-pixel lines of a class between its neighbours' ids."""
    for path in folder.rglob("masks/*.png"):
        mask = ids()
        mask[10], mask[24] = 1, 1
        mask[10:25, 20] = 2
        mask[5, 5:9] = 2
        save(path, mask)
    assert report(folder).warnings == ()


def test_all_ignored(folder, report, only):
    save(folder / "train/masks/train1.png", np.full(SIZE, 255, np.uint8))
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("all-ignored", "warning")
    assert finding.file == "train/masks/train1.png"


def test_empty_binary_masks_are_a_warning(folder, report, only):
    _binary(folder)
    save(folder / "test/masks/test0.png", np.zeros(SIZE, np.uint8))
    finding = only(report(folder))
    assert (finding.code, finding.severity) == ("empty-mask", "warning")


def test_palette_and_one_bit_masks_are_fine(folder, report):
    for path in folder.rglob("masks/*.png"):
        image = Image.fromarray(ids())
        image.putpalette([50, 60, 70, 200, 0, 0, 0, 200, 0])
        image.save(path)
    assert report(folder).errors == ()
    for path in folder.rglob("masks/*.png"):
        Image.fromarray(ids() == 1).save(path)
    assert report(folder).errors == ()


def test_greys_among_black_and_white_name_the_threshold(folder, report):
    _binary(folder)
    mask = np.zeros(SIZE, np.uint8)
    mask[5:30] = 255
    mask[10:20, 10:20] = 77  # an area, not a border
    save(folder / "train/masks/train0.png", mask)
    (folder / "dataset.yaml").write_text("masks: {encoding: binary}\n")
    found = [f for f in report(folder).errors if f.file == "train/masks/train0.png"]
    assert [f.code for f in found] == ["unknown-value"]
    assert "threshold: 128" in found[0].hint


def test_smoothed_colour_masks_are_an_error_where_most_classes_are_borders(folder, report):
    """Red on black, scaled with interpolation: the dark reds between become classes."""
    big = np.zeros((8 * SIZE[0], 8 * SIZE[1], 3), np.uint8)
    cv2.circle(big, (200, 140), 90, (200, 0, 0), -1)
    smooth = cv2.resize(big, SIZE[::-1], interpolation=cv2.INTER_AREA)
    smooth[..., 0] = np.round(smooth[..., 0] / 20) * 20  # 0, 20, ... 200
    for path in folder.rglob("masks/*.png"):
        save(path, smooth)
    found = [f for f in report(folder).errors if f.code == "blurred-mask"]
    assert len(found) == 12
    assert " of the 11 classes are such values" in found[0].hint


def test_background_alone_is_said_for_two_classes_of_any_file(folder, report, only):
    for path in folder.rglob("masks/*.png"):
        save(path, (ids() == 1).astype(np.uint8))
    save(folder / "test/masks/test0.png", np.zeros(SIZE, np.uint8))
    finding = only(report(folder))
    assert (finding.code, finding.file) == ("empty-mask", "test/masks/test0.png")


def test_masks_that_are_all_jpegs_say_that_and_nothing_of_their_classes(folder, report):
    for path in folder.rglob("masks/*.png"):
        path.unlink()
        save(path.with_suffix(".jpg"), ids() * 100, quality=80)
    result = report(folder)
    assert {f.code for f in result.errors} == {"lossy-mask"}
    assert result.warnings == ()


@pytest.mark.parametrize(("options", "lossy"), [({"lossless": True}, 0), ({"quality": 80}, 1)])
def test_webp_masks_behind_a_long_colour_profile(named, report, options, lossy):
    (named / "train/masks/train4.png").unlink()
    grey = np.repeat(ids()[:, :, None], 3, axis=2)
    save(named / "train/masks/train4.webp", grey, icc_profile=b"VP8L" * 3000, **options)
    assert [f.code for f in report(named).errors].count("lossy-mask") == lossy
