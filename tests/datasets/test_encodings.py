import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intarsia.datasets.encodings import MaskEncoding
from intarsia.datasets.scan import count_values
from intarsia.images import RawMask
from intarsia.labels import LabelMap

LABELS = LabelMap.of(["a", "b", "c"])


def raw(values, kind="ids", palette=None):
    return RawMask(np.array(values), kind, palette, "PNG")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int16])
def test_ids(dtype):
    encoding = MaskEncoding("ids", {0: 2, 5: 0, 7: None})
    values = np.array([[0, 5], [7, 9], [9, 0]], dtype)
    ids, unknown = encoding.decode(RawMask(values, "ids", None, "PNG"), LABELS)
    assert ids.dtype == np.uint8
    assert ids.tolist() == [[2, 0], [255, 255], [255, 2]]
    assert unknown == {9: 2}


def test_negative_ids_are_unknown():
    ids, unknown = MaskEncoding("ids", {0: 0, 1: 1}).decode(raw([[-1, 0], [1, 300]]), LABELS)
    assert ids.tolist() == [[255, 0], [1, 255]]
    assert unknown == {-1: 1, 300: 1}


def test_colours_of_every_kind_of_file():
    encoding = MaskEncoding("colors", {(0, 0, 0): 0, (255, 255, 255): 1, (9, 8, 7): None})
    colors = np.array([[[0, 0, 0], [255, 255, 255], [9, 8, 7], [1, 1, 2]]], np.uint8)
    ids, unknown = encoding.decode(raw(colors, "colors"), LABELS)
    assert ids.tolist() == [[0, 1, 255, 255]]
    assert unknown == {(1, 1, 2): 1}
    palette = colors[0]
    assert encoding.decode(raw([[3, 2, 1, 0]], "palette", palette), LABELS)[0].tolist() == [
        [255, 255, 1, 0]
    ]
    assert encoding.decode(raw([[0, 255]]), LABELS)[0].tolist() == [[0, 1]]
    assert encoding.decode(raw([[0, 1]], "bit"), LABELS)[0].tolist() == [[0, 1]]


def test_ids_saved_as_equal_channels_and_true_colours_among_them():
    encoding = MaskEncoding("ids", {1: 0, 2: 1})
    colors = np.array([[[1, 1, 1], [2, 2, 2], [0, 0, 0], [1, 2, 3]]], np.uint8)
    ids, unknown = encoding.decode(raw(colors, "colors"), LABELS)
    assert ids.tolist() == [[0, 1, 255, 255]]
    assert unknown == {0: 1, (1, 2, 3): 1}


def test_black_and_white():
    encoding = MaskEncoding("binary", {0: 0, 255: 1})
    assert encoding.decode(raw([[0, 1]], "bit"), LABELS)[0].tolist() == [[0, 1]]
    assert encoding.decode(raw([[0, 255, 17]]), LABELS)[1] == {17: 1}
    thresholded = MaskEncoding("binary", {0: 0, 255: 1}, threshold=128)
    ids, unknown = thresholded.decode(raw([[0, 127, 128, 255]]), LABELS)
    assert (ids.tolist(), unknown) == ([[0, 0, 1, 1]], {})


def test_json():
    for encoding in (
        MaskEncoding("ids", {0: 0, 255: None}),
        MaskEncoding("colors", {(1, 2, 3): 0, (0, 0, 0): None}),
        MaskEncoding("binary", {0: 0, 255: 1}, threshold=100),
    ):
        assert MaskEncoding.from_json(encoding.to_json()) == encoding


@given(st.lists(st.integers(-5, 70000), max_size=40))
def test_counting_by_runs_is_counting(values):
    array = np.array(values, np.int64)
    found, counts = count_values(array)
    expected = np.unique(array, return_counts=True)
    assert found.tolist() == expected[0].tolist()
    assert counts.tolist() == expected[1].tolist()


def test_a_threshold_keeps_ignored_values():
    encoding = MaskEncoding("binary", {0: 0, 255: 1, 60: None}, threshold=128)
    ids, unknown = encoding.decode(raw([[0, 60, 61, 128]]), LABELS)
    assert (ids.tolist(), unknown) == ([[0, 255, 0, 1]], {})


def test_an_index_past_the_end_of_the_palette_is_unknown():
    encoding = MaskEncoding("colors", {(0, 0, 0): 0, (9, 8, 7): 1})
    palette = np.array([[0, 0, 0], [9, 8, 7]], np.uint8)
    ids, unknown = encoding.decode(raw([[0, 1, 2, 5, 5]], "palette", palette), LABELS)
    assert ids.tolist() == [[0, 1, 255, 255, 255]]
    assert unknown == {2: 1, 5: 2}
    strange = np.array([[0, 0, 0], [1, 1, 1]], np.uint8)
    assert encoding.decode(raw([[1, 2]], "palette", strange), LABELS)[1] == {(1, 1, 1): 1, 2: 1}


def test_large_masks_are_decoded_rows_at_a_time(monkeypatch):
    values = np.random.default_rng(0).integers(0, 5, (37, 53)).astype(np.uint8)
    raw = RawMask(values, "ids", None, "PNG")
    encoding, labels = MaskEncoding("ids", {0: 0, 1: 1, 4: None}), LabelMap.of(["a", "b"])
    whole, unknown = encoding.decode(raw, labels)
    monkeypatch.setattr("intarsia.datasets.encodings._PIXELS_AT_ONCE", 100)
    ids, found = encoding.decode(raw, labels)
    np.testing.assert_array_equal(ids, whole)
    assert found == unknown == {2: (values == 2).sum(), 3: (values == 3).sum()}
