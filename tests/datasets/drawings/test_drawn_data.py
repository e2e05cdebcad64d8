"""A COCO set from opening to training: what was drawn takes the place of mask files."""

import json

import numpy as np
import pytest
from PIL import Image

import intarsia as ia
from intarsia.datasets import Dataset, Drawing
from intarsia.doctor import check
from intarsia.errors import DataError, ImageError

SIZE = (37, 53)
COUNTS = {"train": 6, "val": 3}


def boxes(seed):
    """A cat, and a dog partly over it: x, y, width, height."""
    rng = np.random.default_rng(seed)
    x, y = int(rng.integers(2, 20)), int(rng.integers(2, 12))
    return [(1, x, y, 20, 15), (2, x + 15, y + 10, 10, 8)]


def truth(seed):
    mask = np.zeros(SIZE, np.uint8)
    for value, x, y, width, height in boxes(seed):
        mask[y : y + height, x : x + width] = value
    return mask


@pytest.fixture
def folder(tmp_path):
    """Two splits of photographs with bright cats and dark dogs, each with its COCO file."""
    seed = 0
    for split, count in COUNTS.items():
        content = {
            "images": [],
            "annotations": [],
            "categories": [{"id": 5, "name": "cat"}, {"id": 9, "name": "dog"}],
        }
        for number in range(count):
            seed += 1
            noise = np.random.default_rng(seed).integers(90, 130, (*SIZE, 3), np.uint8)
            shift = np.array([0, 100, -80])[truth(seed)]
            picture = (noise.astype(int) + shift[..., None]).astype(np.uint8)
            path = tmp_path / "images" / split / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
            content["images"].append(
                {"id": number, "file_name": f"{number}.png", "height": SIZE[0], "width": SIZE[1]}
            )
            for value, x, y, width, height in boxes(seed):
                x1, y1 = x + width, y + height
                content["annotations"].append(
                    {
                        "id": 10 * number + value,
                        "image_id": number,
                        "category_id": {1: 5, 2: 9}[value],
                        "segmentation": [[x, y, x1, y, x1, y1, x, y1]],
                        "iscrowd": 0,
                    }
                )
        file = tmp_path / "annotations" / f"instances_{split}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))
    return tmp_path


def edit(folder, split, change):
    path = folder / "annotations" / f"instances_{split}.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=1))


def test_it_opens_gives_masks_and_has_no_faults(folder):
    data = Dataset.open(folder)
    assert {k: len(v) for k, v in data.splits.items()} == COUNTS
    assert data.labels.names == ["background", "cat", "dog"]
    for sample, seed in zip(data.samples, range(1, 10), strict=True):
        assert isinstance(sample.mask, Drawing)
        np.testing.assert_array_equal(data.read_mask(sample), truth(seed))
    report = check(data)
    assert not report.errors, str(report)
    assert not report.warnings, str(report)


def test_the_manifest_restores_it(folder):
    data = Dataset.open(folder)
    manifest = json.loads(json.dumps(data.manifest()))
    again = Dataset.from_manifest(manifest)
    assert again == data
    np.testing.assert_array_equal(again.read_mask(again.samples[0]), truth(1))
    mask = manifest["samples"][0]["mask"]
    assert mask == {
        "source": "annotations/instances_train.json",
        "format": "coco",
        "key": "0",
        "size": [37, 53],
        "values": 0,
        "blank": 0,
    }
    assert manifest["drawn"] == [[["5", 1], ["9", 2]]]


def test_the_hash_is_that_of_the_images_own_annotation(folder):
    before = Dataset.open(folder).manifest()["samples"]

    def move(content):
        content["annotations"][2]["segmentation"][0][0] += 1  # of the image 1
        content["info"] = {"note": "touched"}

    edit(folder, "train", move)
    after = Dataset.open(folder).manifest()["samples"]
    changed = [
        a["name"]
        for a, b in zip(before, after, strict=True)
        if a["mask_sha256"] != b["mask_sha256"]
    ]
    assert changed == ["train/1"]


def test_a_file_that_changes_after_opening_is_read_again(folder):
    data = Dataset.open(folder)
    first = data.samples[0]
    edit(folder, "train", lambda c: c["annotations"].pop(0))
    assert not (data.read_mask(first) == 1).any()
    edit(folder, "train", lambda c: c["images"].clear() or c["annotations"].clear())
    with pytest.raises(ImageError, match="no longer there") as caught:
        data.read_mask(first)
    assert "instances_train.json" in caught.value.where
    (folder / "annotations/instances_train.json").unlink()
    with pytest.raises(ImageError, match="No such file"):
        data.read_mask(first)
    with pytest.raises(DataError):
        data.manifest()


def test_a_manifest_whose_table_is_gone_is_damaged(folder):
    manifest = json.loads(json.dumps(Dataset.open(folder).manifest()))
    manifest["drawn"] = []
    with pytest.raises(DataError, match="manifest is damaged"):
        Dataset.from_manifest(manifest)


def test_ignoring_and_keeping(folder):
    data = Dataset.open(folder)
    ignoring = data.ignoring(["dog"])
    expected = np.where(truth(1) == 2, 255, truth(1))
    np.testing.assert_array_equal(ignoring.read_mask(data.samples[0]), expected)
    keeping = data.keeping(["dog"])
    np.testing.assert_array_equal(keeping.read_mask(data.samples[0]), truth(1) == 2)
    assert Dataset.from_manifest(keeping.manifest()) == keeping


@pytest.mark.slow
def test_training_evaluation_and_the_report_go_on_with_it(folder, tmp_path):
    from intarsia.reporting import write_report

    changes = {"train.epochs": 1, "train.batch_size": 2, "data.image_size": 32}
    recipe = ia.Recipe.load("mini-unet").replace(**changes)
    run = ia.train(Dataset.open(folder), recipe, out=tmp_path / "run", device="cpu")
    sheet = ia.evaluate(run, split="val", device="cpu")
    assert sheet.images == 3
    assert int(np.sum(sheet.confusion_matrix)) == 3 * SIZE[0] * SIZE[1]
    copy = ia.evaluate(run, folder, split="val", device="cpu")
    assert np.array_equal(copy.confusion_matrix, sheet.confusion_matrix)
    page = write_report(run).read_text()
    assert page.count("data:image") > 3
