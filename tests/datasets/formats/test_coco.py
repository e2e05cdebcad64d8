import json

import numpy as np
import pytest

from intarsia.datasets import Dataset
from intarsia.datasets.formats.coco import unpack
from intarsia.doctor import check
from intarsia.errors import DataError

HEIGHT, WIDTH = 13, 21
SQUARE = [2, 1, 6, 1, 6, 4, 2, 4]  # columns 2 to 5, rows 1 to 3: 12 pixels
NAMES = [f"n{i}.jpg" for i in range(6)]


def annotation(image=1, category=7, segmentation=None, **more):
    shape = [SQUARE] if segmentation is None else segmentation
    return {"image_id": image, "category_id": category, "segmentation": shape, **more}


def coco(annotations, names=NAMES, categories=((7, "cat"), (3, "dog")), size=(HEIGHT, WIDTH)):
    return {
        "info": {"description": "made"},
        "images": [
            {"id": i, "file_name": n, "height": size[0], "width": size[1]}
            for i, n in enumerate(names, 1)
        ],
        "annotations": [{"id": i, **a} for i, a in enumerate(annotations, 1)],
        "categories": [{"id": i, "name": n, "supercategory": "x"} for i, n in categories],
    }


@pytest.fixture
def open_coco(files):
    def open_(content, where="annotations/instances.json", images="images"):
        files.text(where, content if isinstance(content, str) else json.dumps(content))
        for name in NAMES:
            files.image(f"{images}/{name}")
        return Dataset.open(files.root)

    return open_


def mask(data, name):
    sample = next(s for s in data.samples if s.name == name)
    return data.read_mask(sample)


def every(image_ids=range(1, 7), **options):
    return [annotation(i, **options) for i in image_ids]


def test_a_polygon_its_class_and_the_background(open_coco):
    data = open_coco(coco(every()))
    assert data.labels.names == ["background", "cat"]
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[1:4, 2:6] = 1
    np.testing.assert_array_equal(mask(data, "n0"), expected)
    assert sorted(s.name for s in data.samples) == [f"n{i}" for i in range(6)]
    assert any("cat = 1" in note and "background (0)" in note for note in data.notes)
    assert any("nothing is drawn for dog" in note for note in data.notes)


def test_categories_are_classes_in_the_order_of_their_ids(open_coco):
    data = open_coco(coco([*every(), annotation(2, 3, [[10, 5, 12, 5, 12, 7, 10, 7]])]))
    assert data.labels.names == ["background", "dog", "cat"]
    found = mask(data, "n1")
    assert (found == 2).sum() == 12
    assert (found == 1).sum() == 4
    assert (found[5:7, 10:12] == 1).all()


def test_the_smaller_lies_on_top_whatever_the_order(open_coco):
    large, small = [[0, 0, 21, 0, 21, 13, 0, 13]], [SQUARE]
    data = open_coco(coco([annotation(1, 7, small), annotation(1, 3, large), *every(range(2, 7))]))
    found = mask(data, "n0")
    assert (found == data.labels["cat"].id).sum() == 12
    assert (found == data.labels["dog"].id).sum() == 13 * 21 - 12
    assert any("12 pixels in 1 images lie in more than one object" in n for n in data.notes)


def test_parts_of_one_object_are_joined(open_coco):
    parts = [SQUARE, [4, 2, 8, 2, 8, 4, 4, 4]]  # overlap in columns 4, 5 and rows 2, 3
    data = open_coco(coco([annotation(1, 7, parts), *every(range(2, 7))]))
    assert (mask(data, "n0") == 1).sum() == 12 + 8 - 4


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("crowd", [0, 1])
def test_run_lengths_go_down_the_columns(open_coco, compressed, crowd):
    # 13 rows: column 0 is left out, column 1 has rows 2 to 4
    counts = [15, 3, HEIGHT * WIDTH - 18]
    if compressed:
        from pycocotools import mask as reference

        packed = reference.frPyObjects({"size": [HEIGHT, WIDTH], "counts": counts}, HEIGHT, WIDTH)
        counts = packed["counts"].decode()
    rle = {"size": [HEIGHT, WIDTH], "counts": counts}
    data = open_coco(coco([annotation(1, 7, rle, iscrowd=crowd), *every(range(2, 7))]))
    found = mask(data, "n0")
    assert np.argwhere(found == 1).tolist() == [[2, 1], [3, 1], [4, 1]]


