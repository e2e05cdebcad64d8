from pathlib import Path

import numpy as np
import pytest
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


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch) -> None:
    """What a check remembers stays out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def shapes(tmp_path_factory) -> Path:
    """A data set folder: 7 train and 3 val images of 37x53, classes `ground` and `box`."""
    return write_shapes(tmp_path_factory.mktemp("data") / "shapes")
