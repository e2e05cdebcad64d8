from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image


def write_shapes(root: Path, *, train: int = 7, val: int = 3, size=(37, 53), seed=0) -> Path:
    """A learnable set of two classes and ignored pixels: bright boxes on a noisy ground."""
    rng = np.random.default_rng(seed)
    for split, count in (("train", train), ("val", val)):
        for folder in ("images", "masks"):
            (root / split / folder).mkdir(parents=True)
        for index in range(count):
            mask = np.zeros(size, np.uint8)
            top, left = rng.integers(3, size[0] - 20), rng.integers(3, size[1] - 25)
            mask[top : top + 15, left : left + 20] = 1
            image = rng.integers(0, 80, (*size, 3)) + 140 * mask[..., None]
            mask[0] = 255
            mask[:, -1] = 255
            name = f"{split}{index}.png"
            Image.fromarray(image.astype(np.uint8)).save(root / split / "images" / name)
            Image.fromarray(mask).save(root / split / "masks" / name)
    (root / "dataset.yaml").write_text(
        "schema: 1\nignore_index: 255\nclasses:\n"
        "  - {id: 0, name: ground}\n  - {id: 1, name: box}\n"
    )
    return root


def write_folds(root: Path, places: dict[str, str], seed=1) -> Path:
    """Two images of 37x53 a group, `a_0.png`; `places` has the fold of each group, or test."""
    rng = np.random.default_rng(seed)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    rows = ["image,fold,group"]
    for group, place in places.items():
        for index in range(2):
            mask = np.zeros((37, 53), np.uint8)
            top, left = rng.integers(3, 17), rng.integers(3, 28)
            mask[top : top + 15, left : left + 20] = 1
            image = rng.integers(0, 80, (37, 53, 3)) + 140 * mask[..., None]
            mask[0] = 255
            mask[:, -1] = 255
            name = f"{group}_{index}.png"
            Image.fromarray(image.astype(np.uint8)).save(root / "images" / name)
            Image.fromarray(mask).save(root / "masks" / name)
            rows.append(f"images/{name},{place},{group}")
    (root / "splits.csv").write_text("\n".join(rows) + "\n")
    (root / "dataset.yaml").write_text(
        "schema: 1\nignore_index: 255\ngroups: prefix\nsplits: {file: splits.csv, folds: 2}\n"
        "classes:\n  - {id: 0, name: ground}\n  - {id: 1, name: box}\n"
    )
    return root


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch) -> None:
    """What a check remembers stays out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def make_folds():
    """`write_folds`, for tests that need folds of their own."""
    return write_folds


@pytest.fixture(scope="session")
def cells(tmp_path_factory) -> Path:
    """A data set folder: two folds of four images in two groups each, and a test of two images."""
    places = {"a": "0", "b": "1", "c": "0", "d": "1", "e": "test"}
    return write_folds(tmp_path_factory.mktemp("folded") / "cells", places)


@pytest.fixture(scope="session")
def folds_recipe():
    """A tiny network, two epochs; each fold has a mean and a deviation of its own."""
    from intarsia.recipe import Recipe

    return Recipe().replace(
        **{
            "model.name": "unet",
            "model.encoder": "test_resnet",
            "train.weights": "none",
            "train.epochs": 2,
            "train.batch_size": 4,
            "train.pictures": False,
            "data.image_size": (32, 48),
            "data.fit": "crop",
            "data.normalise": "dataset",
        }
    )


@pytest.fixture(scope="session")
def folded(cells, folds_recipe, tmp_path_factory):
    """A cross-validation of `cells` by `folds_recipe`; to be changed in a copy only."""
    from intarsia.datasets import Dataset
    from intarsia.training import train_folds

    out = tmp_path_factory.mktemp("folds") / "run"
    return train_folds(Dataset.open(cells), folds_recipe, out, device="cpu")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory) -> Path:
    """A data set folder: 7 train and 3 val images of 37x53, classes `ground` and `box`."""
    return write_shapes(tmp_path_factory.mktemp("data") / "shapes")


LARGE = (151, 131)


def write_large(root: Path) -> Path:
    """A tiled TIFF, a stripped one and a PNG to train on, and one image for val.

    Class 2 is found in one corner of the first image alone; the upper left of every mask does not
    count.
    """
    rng = np.random.default_rng(3)
    kinds = {
        "train/a.tif": {"tile": (32, 48), "compression": "zlib", "predictor": True},
        "train/b.tif": {"rowsperstrip": 8, "compression": "lzw"},
        "train/c.png": None,
        "val/v.tif": {"tile": (32, 48), "compression": "zlib"},
    }
    for number, (name, options) in enumerate(kinds.items()):
        split, _, file = name.partition("/")
        for folder in ("images", "masks"):
            (root / split / folder).mkdir(parents=True, exist_ok=True)
        mask = np.zeros(LARGE, np.uint8)
        mask[60:100, 30:90] = 1
        if file == "a.tif":
            mask[140:, 120:] = 2
        mask[:40, :50] = 255
        mask[0, 50 + number] = 255  # no two masks are the same file
        pixels = rng.integers(0, 100, (*LARGE, 3)) + 70 * (mask % 255)[..., None]
        path = root / split / "images" / file
        if options is None:
            Image.fromarray(pixels.astype(np.uint8)).save(path)
        else:
            tifffile.imwrite(path, pixels.astype(np.uint8), photometric="rgb", **options)
        Image.fromarray(mask).save(root / split / "masks" / f"{path.stem}.png")
    (root / "dataset.yaml").write_text(
        "schema: 1\nignore_index: 255\nclasses:\n"
        "  - {id: 0, name: ground}\n  - {id: 1, name: box}\n  - {id: 2, name: rare}\n"
    )
    return root


@pytest.fixture
def large(tmp_path) -> Path:
    return write_large(tmp_path / "large")
