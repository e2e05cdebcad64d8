import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.datasets.formats.label_studio import brush_runs
from intarsia.errors import DataError

HEIGHT, WIDTH = 13, 21
NAMES = [f"n{i}.jpg" for i in range(6)]
X, Y = 100 / WIDTH, 100 / HEIGHT  # a pixel in percent


def packed(bits: str) -> list[int]:
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def brush(mask) -> list[int]:
    """The packing written as its description says: runs where words repeat, else single words."""
    words = np.repeat(np.asarray(mask, np.uint8).ravel() * 200, 4).tolist()
    bits = f"{len(words):032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and words[end] == words[at] and end - at < 60000:
            end += 1
        if end - at > 16:
            bits += f"1 11 {end - at - 1:016b} {words[at]:08b}"
        else:
            end = min(at + 8, len(words))
            bits += f"0 00 {end - at - 1:03b}" + "".join(f"{w:08b}" for w in words[at:end])
        at = end
    return packed(bits.replace(" ", ""))


def result(value, kind="polygonlabels", label="cat", **more):
    return {
        "id": "x1",
        "type": kind,
        "value": {**value, kind: [label]},
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "from_name": "tag",
        "to_name": "image",
        **more,
    }


def polygon(*points, **more):
    return result({"points": [[x * X, y * Y] for x, y in points], "closed": True}, **more)


SQUARE = ((2, 1), (6, 1), (6, 4), (2, 4))


def annotated(*results, updated="2024-01-01T00:00:00Z", **more):
    return {"id": 1, "result": list(results), "was_cancelled": False, "updated_at": updated, **more}


def task(id_, *annotations, image=None):
    name = image or f"/data/upload/3/a1b2c3d4-n{id_}.jpg"
    return {"id": id_, "annotations": list(annotations), "data": {"image": name}, "project": 3}


@pytest.fixture
def opened(files):
    """Six tasks, the first of them with these annotations."""

    def open_(*first, image=None, names=NAMES):
        tasks = [task(0, *first, image=image)]
        tasks += [task(i, annotated(polygon(*SQUARE))) for i in range(1, 6)]
        files.text("project-3-at-2024.json", json.dumps(tasks))
        for name in names:
            files.image(f"images/{name}")
        return Dataset.open(files.root)

    return open_


def found(data, name="n0"):
    return data.read_mask(next(s for s in data.samples if s.name == name))


def pixels(mask, value=1):
    return [tuple(at) for at in np.argwhere(mask == value).tolist()]


def test_a_polygon_in_percent_and_the_prefix_of_the_upload(opened):
    data = opened(annotated(polygon(*SQUARE)))
    assert data.labels.names == ["background", "cat"]
    assert (found(data)[1:4, 2:6] == 1).all()
    assert (found(data) == 1).sum() == 12
    assert any("called otherwise" in note and "a1b2c3d4-n0.jpg" in note for note in data.notes)


def test_a_brush_written_out_bit_by_bit():
    """Two pixels, four words each: a run of four 0, then a run of four 255."""
    bits = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    bits += "1" + "00" + "011" + "00000000" + "1" + "00" + "011" + "11111111"
    assert brush_runs(bytes(packed(bits)), 2).tolist() == [1, 1]
    bits = bits[:53] + "0" + "00" + "111" + "00000000" * 3 + "00000001" + "00000000" * 4
    assert brush_runs(bytes(packed(bits)), 2).tolist() == [0, 1, 1]


def test_a_brush(opened):
    drawn = np.zeros((HEIGHT, WIDTH), bool)
    drawn[3:9, 4:17] = True
    drawn[5, 7:10] = False
    drawn[0, 0] = drawn[12, 20] = True
    value = {"format": "rle", "rle": brush(drawn)}
    data = opened(
        annotated(result(value, "brushlabels", "dog"), polygon((0, 0), (1, 0), (1, 1), (0, 1)))
    )
    assert data.labels.names == ["background", "cat", "dog"]
    drawn[0, 0] = False
    np.testing.assert_array_equal(found(data) == 2, drawn)
    assert found(data)[0, 0] == 1  # the later lies on top


