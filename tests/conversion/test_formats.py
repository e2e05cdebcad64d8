"""What the files hold, by each format's own specification, and what the conversion says."""

import base64
import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from intarsia.conversion import convert
from intarsia.conversion.coco_json import pack
from intarsia.conversion.label_studio_json import pack_brush
from intarsia.conversion.regions import regions, run_lengths, runs_of_values
from intarsia.datasets import Dataset
from intarsia.datasets.formats.coco import unpack
from intarsia.datasets.formats.label_studio import brush_runs

from .made import index, picture, save, text

IDS = np.array([[0, 1, 1, 255], [0, 1, 2, 2], [0, 0, 0, 1]], np.uint8)


@pytest.fixture
def tiny(tmp_path):
    """One image of 3 x 4 with the ids above, and one of background only; train and val."""
    root = tmp_path / "set"
    for name, ids in (("train/a", IDS), ("val/b", np.zeros_like(IDS))):
        split, stem = name.split("/")
        save(root / split / f"images/{stem}.png", picture(1, IDS.shape))
        save(root / split / f"masks/{stem}.png", ids)
    classes = "{id: 0, name: background}, {id: 1, name: car}, {id: 2, name: road, color: '#804000'}"
    text(root / "dataset.yaml", f"classes: [{classes}]\nignore_index: 255\n")
    return Dataset.open(root)


def test_coco_as_its_own_reader_sees_it(tiny, tmp_path, capsys):
    from pycocotools import mask as reference
    from pycocotools.coco import COCO

    out = tmp_path / "out"
    done = convert(tiny, out, "coco")
    train = COCO(out / "annotations/instances_train.json")
    names = {c["id"]: c["name"] for c in train.loadCats(train.getCatIds())}
    assert names == {1: "car", 2: "road", 3: "ignore"}
    (image,) = train.loadImgs(train.getImgIds())
    assert (image["width"], image["height"]) == (4, 3)
    assert (out / image["file_name"]).is_file()
    annotations = train.loadAnns(train.getAnnIds(imgIds=image["id"]))
    found = {names[a["category_id"]]: a for a in annotations}
    for name, value in (("car", 1), ("road", 2), ("ignore", 255)):
        # its decoder warns with numpy 2; of one mask there is one code
        code = train.annToRLE(found[name])
        theirs = reference.encode(np.asfortranarray(value == IDS, np.uint8))
        assert code == {"size": [3, 4], "counts": theirs["counts"].decode()}
        assert reference.area(code) == found[name]["area"]
        assert found[name]["area"] == (value == IDS).sum()
    assert found["car"]["bbox"] == [1, 0, 3, 3]
    assert found["road"]["bbox"] == [2, 1, 2, 1]
    assert len({a["id"] for a in annotations}) == 3
    val = COCO(out / "annotations/instances_val.json")
    assert (len(val.getImgIds()), len(val.getAnnIds())) == (1, 0)
    capsys.readouterr()  # the reader prints
    assert "annotations/instances_train.json: 1 images, 3 masks" in done.notes
    assert any("4.2 % of the pixels" in n and "label ignore" in n for n in done.notes)  # 1 of 24


def test_cvat_has_runs_of_the_box_row_by_row(tiny, tmp_path):
    convert(tiny, tmp_path / "out", "cvat")
    root = ElementTree.parse(tmp_path / "out/annotations.xml").getroot()
    assert root.findtext("version") == "1.1"
    assert [e.text for e in root.iterfind("meta/task/labels/label/name")] == [
        "background",
        "car",
        "road",
        "ignore",
    ]
    assert root.findtext("meta/task/size") == "2"
    first, second = root.iterfind("image")
    assert first.attrib == {
        "id": "0", "name": "train/a.png", "subset": "train", "width": "4", "height": "3",
    }  # fmt: skip
    car, road, ignored = (m.attrib for m in first)
    # car fills of the box rows "1 1 0", "1 0 0", "0 0 1": no run outside first
    assert car["rle"] == "0, 2, 1, 1, 4, 1"
    assert [car[key] for key in ("label", "left", "top", "width", "height")] == [
        "car", "1", "0", "3", "3",
    ]  # fmt: skip
    assert (road["rle"], road["left"], road["top"]) == ("0, 2", "2", "1")
    assert ignored["label"] == "ignore"
    # an image without a shape would count as not annotated
    assert [(m.get("label"), m.get("rle")) for m in second] == [("background", "0, 12")]


def test_labelme_has_a_png_for_the_box_with_both_corners(tiny, tmp_path):
    done = convert(tiny, tmp_path / "out", "labelme")
    content = json.loads((tmp_path / "out/images/train/a.json").read_text())
    assert content["imagePath"] == "a.png"
    assert content["imageData"] is None
    assert (content["imageHeight"], content["imageWidth"]) == (3, 4)
    assert [s["label"] for s in content["shapes"]] == ["car", "road", "__ignore__"]
    for shape, value in zip(content["shapes"], (1, 2, 255), strict=True):
        # as labelme.utils.shapes_to_label paints it
        (x1, y1), (x2, y2) = np.asarray(shape["points"], int)
        packed = Image.open(io.BytesIO(base64.b64decode(shape["mask"])))
        painted = np.zeros(IDS.shape, bool)
        painted[y1 : y2 + 1, x1 : x2 + 1] = np.asarray(packed).astype(bool)
        np.testing.assert_array_equal(painted, value == IDS)
        assert shape["shape_type"] == "mask"
        assert (shape["group_id"], shape["flags"]) == (None, {})
    labels = (tmp_path / "out/labels.txt").read_text().split()
    assert labels == ["__ignore__", "_background_", "car", "road"]
    assert any("only in dataset.yaml" in n and "splits" in n for n in done.notes)


