"""Pictures of masks, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from intarsia import draw
from intarsia.errors import DataError
from intarsia.images import Scaling
from intarsia.labels import LabelMap

LABELS = LabelMap.of(["sky", "road", "tree"], [(0, 0, 200), (200, 0, 0), (0, 200, 0)])


@pytest.fixture
def mask():
    """(7, 11): sky above, road below, an ignored column on the left."""
    mask = np.zeros((7, 11), np.uint8)
    mask[4:] = 1
    mask[:, 0] = 255
    return mask


@pytest.fixture
def grey():
    return np.full((7, 11, 3), 100, np.uint8)


def test_overlay_blends_and_leaves_ignored_pixels_bare(grey, mask):
    picture = np.asarray(draw.overlay(grey, mask, LABELS, opacity=0.25))
    assert picture.shape == (7, 11, 3)
    assert picture[0, 5].tolist() == [75, 75, 125]  # 0.75 * 100 + 0.25 * (0, 0, 200)
    assert (picture[:, 0] == 100).all()
    assert picture[3, 5].tolist() == [0, 0, 200]  # the line between sky and road
    assert picture[4, 5].tolist() == [200, 0, 0]


def test_overlay_does_not_change_its_input(grey, mask):
    before = grey.copy(), mask.copy()
    draw.overlay(grey, mask, LABELS)
    draw.contour(grey, mask, LABELS)
    assert (grey == before[0]).all()
    assert (mask == before[1]).all()


def test_overlay_without_opacity_is_the_image(grey, mask):
    assert (np.asarray(draw.overlay(grey, mask, LABELS, opacity=0)) == grey).all()


def test_overlay_reads_a_file(tmp_path, grey, mask):
    file = tmp_path / "grey.png"
    Image.fromarray(grey).save(file)
    from_file = np.asarray(draw.overlay(str(file), mask, LABELS))
    assert (from_file == np.asarray(draw.overlay(grey, mask, LABELS))).all()


def test_overlay_of_16_bit_grey_and_many_classes():
    labels = LabelMap.of([f"class {i}" for i in range(300)])
    mask = np.full((3, 5), 299, np.uint16)
    mask[0, 0] = 65535
    image = np.linspace(0, 60000, 15).astype(np.uint16).reshape(3, 5, 1)
    picture = np.asarray(draw.overlay(image, mask, labels))
    assert picture[0, 0].tolist() == [0, 0, 0]
    expected = (np.array(labels.classes[299].color) + 255) / 2
    assert np.abs(picture[2, 4] - expected).max() <= 1


def test_contour_draws_inside_each_region_with_a_dark_rim(mask):
    white = np.full((7, 11, 3), 250, np.uint8)
    picture = np.asarray(draw.contour(white, mask, LABELS))
    assert picture[3, 5].tolist() == [0, 0, 200]
    assert picture[4, 5].tolist() == [200, 0, 0]
    assert picture[2, 5].tolist() == [125, 125, 125]
    assert picture[0, 5].tolist() == [250, 250, 250]
    assert (picture[:, 0] != [0, 0, 200]).any()  # no line on ignored pixels


def test_error_map(mask):
    prediction = mask.copy()
    prediction[:, 0] = 2  # ignored in truth, so whatever is predicted there does not matter
    prediction[6, 3] = 2
    picture = np.asarray(draw.error_map(mask, prediction, LABELS))
    assert picture[6, 3].tolist() == list(draw.WRONG_COLOR)
    assert (picture[:, 0] == 0).all()
    assert picture[0, 5].tolist() == list(draw.RIGHT_COLOR)
    assert (picture == draw.WRONG_COLOR).all(-1).sum() == 1


@pytest.mark.parametrize("method", [draw.overlay, draw.contour])
def test_sizes_must_agree(method, mask):
    with pytest.raises(DataError, match="7 x 11 on a picture of 11 x 7"):
        method(np.zeros((11, 7, 3), np.uint8), mask, LABELS)


def test_ids_outside_the_classes_are_refused(grey, mask):
    mask[2, 2] = 7
    with pytest.raises(DataError, match="without a class: 7"):
        draw.overlay(grey, mask, LABELS)
    with pytest.raises(DataError, match="without a class: 7"):
        draw.error_map(np.zeros_like(mask), mask, LABELS)


@pytest.mark.parametrize("opacity", [-0.1, 1.5, float("nan")])
def test_opacity_is_checked(grey, mask, opacity):
    with pytest.raises(DataError, match="opacity"):
        draw.overlay(grey, mask, LABELS, opacity=opacity)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_tiny_and_thin_images(size):
    image, mask = np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)
    for picture in (
        draw.overlay(image, mask, LABELS),
        draw.contour(image, mask, LABELS),
        draw.error_map(mask, mask, LABELS),
    ):
        assert picture.size == size[::-1]


def test_displayable():
    assert draw.displayable(np.zeros((2, 3), np.uint8)).shape == (2, 3, 3)
    assert draw.displayable(np.zeros((2, 3, 2), np.uint8)).shape == (2, 3, 3)
    five = np.arange(5, dtype=np.uint8).reshape(1, 1, 5)
    assert draw.displayable(five).tolist() == [[[0, 1, 2]]]
    flat = np.full((2, 3, 1), 7.5, np.float32)  # no range to stretch
    assert (draw.displayable(flat) == 0).all()
    scaled = draw.displayable(np.array([[0, 1000, 9000]], np.uint16), Scaling(0, 2000, "test"))
    assert scaled[0, :, 0].tolist() == [0, 128, 255]


def test_displayable_in_strips_is_the_same(monkeypatch):
    deep = np.random.default_rng(0).integers(0, 3000, (7, 11, 3), np.uint16)
    whole = draw.displayable(deep, Scaling(0, 2000, "test"))
    monkeypatch.setattr(draw, "_VALUES_AT_ONCE", 70)
    assert (draw.displayable(deep, Scaling(0, 2000, "test")) == whole).all()


def test_legend_shows_every_colour_and_wraps():
    wide = np.asarray(draw.legend(LABELS, width=600))
    narrow = np.asarray(draw.legend(LABELS, width=120))
    assert narrow.shape[1] == 120
    assert narrow.shape[0] > 2 * wide.shape[0]
    for picture in (wide, narrow):
        for label in LABELS.classes:
            assert (picture == label.color).all(-1).sum() > 100
    assert (np.asarray(draw.legend(LABELS, ignored=False)) != 0).any(-1).all()


def test_legend_cuts_a_name_that_is_too_long():
    labels = LabelMap.of(["a very long name indeed " * 20, "Straße\n二"])
    assert draw.legend(labels, width=200).width == 200


def test_same_picture_every_time():
    assert draw.legend(LABELS).tobytes() == draw.legend(LABELS).tobytes()