def test_a_box_turns_about_its_upper_left_corner(opened):
    box = {"x": 5 * X, "y": 4 * Y, "width": 3 * X, "height": 1 * Y, "rotation": 90}
    data = opened(annotated(result(box, "rectanglelabels")))
    # turned clockwise, the bar of 3 x 1 hangs down from (5, 4), to its left
    assert pixels(found(data)) == [(4, 4), (5, 4), (6, 4)]


def test_an_ellipse(opened):
    round_ = {"x": 5.5 * X, "y": 5.5 * Y, "radiusX": 1.2 * X, "radiusY": 1.2 * Y}
    data = opened(annotated(result(round_, "ellipselabels")))
    assert pixels(found(data)) == [(4, 5), (5, 4), (5, 5), (5, 6), (6, 5)]


def test_of_several_annotators_the_last_that_was_not_skipped(opened):
    early = annotated(polygon(*SQUARE, label="early"), updated="2024-01-03T00:00:00Z")
    late = annotated(polygon(*SQUARE, label="late"), updated="2024-01-05T00:00:00Z")
    gone = annotated(polygon(*SQUARE, label="gone"), updated="2024-01-09", was_cancelled=True)
    data = opened(late, early, gone)
    assert data.labels.names == ["background", "cat", "late"]
    assert any("several annotations use one" in n and "task 0" in n for n in data.notes)
    data = opened(late, {**early, "ground_truth": True})
    assert data.labels.names == ["background", "cat", "early"]


def test_skipped_and_unfinished_tasks_are_not_annotated_and_empty_ones_are(opened):
    skipped = opened(annotated(polygon(*SQUARE), was_cancelled=True))
    assert next(s for s in skipped.samples if s.name == "n0").mask is None
    assert any("skipped tasks are left out" in note for note in skipped.notes)
    waiting = opened()
    assert next(s for s in waiting.samples if s.name == "n0").mask is None
    assert any("tasks without an annotation" in note for note in waiting.notes)
    empty = opened(annotated())
    assert not found(empty).any()
    assert any("nothing is drawn on 1 of 6 images" in note for note in empty.notes)


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("/data/local-files/?d=photos/my%20cat.jpg", "my cat.jpg"),
        ("s3://bucket/photos/my cat.jpg", "my cat.jpg"),
        ("https://example.com/x/cat.jpg?token=a%2Fb", "cat.jpg"),
        ("/data/upload/1/0123abcd-my_cat_1.jpg", "my cat (1).jpg"),
        ("/data/upload/1/0123abcd-cat.jpg", "0123abcd-cat.jpg"),
    ],
)
def test_names_of_images(opened, image, file):
    data = opened(annotated(polygon(*SQUARE)), image=image, names=[file, *NAMES[1:]])
    assert (found(data, file.removesuffix(".jpg")) == 1).sum() == 12


def test_the_image_among_other_fields_of_a_task(opened, files):
    opened(annotated(polygon(*SQUARE)))
    tasks = json.loads((files.root / "project-3-at-2024.json").read_text())
    tasks[0]["data"] = {"patient": "p7", "photo": "/data/upload/3/a1b2c3d4-n0.jpg"}
    files.text("project-3-at-2024.json", json.dumps(tasks))
    assert (found(Dataset.open(files.root)) == 1).sum() == 12


def test_brushes_as_png_name_the_export_to_choose(files):
    for i in range(2):
        files.image(f"images/n{i}.jpg")
        files.mask(f"masks/task-{i}-annotation-2-by-1-tag-Cat-0.png")
    with pytest.raises(DataError, match="brush export") as caught:
        Dataset.open(files.root)
    assert '"JSON"' in caught.value.hint
    files.text("export.json", json.dumps([task(0, annotated(polygon(*SQUARE)))]))
    assert (found(Dataset.open(files.root)) == 1).sum() == 12