def test_compressed_runs_are_those_of_pycocotools():
    from pycocotools import mask as reference

    rng = np.random.default_rng(0)
    for _ in range(100):
        height, width = rng.integers(1, 60, 2)
        drawn = np.asfortranarray(rng.random((height, width)) > rng.random(), np.uint8)
        lengths = unpack(reference.encode(drawn)["counts"].decode())
        flat = np.repeat(np.arange(len(lengths)) % 2, lengths)
        np.testing.assert_array_equal(flat.reshape(width, height).T, drawn)


def test_polygons_as_pycocotools_paints_them_but_for_the_border():
    """Its own rule rounds outlines; inside and outside of them both agree."""
    from pycocotools import mask as reference

    from intarsia.datasets.drawings.areas import Polygon
    from intarsia.datasets.drawings.raster import rasterise
    from intarsia.datasets.drawings.sheet import Stroke

    points = np.array([[3.2, 2.1], [30.7, 5.9], [38.4, 27.3], [17.9, 33.8], [5.5, 20.2]])
    packed = reference.frPyObjects([points.ravel().tolist()], 40, 50)
    lengths = unpack(packed[0]["counts"].decode())
    theirs = np.repeat(np.arange(len(lengths)) % 2, lengths).reshape(50, 40).T
    ours, _ = rasterise([Stroke("a", (Polygon((points,)),))], (40, 50), {"a": 1})
    assert (ours != theirs).sum() < 0.02 * ours.sum()


def test_image_without_annotations_is_all_background_and_said(open_coco):
    data = open_coco(coco(every(range(2, 7))))
    assert not mask(data, "n0").any()
    assert any("nothing is drawn on 1 of 6 images" in note for note in data.notes)


def test_objects_that_cover_everything_leave_no_background(open_coco):
    whole = [[0, 0, 21, 0, 21, 13, 0, 13]]
    data = open_coco(coco([*every(segmentation=whole), annotation(2, 3)]))
    assert data.labels.names == ["dog", "cat"]
    assert (mask(data, "n0") == 1).all()
    assert any("no background class" in note for note in data.notes)


def test_void_is_ignored_and_background_is_background(open_coco):
    categories = ((1, "cat"), (2, "void"), (3, "background"))
    shapes = [annotation(1, 1), annotation(1, 2, [[10, 0, 12, 0, 12, 1, 10, 1]])]
    shapes += [annotation(1, 3, [[2, 1, 3, 1, 3, 2, 2, 2]]), *every(range(2, 7), category=1)]
    data = open_coco(coco(shapes, categories=categories))
    found = mask(data, "n0")
    assert data.labels.names == ["background", "cat"]
    assert data.ignored == ("void",)
    assert (found == 255).sum() == 2
    assert found[1, 2] == 0


@pytest.mark.parametrize("official", [True, False])
def test_a_file_a_split(files, official):
    for split, first in (("train", 0), ("valid", 3)):
        names = NAMES[first : first + 3]
        # ids begin anew in every file, and the categories differ
        categories = ((1, "cat"), (2, "dog")) if first else ((1, "dog"), (2, "cat"))
        content = coco([annotation(1, 1), annotation(2, 2), annotation(3, 1)], names, categories)
        year = split.replace("valid", "val") + "2017"
        where = (
            f"annotations/instances_{year}.json" if official else f"{split}/_annotations.coco.json"
        )
        files.text(where, json.dumps(content))
        for name in names:
            files.image(f"{year if official else split}/{name}")
    if official:
        files.text("annotations/captions_train2017.json", '{"images": [], "licenses": []}')
    data = Dataset.open(files.root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 3, "val": 3}
    assert data.labels.names == ["background", "dog", "cat"]
    folder, second = ("train2017", "val2017") if official else ("train", "valid")
    assert set(np.unique(mask(data, f"{folder}/n0"))) == {0, 1}
    assert set(np.unique(mask(data, f"{second}/n3"))) == {0, 2}
    assert not check(data).errors, str(check(data))
    assert Dataset.from_manifest(json.loads(json.dumps(data.manifest()))) == data


