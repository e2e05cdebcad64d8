import numpy as np
import pytest
import tifffile
import torch

from intarsia.augmentation import Augmentation
from intarsia.batches import Pairs, Tiles, TrainingBatches, channel_statistics, draw_shares
from intarsia.datasets import Dataset
from intarsia.errors import DataError
from intarsia.transforms import Preprocessing, shrink, shrink_mask

PLAIN = Augmentation()
CHANGE = Augmentation(0.5, 0.5, 20, (0.8, 1.3), 0.1, 0.2, 0.2, 0.5)


def tiles(folder, cache="none", *, tile=(32, 48), times=1, overlap=0.0, power=0.5) -> Tiles:
    data = Dataset.open(folder)
    preprocessing = Preprocessing(
        tile, "tiles", data.scaling, (0.0,) * 3, (1.0,) * 3, tile=(tile[0] * times, tile[1] * times)
    )
    pairs = Pairs(data, data.split("train"), preprocessing, cache)
    return Tiles(pairs, overlap=overlap, rare_power=power)


def batches(made, augmentation=CHANGE):
    return TrainingBatches(made, augmentation, batch_size=4, seed=4, ignore_index=255)


def same(one, two):
    return (
        one.names == two.names
        and torch.equal(one.images, two.images)
        and torch.equal(one.masks, two.masks)
    )


def test_a_tile_is_the_crop_of_its_image(large):
    made = tiles(large)
    data = made.pairs.data
    # 151 rows in 5 tiles of 32, 131 columns in 3 of 48; the first of each image is all ignored
    assert made.places[:3].tolist() == [[0, 0, 42], [0, 0, 83], [0, 30, 0]]
    assert len(made) == 3 * 14
    for index in (0, 13, 14, 41):
        number, top, left = made.places[index]
        sample = data.split("train")[number]
        image, mask = made.sample(index, PLAIN, np.random.default_rng(0), 255)
        crop = data.read_image(sample)[top : top + 32, left : left + 48]
        np.testing.assert_allclose(np.moveaxis(image, 0, 2), crop / 255, atol=1e-6)
        np.testing.assert_array_equal(
            mask, data.read_mask(sample)[top : top + 32, left : left + 48]
        )


def test_a_tile_of_twice_the_size_is_the_crop_of_the_image_shrunk(large):
    made = tiles(large, tile=(32, 32), times=2)
    data, (number, top, left) = made.pairs.data, made.places[-1]
    # 151 x 131 is 76 x 66 blocks of 2 x 2, the last ones filled up
    assert made.pairs.shape(0) == (76, 66)
    assert (top, left) == (44, 34)
    sample = data.split("train")[number]
    small = shrink(data.read_image(sample), made.preprocessing)
    assert small.shape == (76, 66, 3)
    whole = data.read_image(sample).astype(float)
    assert abs(small[3, 5] - whole[6:8, 10:12].mean(axis=(0, 1))).max() <= 0.5
    assert abs(small[75, 65] - whole[150, 130]).max() == 0
    image, mask = made.sample(len(made) - 1, PLAIN, np.random.default_rng(0), 255)
    np.testing.assert_allclose(np.moveaxis(image, 0, 2), small[44:, 34:] / 255, atol=1e-6)
    ids = shrink_mask(data.read_mask(sample), made.preprocessing)
    np.testing.assert_array_equal(ids[:-1, :-1], data.read_mask(sample)[1::2, 1::2])
    np.testing.assert_array_equal(mask, ids[44:, 34:])