def test_label_studio_has_tasks_and_the_configuration(tiny, tmp_path):
    convert(tiny, tmp_path / "out", "label-studio")
    first, second = json.loads((tmp_path / "out/tasks.json").read_text())
    assert first["data"] == {"image": "/data/local-files/?d=images/train/a.png"}
    results = first["annotations"][0]["result"]
    assert [r["value"]["brushlabels"] for r in results] == [["car"], ["road"], ["ignore"]]
    assert {(r["original_width"], r["original_height"], r["type"]) for r in results} == {
        (4, 3, "brushlabels")
    }
    assert second["annotations"][0]["result"] == []
    config = ElementTree.parse(tmp_path / "out/label_config.xml").getroot()
    tag = config.find("BrushLabels")
    assert {r["from_name"] for r in results} == {tag.get("name")}
    assert (
        {r["to_name"] for r in results} == {tag.get("toName")} == {config.find("Image").get("name")}
    )
    labels = {e.get("value"): e.get("background") for e in tag}
    assert labels["road"] == "#804000"
    assert list(labels) == ["background", "car", "road", "ignore"]


def test_palette_is_voc(tiny, tmp_path):
    convert(tiny, tmp_path / "out", "palette")
    stored = Image.open(tmp_path / "out/SegmentationClass/train/a.png")
    assert stored.mode == "P"
    np.testing.assert_array_equal(np.asarray(stored), IDS)
    assert stored.getpalette()[6:9] == [128, 64, 0]
    assert (tmp_path / "out/JPEGImages/train/a.png").is_file()
    lists = tmp_path / "out/ImageSets/Segmentation"
    assert {p.name: p.read_text() for p in lists.iterdir()} == {
        "train.txt": "train/a\n",
        "val.txt": "val/b\n",
    }
    assert "road:128,64,0::" in (tmp_path / "out/labelmap.txt").read_text()
    # without our own file it is VOC all the same
    (tmp_path / "out/dataset.yaml").unlink()
    again = Dataset.open(tmp_path / "out")
    assert again.layout.startswith("VOC")
    assert again.labels.names == ["background", "car", "road"]
    np.testing.assert_array_equal(again.read_mask(again.split("train")[0]), IDS)


def test_colors_are_told_apart(tmp_path):
    root = tmp_path / "set"
    save(root / "images/a.png", picture(0, IDS.shape))
    save(root / "masks/a.png", IDS)
    colors = "".join(f"{{name: c{i}, color: [0, 0, 0]}}, " for i in range(3))
    text(root / "dataset.yaml", f"classes: [{colors}]\nignore_index: 255\n")
    done = convert(Dataset.open(root), tmp_path / "out", "color")
    stored = np.asarray(Image.open(tmp_path / "out/masks/a.png"))
    assert stored.shape == (3, 4, 3)
    assert len({tuple(c) for c in stored.reshape(-1, 3).tolist()}) == 4
    assert tuple(stored[0, 0]) == (0, 0, 0)
    assert tuple(stored[0, 3]) == (255, 255, 255)  # ignored: black is a class here
    assert any("new colours" in n and "c1, c2" in n for n in done.notes)


BITS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(BITS)
def test_runs_are_those_that_the_readers_take(inside):
    lengths = run_lengths(inside.reshape(-1))
    assert unpack(pack(lengths)) == lengths.tolist()
    read = brush_runs(pack_brush(lengths), inside.size)
    np.testing.assert_array_equal(np.repeat(np.arange(len(read)) % 2, read), inside.reshape(-1))
    ids = inside.astype(np.uint8)
    for value, runs in runs_of_values(ids.reshape(-1)).items():
        np.testing.assert_array_equal(runs, run_lengths(ids.reshape(-1) == value))
    painted = np.zeros_like(ids)
    for region in regions(ids):
        height, width = region.inside.shape
        box = painted[region.top : region.top + height, region.left : region.left + width]
        box[region.inside] = region.value
    np.testing.assert_array_equal(painted, ids)


def test_runs_longer_than_a_brush_allows():
    for lengths in ([0, 40_000], [16_384, 16_385], [70_000, 3, 500_000, 1]):
        packed = pack_brush(np.array(lengths))
        assert brush_runs(packed, sum(lengths)).tolist() == lengths


def test_compressed_runs_are_those_of_pycocotools():
    from pycocotools import mask as reference

    rng = np.random.default_rng(1)
    for _ in range(50):
        height, width = rng.integers(1, 90, 2)
        drawn = np.asfortranarray(rng.random((height, width)) > rng.random(), np.uint8)
        theirs = reference.encode(drawn)["counts"].decode()
        assert pack(run_lengths(drawn.T.reshape(-1) > 0)) == theirs


def test_names_that_mean_something_are_said(tmp_path):
    index(tmp_path / "set")  # classes Background, sky, one without pixels, void
    done = convert(Dataset.open(tmp_path / "set"), tmp_path / "out", "cvat")
    said = "\n".join(done.notes)
    assert "Background as background, void as void_" in said
    assert "no pixel has the class nothing has it" in said
    assert "Background is what no shape covers" in said
