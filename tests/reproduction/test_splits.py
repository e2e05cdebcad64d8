from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.errors import DataError
from intarsia.reproduction.splits import counting_ignored, drawn, few, val_as_test


def counts(data):
    return {split: len(samples) for split, samples in data.splits.items()}


@pytest.fixture
def flat(tmp_path) -> Dataset:
    """20 pairs without splits; 255 is ignored."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for number in range(20):
        mask = np.zeros((20, 33), np.uint8)
        mask[5:, 7:], mask[0] = 1, 255
        Image.fromarray(np.stack([mask] * 3, 2)).save(tmp_path / f"images/n{number:02}.png")
        Image.fromarray(mask).save(tmp_path / f"masks/n{number:02}.png")
    (tmp_path / "dataset.yaml").write_text(
        "schema: 1\nignore_index: 255\nclasses: [ground, thing]\n"
    )
    return Dataset.open(tmp_path)


def test_every_image_is_drawn_into_one_split_by_the_seed(flat):
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}
    one = drawn(flat, shares, seed=3)
    assert counts(one) == {"train": 16, "val": 2, "test": 2}
    assert drawn(flat, shares, seed=3) == one
    assert drawn(flat, shares, seed=4) != one
    assert {s.name for s in one.samples} == {s.name for s in flat.samples}
    with pytest.raises(DataError, match="too few"):
        drawn(replace(one, samples=one.samples[:2]), shares, seed=0)


def test_the_given_val_is_tested_on_and_train_gives_a_share(shapes, flat):
    data = Dataset.open(shapes)
    turned = val_as_test(data, share=0.2, seed=0)
    assert counts(turned) == {"train": 6, "val": 1, "test": 3}
    assert {s.name for s in turned.split("test")} == {s.name for s in data.split("val")}
    given = drawn(flat, {"train": 0.8, "val": 0.1, "test": 0.1}, seed=0)
    assert val_as_test(given, share=0.2, seed=0) is given


def test_few_are_evenly_spaced(flat):
    data = drawn(flat, {"train": 0.8, "val": 0.1, "test": 0.1}, seed=0)
    part = few(data, {"train": 4, "val": 9, "test": 1})
    assert counts(part) == {"train": 4, "val": 2, "test": 1}
    assert part.split("train") == data.split("train")[::4]


def test_ignored_pixels_can_be_a_class_of_their_own(flat):
    sample = flat.samples[0]
    before = flat.read_mask(sample)
    counted = counting_ignored(flat, "Unlabelled")
    assert counted.labels.names == ["ground", "thing", "Unlabelled"]
    after = counted.read_mask(sample)
    np.testing.assert_array_equal(after == 2, before == 255)
    np.testing.assert_array_equal(after[before != 255], before[before != 255])
    assert counting_ignored(counted, "Unlabelled") is counted


def test_groups_that_are_declared_stay_together(flat):
    samples = tuple(replace(s, group=f"g{number // 4}") for number, s in enumerate(flat.samples))
    data = replace(flat, samples=samples, groups_declared=True)
    made = drawn(data, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=1)
    splits = {s.group: {t.split for t in made.samples if t.group == s.group} for s in made.samples}
    assert all(len(each) == 1 for each in splits.values())
    assert counts(made) == {"train": 12, "val": 4, "test": 4}


def test_a_given_test_split_is_left_out_where_val_must_be_it(flat):
    data = drawn(flat, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
    turned = val_as_test(data, share=0.5, seed=0, always=True)
    assert counts(turned) == {"train": 6, "val": 6, "test": 4}
    assert {s.name for s in turned.split("test")} == {s.name for s in data.split("val")}