@pytest.mark.parametrize("times", [1, 2, 3])
def test_samples_are_the_same_wherever_pixels_are_kept(large, times):
    size = (32 // times, 48 // times)
    made = {
        cache: list(batches(tiles(large, cache, tile=size, times=times)).epoch(2))
        for cache in ("memory", "disk", "none", "auto")
    }
    for cache in ("disk", "none", "auto"):
        assert len(made[cache]) == len(made["memory"])
        assert all(same(a, b) for a, b in zip(made["memory"], made[cache], strict=True))


def test_an_epoch_taken_up_in_its_middle_is_the_same(large):
    whole = list(batches(tiles(large)).epoch(3))
    rest = list(batches(tiles(large, "disk")).epoch(3, start=4))
    assert len(rest) == len(whole) - 4
    assert all(same(a, b) for a, b in zip(whole[4:], rest, strict=True))
    assert not same(whole[0], next(batches(tiles(large)).epoch(4)))


def test_rare_tiles_are_drawn_as_often_as_the_formula_says(large):
    made = tiles(large)
    # rare: 1 tile of 42. box, rows 60 to 100 and columns 30 to 90: 3 rows of tiles (60, 89 and
    # the one at 30 ends at 62), all three columns, in each image: 27 of 42. ground: all but the
    # tile at (60, 42), which the box fills
    counts = made.counts > 0
    assert counts[:, 2].sum() == 1
    assert counts[:, 1].sum() == 27
    assert counts[:, 0].sum() == 39
    weights = np.where(
        counts[:, 2], 42**0.5, np.where(counts[:, 1], (42 / 27) ** 0.5, (42 / 39) ** 0.5)
    )
    np.testing.assert_allclose(made.shares, weights / weights.sum())
    rare = int(np.flatnonzero(counts[:, 2])[0])
    orders = [made.order(np.random.default_rng([0, epoch])) for epoch in range(200)]
    drawn = np.bincount(np.concatenate(orders), minlength=42) / (200 * 42)
    assert abs(drawn - made.shares).max() < 0.01
    assert drawn[rare] > 4 * np.median(drawn)
    assert "42 tiles of 32x48 px in 3 images; 3 more hold no labelled pixel" in made.said


def test_the_same_tile_twice_in_an_epoch_is_two_samples(large):
    made = batches(tiles(large, power=1.0))
    order = made.pairs.order(np.random.default_rng([4, 1]))
    value = np.bincount(order).argmax()
    places = np.flatnonzero(order == value)[:2]
    assert len(places) == 2
    images = torch.cat([batch.images for batch in made.epoch(1)])
    assert not torch.equal(images[places[0]], images[places[1]])


def test_without_weights_every_tile_comes_once(large):
    made = tiles(large, power=0.0)
    assert sorted(made.order(np.random.default_rng(0)).tolist()) == list(range(42))


def test_tiles_are_cut_after_the_split(large):
    names = {name for batch in batches(tiles(large)).epoch(1) for name in batch.names}
    assert names == {sample.name for sample in Dataset.open(large).split("train")}
    assert not names & {sample.name for sample in Dataset.open(large).split("val")}


def test_power_and_classes_that_no_tile_holds():
    counts = np.array([[5, 0, 0], [5, 1, 0], [0, 1, 0], [0, 9, 0]])
    np.testing.assert_allclose(draw_shares(counts, 0.0), 0.25)
    # half of the tiles hold class 0, three quarters class 1
    np.testing.assert_allclose(draw_shares(counts, 1.0), np.array([2, 2, 4 / 3, 4 / 3]) / (20 / 3))


def test_pixels_of_the_classes_are_counted_once(large):
    made = tiles(large, overlap=0.5)
    data = made.pairs.data
    masks = np.concatenate([data.read_mask(s).ravel() for s in data.split("train")])
    assert made.class_pixels.tolist() == [(masks == k).sum() for k in range(3)]


def test_statistics_strip_by_strip(large, monkeypatch):
    data = Dataset.open(large)
    pixels = np.concatenate([data.read_image(s).reshape(-1, 3) / 255 for s in data.split("train")])
    monkeypatch.setattr("intarsia.batches.pairs._STRIP_PIXELS", 1000)
    for cache in ("memory", "disk", "none"):
        mean, std = channel_statistics(tiles(large, cache).pairs)
        assert np.allclose(mean, pixels.mean(axis=0))
        assert np.allclose(std, pixels.std(axis=0))


def test_what_tiles_hold_is_remembered_until_the_mask_changes(large, monkeypatch):
    first = tiles(large)
    monkeypatch.setattr(Tiles, "_count", lambda *_: pytest.fail("counted again"))
    # a mask just written may change within a tick of the clock: its content is compared
    np.testing.assert_array_equal(tiles(large).counts, first.counts)
    monkeypatch.undo()
    mask = large / "train/masks/a.png"
    mask.write_bytes((large / "train/masks/b.png").read_bytes())
    assert tiles(large).counts[:, 2].sum() == 0


def test_a_page_behind_one_of_another_size_in_a_depth_that_grows(large):
    for name in "ab":
        path = large / f"train/images/{name}.tif"
        pixels = tifffile.imread(path)
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(pixels[:20, :30], photometric="rgb")
            tiff.write(pixels.astype(np.int32), photometric="rgb", tile=(32, 48))
    (large / "train/images/c.png").unlink()
    (large / "val/images/v.tif").write_bytes(path.read_bytes())
    text = (large / "dataset.yaml").read_text()
    (large / "dataset.yaml").write_text(text + "image: {page: 1}\n")
    made = tiles(large, "memory")
    assert made.pairs.shape(0) == (151, 131)
    # OpenCV takes 32-bit integers as float64
    assert made.pairs.window(0, ((0, 151), (0, 131)))[0].dtype == np.float64
    assert made.pairs.bytes == 2 * 151 * 131 * (3 * 8 + 1)


def test_masks_without_a_labelled_pixel_are_an_error(large):
    from PIL import Image

    for name in "abc":
        blank = np.full((151, 131), 255, np.uint8)
        Image.fromarray(blank).save(large / f"train/masks/{name}.png")
    with pytest.raises(DataError, match="labelled"):
        tiles(large)
