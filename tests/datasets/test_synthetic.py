"""The synthetic street: its form, its determinism, and that it reads back."""

from pathlib import Path

import numpy as np
import pytest

from intarsia.datasets import Dataset
from intarsia.datasets.synthetic import make_scene, make_street, street_labels
from intarsia.errors import DataError
from intarsia.images import read_image

SIZE = (60, 88)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def street(tmp_path_factory) -> Path:
    return make_street(tmp_path_factory.mktemp("data") / "street", count=6, seed=3, size=SIZE)


def test_opens_without_configuration(street):
    data = Dataset.open(street)
    assert {split: len(samples) for split, samples in data.splits.items()} == {
        "train": 4,
        "val": 1,
        "test": 1,
    }
    assert data.labels == street_labels()
    for index, sample in enumerate(data.samples):
        image, mask = data.read_image(sample), data.read_mask(sample)
        assert image.shape == (*SIZE, 3)
        assert mask.shape == SIZE
        original, truth = make_scene(_index(sample.name), seed=3, size=SIZE)
        assert (mask == truth).all(), index
        assert np.abs(image.astype(int) - original).mean() < 8  # JPEG


def _index(name: str) -> int:
    return int(name.rsplit("_", 1)[1])


def test_the_same_arguments_give_the_same_bytes(street, tmp_path):
    again = make_street(tmp_path / "again", count=6, seed=3, size=SIZE)
    assert _files(again) == _files(street)


def test_a_scene_does_not_depend_on_the_count(street, tmp_path):
    fewer = make_street(tmp_path / "fewer", count=3, seed=3, size=SIZE)
    for name in ("images/street_0000.jpg", "masks/street_0000.png"):
        assert (fewer / "train" / name).read_bytes() == (street / "train" / name).read_bytes()


def test_another_seed_gives_other_streets():
    assert (make_scene(0, seed=0, size=SIZE)[0] != make_scene(0, seed=1, size=SIZE)[0]).any()


def test_all_classes_and_an_ignored_border():
    counts = np.zeros(256, np.int64)
    for index in range(6):
        image, mask = make_scene(index)
        assert image.shape == (120, 176, 3)
        assert mask.shape == (120, 176)
        edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
        assert all((edge == 255).all() for edge in edges)
        assert (mask[5:-5, 5:-5] != 255).all()
        assert image.std() > 15
        counts += np.bincount(mask.ravel(), minlength=256)
    classes = len(street_labels())
    assert (counts[:classes] > 0).all()
    assert counts[classes:255].sum() == 0
    assert counts[:classes].max() < 0.5 * counts.sum()


def test_classes_do_not_betray_themselves_by_one_colour():
    """Every class is textured: no flat areas that a threshold could find."""
    images, masks = zip(*(make_scene(i) for i in range(3)), strict=True)
    pixels, ids = np.concatenate(images), np.concatenate(masks)
    for label in street_labels().classes:
        assert pixels[ids == label.id].std(axis=0).min() > 8, label.name


@pytest.mark.parametrize("size", [(32, 32), (33, 150), (150, 33)])
def test_any_size(size):
    image, mask = make_scene(1, size=size)
    assert image.shape == (*size, 3)
    assert mask.shape == size


def test_splits_are_never_empty(tmp_path):
    data = Dataset.open(make_street(tmp_path / "three", count=3, size=(40, 56)))
    assert [len(s) for s in data.splits.values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"), [({"count": 2}, "2 scenes"), ({"size": (16, 99)}, "16x99")]
)
def test_impossible_arguments(tmp_path, arguments, message):
    with pytest.raises(DataError, match=message):
        make_street(tmp_path / "street", **arguments)
    assert not (tmp_path / "street").exists()


def test_nothing_is_overwritten(street, tmp_path):
    with pytest.raises(DataError, match="already in use"):
        make_street(street, count=3)
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(DataError, match="already in use"):
        make_street(file, count=3)
    (tmp_path / "empty").mkdir()
    assert make_street(tmp_path / "empty", count=3, size=(32, 48)).is_dir()


def test_paths_may_be_odd(tmp_path):
    folder = make_street(tmp_path / "été 1" / "rue\nune", count=3, size=(32, 48))
    assert read_image(folder / "val" / "images" / "street_0001.jpg").shape == (32, 48, 3)
