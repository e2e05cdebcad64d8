import os
from pathlib import Path

import numpy as np
import pytest

from intarsia.datasets import Dataset

pytestmark = pytest.mark.realdata
ROOT = Path(os.environ.get("INTARSIA_DATA", Path(__file__).parents[3] / "shared" / "data"))


def opened(name):
    if not (ROOT / name).is_dir():
        pytest.skip(f"{name} is not here")
    data = Dataset.open(ROOT / name)
    assert not data.unpaired_images
    assert not data.unpaired_masks
    for sample in data.samples[::10]:
        image, mask = data.read_image(sample), data.read_mask(sample)
        assert image.shape == (*mask.shape, 3)
        assert ((mask < len(data.labels)) | (mask == 255)).all()
    assert Dataset.from_manifest(data.manifest()) == data
    return data, {split: len(samples) for split, samples in data.splits.items()}


def test_camvid():
    data, sizes = opened("camvid")
    assert sizes == {"train": 367, "val": 101}
    assert len(data.labels) == 11
    assert data.ignored == ("Unlabelled",)


def test_pets():
    data, sizes = opened("pets")
    assert sizes == {"train": 255, "val": 45, "test": 150}
    assert data.labels.names == ["pet", "background", "border"]


def test_lungs():
    data, sizes = opened("lungs64")
    assert sizes == {"train": 187, "val": 40, "test": 40}
    assert data.labels.names == ["background", "foreground"]


def test_facade():
    data, sizes = opened("facade")
    assert sizes == {"train": 91, "val": 20, "test": 19}
    assert data.labels.names[0] == "various"
    dropped = data.ignoring(["various"])
    assert len(dropped.labels) == 8
    for sample in data.samples[::20]:
        void = data.read_mask(sample) == data.labels["various"].id
        np.testing.assert_array_equal(dropped.read_mask(sample) == 255, void)