def test_one_name_in_two_splits_means_the_one_in_its_folder(files):
    for split, at in (("train", SQUARE), ("val", [0, 0, 1, 0, 1, 1, 0, 1])):
        content = coco([annotation(1, 7, [at])], ["a.jpg"])
        files.text(f"annotations/instances_{split}.json", json.dumps(content))
        files.image(f"images/{split}/a.jpg")
    data = Dataset.open(files.root)
    assert (mask(data, "train/a") == 1).sum() == 12
    assert (mask(data, "val/a") == 1).sum() == 1


@pytest.mark.parametrize(
    "name",
    [
        "images/n0.jpg",
        "C:\\Users\\me\\n0.jpg",
        "../upload/1/a1b2c3d4-n0.jpg",
        "n0.png",
        "/data/n0.jpg",
    ],
)
def test_names_of_other_machines(open_coco, name):
    data = open_coco(coco(every(), [name, *NAMES[1:]]))
    assert (mask(data, "n0") == 1).sum() == 12


def test_images_apart_and_the_file_alone(files):
    files.text("export.json", json.dumps(coco(every())))
    for name in NAMES:
        files.image(f"photos/{name}")
    apart = Dataset.open(images=files.root / "photos", masks=files.root / "export.json")
    assert (mask(apart, "n0") == 1).sum() == 12
    alone = Dataset.open(files.root / "export.json")
    assert len(alone.samples) == 6
    files.text("set.yaml", "images: photos\nmasks: {dir: export.json}\n")
    assert len(Dataset.open(files.root / "set.yaml").samples) == 6


def test_dataset_yaml_names_the_classes_that_count(open_coco, files):
    files.text("dataset.yaml", "classes: [mouse, cat, background, dog]\n")
    data = open_coco(coco([*every(), annotation(2, 3, [[10, 5, 12, 5, 12, 7, 10, 7]])]))
    assert data.labels.names == ["background", "dog", "cat", "mouse"]
    assert (mask(data, "n1") == 2).sum() == 12
    assert (mask(data, "n1") == 1).sum() == 4


def edited(change):
    content = coco(every())
    change(content)
    return content


