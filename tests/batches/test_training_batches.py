from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from intarsia.augmentation import Augmentation, augment
from intarsia.batches import Pairs, TrainingBatches, channel_statistics, class_pixels
from intarsia.batches.training_batches import _bounds
from intarsia.datasets import Dataset
from intarsia.images import Scaling
from intarsia.transforms import Preprocessing

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


def test_the_cells_of_a_grid_are_samples_of_their_own(shapes):
    data = Dataset.open(shapes)
    preprocessing = Preprocessing(
        (16, 16), "grid", data.scaling, (0.5,) * 3, (0.25,) * 3, grid=(2, 3)
    )
    cells = Pairs(data, data.split("train"), preprocessing)
    assert len(cells) == 7 * 6
    image, mask = cells[6 + 4]  # second image, second row, second column
    sample = data.split("train")[1]
    assert cells.name(10) == sample.name
    # 37 rows in two, 53 columns in three, nothing shrunk: at most twice the sample
    np.testing.assert_array_equal(image, data.read_image(sample)[18:37, 17:35])
    np.testing.assert_array_equal(mask, data.read_mask(sample)[18:37, 17:35])


def test_a_share_of_samples_is_turned_and_recolored():
    image = np.random.default_rng(0).integers(0, 255, (32, 48, 3)).astype(np.uint8)
    mask = np.zeros((32, 48), np.uint8)
    preprocessing = Preprocessing((32, 48), "stretch", Scaling(0, 255, "8 bit"), (0.0,), (1.0,))
    preprocessing = replace(preprocessing, mean=(0.0,) * 3, std=(1.0,) * 3)
    change = Augmentation(
        rotation=30, brightness=0.3, rotation_probability=0.25, color_probability=0.5
    )
    turned = recolored = 0
    for seed in range(400):
        made, labels = augment(image, mask, preprocessing, change, np.random.default_rng(seed), 255)
        turned += bool((labels == 255).any())
        level = np.median(made) - np.median(image / 255)
        recolored += abs(float(level)) > 0.02
    assert 70 <= turned <= 130
    assert 150 <= recolored <= 230


@pytest.mark.parametrize(
    ("count", "size", "bounds"),
    [
        (5, 2, [(0, 2), (2, 5)]),
        (6, 2, [(0, 2), (2, 4), (4, 6)]),
        (1, 2, [(0, 1)]),
        (3, 1, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_batches_of_one_are_made_only_where_they_were_asked_for(count, size, bounds):
    assert _bounds(count, size) == bounds
