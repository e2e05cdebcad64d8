import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.errors import DataError

NAMES = [f"n{i}" for i in range(6)]


def png(array) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.array(array, np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def shape(label="cat", points=((2, 1), (6, 1), (6, 4), (2, 4)), kind="polygon", **more):
    return {
        "label": label,
        "points": points,
        "shape_type": kind,
        "group_id": None,
        "flags": {},
        **more,
    }


def labelme(*shapes, name="n0.jpg", **more):
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": name,
        "imageData": "never looked at",
        "imageHeight": 13,
        "imageWidth": 21,
        **more,
    }


@pytest.fixture
def opened(files):
    """Six images with one shape each, the first with these shapes instead."""

    def open_(*shapes, folder="", **more):
        for name in NAMES:
            files.image(f"{name}.jpg")
            content = labelme(*shapes, **more) if name == "n0" else labelme(shape())
            files.text(f"{folder}{name}.json", json.dumps(content))
        return Dataset.open(files.root)

    return open_


def found(data, name="n0"):
    return data.read_mask(next(s for s in data.samples if s.name == name))


def pixels(mask, value=1):
    return [tuple(at) for at in np.argwhere(mask == value).tolist()]


def test_polygons_and_the_order_of_painting(opened):
    data = opened(shape(), shape("dog", ((3, 1), (5, 1), (5, 2), (3, 2))))
    assert data.labels.names == ["background", "cat", "dog"]
    assert pixels(found(data), 2) == [(1, 3), (1, 4)]
    assert (found(data) == 1).sum() == 10
    assert any("2 pixels in 1 images" in note for note in data.notes)


def test_two_points_make_a_rectangle_in_any_direction(opened):
    data = opened(shape(points=[[6, 4], [2, 1]], kind="rectangle"))
    np.testing.assert_array_equal(found(data), found(data, "n1"))
    assert (found(data)[1:4, 2:6] == 1).all()


def test_a_circle_by_its_centre_and_a_point_on_it(opened):
    data = opened(shape(points=[[5.5, 5.5], [6.6, 5.5]], kind="circle"))
    assert pixels(found(data)) == [(4, 5), (5, 4), (5, 5), (5, 6), (6, 5)]


def test_a_mask_fills_the_box_with_both_its_corners(opened):
    data = opened(shape(points=[[3, 2], [5, 3]], kind="mask", mask=png([[255, 0, 1], [0, 0, 9]])))
    assert pixels(found(data)) == [(2, 3), (2, 5), (3, 5)]


def test_ignored_and_background_labels(opened):
    ignored = shape("__ignore__", ((0, 0), (2, 0), (2, 1), (0, 1)))
    hole = shape("_background_", ((2, 1), (3, 1), (3, 2), (2, 2)))
    data = opened(shape(), ignored, hole)
    assert data.labels.names == ["background", "cat"]
    assert pixels(found(data), 255) == [(0, 0), (0, 1)]
    assert found(data)[1, 2] == 0
    assert (found(data) == 1).sum() == 11


def test_no_shapes_mean_background_and_no_file_means_not_annotated(opened, files):
    files.image("later.jpg")
    data = opened()
    assert not found(data).any()
    assert any("nothing is drawn on 1 of 6" in note for note in data.notes)
    assert any("1 images have no JSON" in note and "later.jpg" in note for note in data.notes)


def test_files_apart_and_without_size(opened, files):
    data = opened(shape(), folder="jsons/", imageHeight=None, imageWidth=None)
    assert (found(data) == 1).sum() == 12
    assert data.samples[0].mask.size == (13, 21)


def test_a_folder_of_json_named_as_the_masks(opened, files):
    opened(shape(), folder="jsons/")
    (files.root / "photos").mkdir()
    for path in files.root.glob("*.jpg"):
        path.rename(files.root / "photos" / path.name)
    data = Dataset.open(images=files.root / "photos", masks=files.root / "jsons")
    assert len(data.samples) == 6
    assert (found(data) == 1).sum() == 12


def test_split_folders(files):
    for split in ("train", "val"):
        for name in NAMES[:3]:
            files.image(f"{split}/{name}.jpg")
            files.text(f"{split}/{name}.json", json.dumps(labelme(shape(), name=f"{name}.jpg")))
    data = Dataset.open(files.root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 3, "val": 3}


def test_a_file_without_its_image_is_alone(opened, files):
    files.text("gone.json", json.dumps(labelme(shape(), name="gone.jpg")))
    data = opened(shape())
    assert [p.name for p in data.unpaired_masks] == ["gone.json"]


@pytest.mark.parametrize(
    ("kind", "points", "said"),
    [
        ("point", [[1, 1]], "points and lines"),
        ("linestrip", [[1, 1], [5, 5]], "points and lines"),
        ("polygon", [[1, 1], [5, 5]], "fewer than 3 points"),
        ("polygon", [[-9, 1], [5, 5], [1, 5]], "reach beyond the image"),
        ("polygon", [], "without any point"),
    ],
)
def test_what_covers_nothing_is_said(opened, kind, points, said):
    data = opened(shape(points=points, kind=kind))
    assert any(said in note and "n0.json" in note for note in data.notes)


BOX = [[3, 2], [5, 3]]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (shape(label=None), "its label is None"),
        (shape(points=[[1, 2, 3]]), "an odd count"),
        (shape(points="abc"), "not pairs of numbers"),
        (shape(points=[[1, float("nan")]]), "no coordinates"),
        (shape(points=[[1, 2]] * 3, kind="circle"), "a circle has 2 points, not 3"),
        (shape(points=BOX, kind="mask", mask=None), "not a PNG in base64"),
        (shape(points=BOX, kind="mask", mask="!!"), "not base64"),
        (shape(points=BOX, kind="mask", mask=png([[1]])), "its mask is 1 x 1, and its box 3 x 2"),
        ("a string", "not a JSON object"),
    ],
)
def test_faults_name_the_file_and_the_shape(opened, bad, message):
    with pytest.raises(DataError, match="shape 2") as caught:
        opened(shape(), bad)
    assert message in caught.value.what
    assert caught.value.where.endswith("n0.json")
    assert caught.value.hint


def test_a_size_that_is_none(opened):
    with pytest.raises(DataError, match="its size is -3 x 13"):
        opened(shape(), imageWidth=-3)


def test_all_damaged_files_are_named(opened, files):
    opened(shape())
    for name in ("n1", "n2"):
        text = (files.root / f"{name}.json").read_text()
        files.text(f"{name}.json", text[: len(text) // 2])
    with pytest.raises(DataError, match="2 LabelMe files are damaged") as caught:
        Dataset.open(files.root)
    assert "n1.json" in caught.value.what
    assert "n2.json" in caught.value.what


def test_a_damaged_png_is_a_fault_of_that_image(opened):
    packed = base64.b64decode(png([[255, 0, 1], [0, 0, 9]]))
    cut = base64.b64encode(packed[:40]).decode()
    data = opened(shape(points=BOX, kind="mask", mask=cut))
    with pytest.raises(DataError, match="PNG of a mask shape is damaged") as caught:
        found(data)
    assert "n0.json" in caught.value.where