FAULTS = [
    (lambda c: c["annotations"][0].update(category_id=99), "annotation 1: unknown category_id 99"),
    (lambda c: c["annotations"][0].update(image_id=99), "no image with the id 99"),
    (lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3, 4, 5]]), "an odd count"),
    (lambda c: c["annotations"][0].update(segmentation=[[1, "x", 3, 4]]), "not pairs of numbers"),
    (lambda c: c["annotations"][0].update(segmentation=[[1e99] * 6]), "no coordinates"),
    (lambda c: c["annotations"][0].update(segmentation=[[10**400] * 6]), "not pairs of numbers"),
    (lambda c: c["annotations"][0].update(segmentation="x"), "neither polygons nor RLE"),
    (
        # whole numbers of 64 bits add up to 273 here
        lambda c: c["annotations"][0].update(
            segmentation={"size": [13, 21], "counts": [2**62] * 4 + [273]}
        ),
        "pixels, not the 273",
    ),
    (lambda c: c["annotations"][0].update(segmentation=[[[1, 2], [3, 4]]]), "nested"),
    (
        lambda c: c["annotations"][0].update(segmentation={"size": [13, 21], "counts": [1, 2]}),
        "has 3 pixels, not the 273",
    ),
    (
        lambda c: c["annotations"][0].update(segmentation={"size": [13, 21], "counts": ";23"}),
        "pixels, not the 273",
    ),
    (
        lambda c: c["annotations"][0].update(segmentation={"size": [13, 21], "counts": "a"}),
        "cut short",
    ),
    (
        lambda c: c["annotations"][0].update(segmentation={"size": [21, 13], "counts": [273]}),
        "RLE is 13 x 21, and the image 21 x 13",
    ),
    (lambda c: c["images"][0].update(width=0), "its size is 0 x 13"),
    (lambda c: c["images"][0].update(width=10**6, height=10**6), "more than an image may have"),
    (lambda c: c["images"][0].update(id=2), "two images have the id 2"),
    (lambda c: c["images"][0].pop("file_name"), "lacks an id or a file_name"),
    (lambda c: c["categories"][0].pop("name"), "lacks an id or a name"),
    (lambda c: c["categories"][0].update(id=3), "two categories have the id 3"),
    (lambda c: [i.update(id={"a": 1}) for i in c["categories"]], "lacks an id or a name"),
    (lambda c: c["categories"][0].update(name="\ud83d"), "half a character"),
    (lambda c: c.pop("annotations"), "not a COCO file"),
    (lambda c: c["annotations"].clear(), "nothing is drawn on any of the 6 images"),
    (
        lambda c: [i.update(file_name="x" + i["file_name"]) for i in c["images"]],
        "none of its 6 images is there",
    ),
    (lambda c: c["images"][1].update(file_name="n0.jpg"), "annotated twice"),
]


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=[m for _, m in FAULTS])
def test_what_is_wrong_is_named_with_the_file(open_coco, change, message):
    with pytest.raises(DataError, match="annot") as caught:
        open_coco(edited(change), "annotations/instances.json")
    assert message in str(caught.value)
    assert "instances.json" in caught.value.where
    assert caught.value.hint


def test_all_faults_at_once(open_coco):
    def change(content):
        for item in content["annotations"][:3]:
            item["category_id"] = 99
        content["images"][5]["width"] = -1

    with pytest.raises(DataError, match="5 faults"):
        open_coco(edited(change))


def test_a_file_that_is_cut_short(open_coco):
    text = json.dumps(coco(every()))
    with pytest.raises(DataError, match="cut short") as caught:
        open_coco(text[: len(text) // 2])
    assert "instances.json" in caught.value.where
    with pytest.raises(DataError, match="not valid JSON"):
        open_coco(text.replace("21", "9" * 5000))
    categories = ((7, "cat \N{GRINNING FACE}"), (3, "dog"))  # two escapes make one character
    data = open_coco(coco(every(), categories=categories))
    assert data.labels.names[1] == "cat \N{GRINNING FACE}"


def test_what_is_left_out_is_said(open_coco):
    shapes = [
        annotation(1, 7, [[1, 1, 5, 5]]),
        annotation(2, 7, [], bbox=[1, 2, 3, 4]),
        annotation(3, 7, [[-50, 1, 6, 1, 6, 4]]),
        *every(range(4, 7)),
    ]
    data = open_coco(coco(shapes, [*NAMES, "gone.jpg"]))
    said = "\n".join(data.notes)
    assert "polygons of fewer than 3 points, which cover nothing, are left out: 1 (n0.jpg)" in said
    assert "boxes only) are left out: 1 (n1.jpg)" in said
    assert "shapes reach beyond the image and are cut at its border: 1 (n2.jpg)" in said
    assert "1 of its 7 images are not there and left out (gone.jpg)" in said


def test_a_size_that_is_not_the_images_is_a_finding(open_coco):
    report = check(open_coco(coco(every(), size=(WIDTH, HEIGHT))))
    found = [f for f in report.errors if f.code == "size-mismatch"]
    assert len(found) == 6
    assert found[0].file == "annotations/instances.json (1)"
    assert "21 x 13" in found[0].value