def changed(**more):
    return {**polygon(*SQUARE), **more}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (changed(original_width=0), "its size is 0 x 13"),
        (changed(original_height=None), "its size is 21 x None"),
        (changed(original_width=22), "its image is 22 x 13, that of the results before it 21 x 13"),
        (result({"points": [[1, 2, 3]]}), "an odd count"),
        (result({"points": [[1, 10**400]]}), "not pairs of numbers"),
        (polygon(*SQUARE, image_rotation=90), "a picture turned by 90 degrees"),
        (result({"imageDataURL": "data:,"}, "bitmasklabels"), "not a PNG in base64"),
        (result({"x": 1, "y": 2, "width": "w", "height": 1}, "rectanglelabels"), "width is 'w'"),
        (result({"rle": [0, 0, 4, 68, 57]}, "brushlabels"), "not a list of bytes"),
        (result({"rle": [0, 0, 4, 300] * 3}, "brushlabels"), "not a list of bytes"),
        (result({"rle": [0, 0, 0, 8] * 3}, "brushlabels"), "has 8 bytes, not the 1092"),
        (
            result({"rle": brush(np.eye(HEIGHT, WIDTH))[:60]}, "brushlabels"),
            "its brush is cut short",
        ),
    ],
)
def test_faults_name_the_file_and_the_task(opened, bad, message):
    with pytest.raises(DataError, match="task 0") as caught:
        opened(annotated(polygon(*SQUARE), bad))
    assert message in caught.value.what
    assert caught.value.where.endswith(".json")
    assert caught.value.hint


def test_what_is_left_out_is_said(opened):
    label = polygon((1, 1), (5, 5))
    none = polygon(*SQUARE)
    none["value"]["polygonlabels"] = []
    several = polygon(*SQUARE)
    several["value"]["polygonlabels"] = ["cat", "dog"]
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    far = polygon((-9, 0), (3, 0), (3, 3))
    point = result({"x": 3, "y": 4, "width": 1}, "keypointlabels")
    data = opened(annotated(label, none, several, choice, far, point))
    said = "\n".join(data.notes)
    assert "fewer than 3 points" in said
    assert "shapes without a label are left out" in said
    assert "several labels count as the first" in said
    assert "key points and vectors, which have no area, are left out" in said
    assert "reach beyond the image" in said


def test_another_export(files):
    files.image("images/n0.jpg")
    files.text("min.json", json.dumps([{"image": "n0.jpg", "id": 1, "tag": [], "annotator": 1}]))
    with pytest.raises(DataError, match="not the full JSON export") as caught:
        Dataset.open(files.root)
    assert "JSON-MIN" in caught.value.hint


def test_a_task_twice_and_an_image_twice(opened, files):
    opened(annotated(polygon(*SQUARE)))
    tasks = json.loads((files.root / "project-3-at-2024.json").read_text())
    files.text("project-3-at-2024.json", json.dumps([*tasks, tasks[0]]))
    with pytest.raises(DataError, match="id stands twice"):
        Dataset.open(files.root)
    files.text("project-3-at-2024.json", json.dumps([*tasks, {**tasks[0], "id": 77}]))
    with pytest.raises(DataError, match="annotated twice"):
        Dataset.open(files.root)


def test_grey_images_are_no_trouble(opened, files):
    opened(annotated(polygon(*SQUARE)))
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(files.root / "images/n0.jpg")
    assert (found(Dataset.open(files.root)) == 1).sum() == 12


def test_a_bitmask_is_black_on_transparent(opened):
    """labelstud.io/tags/bitmasklabels: a PNG as a data URL."""
    drawn = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    drawn[3:9, 4:17, 3] = 255
    packed = io.BytesIO()
    Image.fromarray(drawn).save(packed, "PNG")
    url = "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode()
    data = opened(annotated(result({"imageDataURL": url}, "bitmasklabels")))
    np.testing.assert_array_equal(found(data) == 1, drawn[:, :, 3] > 0)
