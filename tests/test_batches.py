import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from intarsia.batches import Pairs, TrainingBatches, channel_statistics, class_pixels
from intarsia.datasets import Dataset
from intarsia.transforms import Augmentation, Preprocessing

CHANGE = Augmentation(0.5, 0.5, 20, (0.8, 1.3), 0.1, 0.2, 0.2, 0.5)


def pairs(shapes, cache="auto", fit="letterbox"):
    data = Dataset.open(shapes)
    preprocessing = Preprocessing((32, 48), fit, data.scaling, (0.5,) * 3, (0.25,) * 3)
    return Pairs(data, data.split("train"), preprocessing, cache)


def batches(shapes, cache="auto", size=3):
    return TrainingBatches(pairs(shapes, cache), CHANGE, batch_size=size, seed=4, ignore_index=255)


def same(one, two):
    return torch.equal(one.images, two.images) and torch.equal(one.masks, two.masks)


def test_shapes_dtypes_and_a_last_batch_of_one_joins_the_one_before(shapes):
    made = list(batches(shapes).epoch(1))
    assert [len(batch.images) for batch in made] == [3, 4]
    assert made[0].images.shape == (3, 3, 32, 48)
    assert made[0].images.dtype == torch.float32
    assert made[0].masks.shape == (3, 32, 48)
    assert made[0].masks.dtype == torch.int64
    assert set(made[0].masks.unique().tolist()) == {0, 1, 255}
    assert sorted(n for b in made for n in b.names) == sorted(
        s.name for s in Dataset.open(shapes).split("train")
    )


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_samples_are_a_function_of_seed_epoch_and_index_alone(shapes, cache):
    first = list(batches(shapes).epoch(2))
    again = batches(shapes, cache)
    list(again.epoch(1))
    assert all(same(a, b) for a, b in zip(first, again.epoch(2), strict=True))
    assert same(first[1], next(again.epoch(2, start=1)))
    assert list(again.epoch(2, start=2)) == []
    assert not same(first[0], next(again.epoch(3)))


def test_cached_or_streamed_is_said_and_counted(shapes):
    assert pairs(shapes).cached
    assert not pairs(shapes, "none").cached
    assert pairs(shapes).bytes == 7 * 37 * 53 * 4


def test_32_bit_images_can_be_trained_on(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for index in range(10):
        pixels = np.full((40, 70), index * 100_000, np.int32)
        pixels[:20] = 5
        tifffile.imwrite(tmp_path / "images" / f"{index}.tif", pixels)
        Image.fromarray((pixels > 5).astype(np.uint8)).save(tmp_path / "masks" / f"{index}.png")
    data = Dataset.open(tmp_path)
    preprocessing = Preprocessing((32, 48), "letterbox", data.scaling, (0.5,) * 3, (0.25,) * 3)
    made = Pairs(data, data.split("train"), preprocessing)
    images = TrainingBatches(made, CHANGE, batch_size=2, seed=0, ignore_index=255)
    assert next(images.epoch(1)).images.isfinite().all()


def test_pixels_and_statistics_against_numpy(shapes):
    made = pairs(shapes, fit="crop")
    data = made.data
    masks = np.concatenate([data.read_mask(s).ravel() for s in data.split("train")])
    images = np.concatenate([data.read_image(s).reshape(-1, 3) / 255 for s in data.split("train")])
    assert class_pixels(made, 2, 255).tolist() == [(masks == 0).sum(), (masks == 1).sum()]
    mean, std = channel_statistics(made)
    assert np.allclose(mean, images.mean(axis=0))
    assert np.allclose(std, images.std(axis=0))
