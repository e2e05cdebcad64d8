import json

import numpy as np
import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

NAMES = [f"n{i}.jpg" for i in range(6)]
POLYGON = '<polygon label="cat" occluded="0" points="2,1;6,1;6,4;2,4" z_order="0"></polygon>'
META = "<meta><task><labels>{}</labels></task></meta>"


def cvat(first=POLYGON, *, labels=("dog", "cat"), names=NAMES, rest=POLYGON, size=(13, 21)):
    meta = "".join(f"<label><name>{n}</name><color>#ff0000</color></label>" for n in labels)
    images = "".join(
        f'<image id="{i}" name="{n}" width="{size[1]}" height="{size[0]}">'
        f"{rest if i else first}</image>"
        for i, n in enumerate(names)
    )
    head = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>'
    return f"{head}{META.format(meta)}{images}</annotations>"


@pytest.fixture
def opened(files):
    def open_(content):
        files.text("annotations.xml", content)
        for name in NAMES:
            files.image(f"images/{name}")
        return Dataset.open(files.root)

    return open_


def found(data, name="n0"):
    return data.read_mask(next(s for s in data.samples if s.name == name))


def pixels(mask, value=1):
    return [tuple(at) for at in np.argwhere(mask == value).tolist()]


def test_a_polygon(opened):
    data = opened(cvat())
    assert data.labels.names == ["background", "cat"]
    assert (found(data)[1:4, 2:6] == 1).all()
    assert (found(data) == 1).sum() == 12
    assert any("nothing is drawn for dog" in note for note in data.notes)


def test_the_higher_z_order_lies_on_top(opened):
    """The dog stands later in the file, and lies below."""
    dog = '<box label="dog" xtl="0" ytl="0" xbr="21" ybr="13" z_order="-1"/>'
    data = opened(cvat(POLYGON + dog))
    assert data.labels.names == ["background", "dog", "cat"]  # the order of the task's labels
    assert (found(data) == 2).sum() == 12
    assert (found(data) == 1).sum() == 13 * 21 - 12


def test_a_box_turned_about_its_middle(opened):
    data = opened(
        cvat('<box label="cat" xtl="4" ytl="5" xbr="7" ybr="6" rotation="90" z_order="0"/>')
    )
    assert pixels(found(data)) == [(4, 5), (5, 5), (6, 5)]


def test_an_ellipse(opened):
    data = opened(cvat('<ellipse label="cat" cx="5.5" cy="5.5" rx="2.2" ry="0.6" z_order="0"/>'))
    assert pixels(found(data)) == [(5, c) for c in range(3, 8)]


def test_a_mask_goes_along_the_rows_of_its_box(opened):
    """Runs 1, 2, 2, 1 in a box of 3 x 2: of six pixels the second, third and sixth."""
    data = opened(
        cvat(
            '<mask label="cat" rle="1, 2, 2, 1" left="4" top="2" width="3" height="2" z_order="0"/>'
        )
    )
    assert pixels(found(data)) == [(2, 5), (2, 6), (3, 6)]


def test_frames_without_shapes_are_not_annotated(opened):
    data = opened(cvat(""))
    first = next(s for s in data.samples if s.name == "n0")
    assert first.mask is None
    assert first.split is None
    assert sum(len(samples) for samples in data.splits.values()) == 5
    assert any("1 of 6 images are not annotated" in n and "n0.jpg" in n for n in data.notes)
    assert not [f for f in check(data).errors if f.code == "missing-mask"]
    assert Dataset.from_manifest(json.loads(json.dumps(data.manifest()))) == data


def test_subsets_are_splits(opened):
    text = cvat()
    for i, name in enumerate(NAMES):
        text = text.replace(
            f'name="{name}"', f'name="{name}" subset="{"Train" if i < 4 else "val"}"'
        )
    assert {k: len(v) for k, v in opened(text).splits.items()} == {"train": 4, "val": 2}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ('<polyline label="cat" points="1,1;5,5"/>', "have no area"),
        ('<polygon label="cat" points="1,1;5,5"/>', "fewer than 3 points"),
        ('<polygon label="cat" points="-9,1;5,5;1,5"/>', "reach beyond the image"),
        ('<mask label="cat" rle="0,4" left="20" top="0" width="2" height="2"/>', "reach beyond"),
    ],
)
def test_what_is_left_out_or_cut_is_said(opened, shape, said):
    data = opened(cvat(shape + POLYGON))
    assert any(said in note and "n0.jpg" in note for note in data.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (cvat('<polygon label="cow" points="1,1;5,1;5,5"/>'), "unknown label 'cow'"),
        (cvat('<polygon label="cat" points="1,1;5;5,5"/>'), "not pairs of numbers"),
        (cvat('<polygon label="cat" points="1,1;nan,1;5,5"/>'), "no coordinates"),
        (cvat('<box label="cat" xtl="1" ytl="1" xbr="x" ybr="2"/>'), "xbr is 'x', not a number"),
        (cvat('<box label="cat" xtl="1" ytl="1" xbr="2"/>'), "ybr is None"),
        (
            cvat('<mask label="cat" rle="1,2" left="4" top="2" width="3" height="2"/>'),
            "has 3 pixels, not the 6",
        ),
        (
            cvat('<mask label="cat" rle="a,2" left="4" top="2" width="3" height="2"/>'),
            "not a list of whole numbers",
        ),
        (cvat(size=(0, 21)), "its size is 21 x 0"),
        (cvat(names=["n0.jpg", "n0.jpg"]), "stands twice"),
        (cvat(names=["", "n0.jpg"]), "is missing"),
        (cvat("", rest=""), "nothing is drawn on any of the 6 images"),
        (cvat(names=["a.jpg"]), "none of its 1 images is there"),
        (cvat()[:-40], "cut short"),
        (cvat().replace('encoding="utf-8"', 'encoding="bogus"'), "bogus"),
        (cvat().replace('encoding="utf-8"', 'encoding="utf-7"'), "not valid XML"),
        (cvat().replace("</meta>", "</meta><track/>"), "CVAT for video"),
        (
            cvat().replace("\n<annotations>", '\n<!DOCTYPE a [<!ENTITY b "c">]><annotations>'),
            "document type",
        ),
    ],
)
def test_faults_name_the_file(opened, content, message):
    with pytest.raises(DataError) as caught:
        opened(content)
    assert message in caught.value.what
    assert caught.value.where.endswith("annotations.xml")
    assert caught.value.hint
