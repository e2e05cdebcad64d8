"""dataset.yaml as `--write` writes it: opened again, the same data set."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.datasets.declaration import describe, write_description
from intarsia.errors import DataError


def _same(first: Dataset, second: Dataset) -> None:
    assert second.samples == first.samples
    assert second.labels == first.labels
    assert second.encoding == first.encoding
    assert second.channels == first.channels
    assert (second.scaling.low, second.scaling.high) == (first.scaling.low, first.scaling.high)
    for one, other in zip(first.samples, second.samples, strict=True):
        assert np.array_equal(first.read_mask(one), second.read_mask(other))


def _written(files, **options) -> Dataset:
    first = Dataset.open(files.root, **options)
    path = write_description(first)
    assert path == files.root / "dataset.yaml"
    second = Dataset.open(files.root)
    _same(first, second)
    return second


NAMES = [f"p{n // 3}_{n}" for n in range(36)]


@pytest.mark.parametrize(
    "values",
    [(0, 1, 2), (1, 2, 3), (0, 3, 9, 255), (0, 255), ((0, 0, 0), (9, 8, 7)), (0, 700)],
    ids=str,
)
def test_drawn_splits_and_every_encoding(files, values):
    dtype = np.uint16 if 700 in values else np.uint8
    files.pairs("images", "masks", NAMES, values=values, dtype=dtype)
    data = _written(files, seed=3)  # another seed than that of a later opening
    assert set(data.splits) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("images", "masks"),
    [("{}/images", "{}/masks"), ("images/{}", "masks/{}"), ("{}", "{}annot")],
)
def test_splits_of_folders_are_left_to_them(files, images, masks):
    for split in ("train", "val"):
        files.pairs(images.format(split), masks.format(split), ["a", "b"])
    text = describe(_written(files))
    assert "\nsplits:" not in text
    assert "# splits: as the folders say" in text


def test_val_drawn_from_train(files):
    files.pairs("train/images", "train/masks", NAMES)
    files.pairs("test/images", "test/masks", ["t1", "t2"])
    _written(files, seed=5)


def test_nested_folders_and_numbers_as_names(files):
    files.pairs("images", "masks", ["1", "a/1", "a/2", "b/1"])
    _written(files)


def test_a_threshold_merged_classes_and_odd_names(files):
    files.pairs("photos", "drawn", NAMES, values=(0, 40, 200))
    (files.root / "dataset.yaml").write_text(
        "classes: ['a: \"b\"', '#c']\nimages: photos\n"
        "masks: {dir: drawn, map: {0: 'a: \"b\"', 40: '#c', 200: '#c', 7: ignore}}\n"
    )
    first = Dataset.open(files.root)
    (files.root / "dataset.yaml").unlink()
    write_description(first)
    _same(first, Dataset.open(files.root))
    (files.root / "dataset.yaml").write_text(
        "images: photos\nmasks: {dir: drawn, encoding: binary, threshold: 99}\n"
    )
    first = Dataset.open(files.root)
    (files.root / "dataset.yaml").unlink()
    write_description(first)
    _same(first, Dataset.open(files.root))


def test_deep_images_keep_their_scale(files):
    files.pairs("images", "masks", NAMES)
    for number, path in enumerate(sorted((files.root / "images").iterdir())):
        path.unlink()
        Image.fromarray(np.full((13, 21), 90 * number, np.uint16)).save(path.with_suffix(".png"))
    data = _written(files)
    assert data.scaling.high == 4095


def test_what_a_person_writes_wins(files):
    files.pairs("images", "masks", NAMES, values=(0, 1))
    path = write_description(Dataset.open(files.root))
    path.write_text(path.read_text().replace('"class 1"', '"weed"'))
    assert Dataset.open(files.root).labels.names == ["class 0", "weed"]


def test_an_existing_file_is_never_overwritten(files):
    files.pairs("images", "masks", NAMES)
    (files.root / "dataset.yaml").write_text("groups: none\n")
    with pytest.raises(DataError, match="not overwritten"):
        write_description(Dataset.open(files.root))
    assert (files.root / "dataset.yaml").read_text() == "groups: none\n"


def test_empty_masks_as_declared(files):
    files.pairs("images", "masks", NAMES)
    for name in NAMES[:4]:
        files.mask(f"masks/{name}.png", values=(0,))
    assert len(Dataset.open(files.root).samples) == 36
    for meant, samples in (("drop", 32), ("ignore", 36), ("background", 36)):
        (files.root / "dataset.yaml").write_text(f"empty: {meant}\n")
        data = Dataset.open(files.root)
        assert len(data.samples) == samples
        masks = [data.read_mask(s) for s in data.samples]
        assert sum(bool((m == 255).all()) for m in masks) == (4 if meant == "ignore" else 0)
        again = Dataset.from_manifest(data.manifest())
        assert again.ignored_masks == data.ignored_masks
        assert describe(dataclasses.replace(data)).count(f"empty: {meant}") == 1


def test_drawings_are_declared_by_the_names_of_their_classes(files):
    square = [[2, 1, 6, 1, 6, 4, 2, 4]]
    names = [f"n{i}.png" for i in range(6)]
    content = {
        "images": [
            {"id": i, "file_name": n, "height": 13, "width": 21} for i, n in enumerate(names)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 5 + i % 2, "segmentation": square}
            for i in range(6)
        ],
        "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
    }
    files.text("annotations.json", json.dumps(content))
    for name in names:
        files.image(f"images/{name}")
    data = _written(files, seed=3)
    assert data.labels.names == ["background", "cat", "dog"]
    assert "id:" not in (files.root / "dataset.yaml").read_text()


def test_characters_that_yaml_does_not_read(files):
    files.pairs("images", "masks", NAMES)
    names = ["a\x7fb", "c\u2028d \N{GRINNING FACE}"]
    files.text("dataset.yaml", 'classes: ["a\\x7fb", "c\\u2028d \\U0001F600"]\n')
    first = Dataset.open(files.root)
    assert first.labels.names == names
    (files.root / "dataset.yaml").write_text(describe(first))
    assert Dataset.open(files.root).labels == first.labels


def test_annotations_that_lie_apart(files):
    for at in range(6):
        files.image(f"photos/n{at}.jpg")
    content = {
        "images": [
            {"id": at, "file_name": f"n{at}.jpg", "height": 13, "width": 21} for at in range(6)
        ],
        "annotations": [
            {"id": at, "image_id": at, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}
            for at in range(6)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    files.text("drawn/coco.json", json.dumps(content))
    first = Dataset.open(images=files.root / "photos", masks=files.root / "drawn/coco.json")
    path = write_description(first)
    assert path == files.root / "photos/dataset.yaml"
    _same(first, Dataset.open(files.root / "photos"))


def test_a_zip_has_no_place_for_it(files):
    files.pairs("images", "masks", NAMES)
    zipped = shutil.make_archive(str(files.root.parent / "packed"), "zip", files.root)
    with pytest.raises(DataError, match="a zip cannot hold"):
        write_description(Dataset.open(zipped))
