"""A training on tiles, from recipe to mask."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from intarsia.datasets import Dataset
from intarsia.prediction import Predictor
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.training import train
from intarsia.training.setup import prepare
from intarsia.training.validation import validate

RECIPE = Recipe().replace(
    **{
        "train.weights": "none",
        "train.epochs": 2,
        "train.batch_size": 16,
        "predict.overlap": 0.0,
        "data.image_size": (32, 32),
        "data.fit": "tiles",
        "data.tile": (64, 64),
        "data.normalise": "dataset",
        "loss.class_weights": "frequency",
    }
)


def raise_first(row):
    raise KeyboardInterrupt


def weights(run: Run):
    return load_file(run.checkpoints / "best.safetensors")


def test_stopped_resumed_and_kept_elsewhere_is_the_same_training(large, tmp_path, caplog):
    caplog.set_level("INFO")
    data = Dataset.open(large)
    whole = train(data, RECIPE, tmp_path / "whole")
    # 76 x 66 pixels after halving: 3 x 3 tiles of 32 in each of three images
    assert "27 tiles of 64x64 px, shown as 32x32 in 3 images" in caplog.text
    recipe = RECIPE.replace(**{"data.cache": "disk"})
    with pytest.raises(KeyboardInterrupt):
        train(data, recipe, tmp_path / "run", on_epoch=raise_first)
    run = train(data, recipe, tmp_path / "run", resume=True)
    one, two = weights(whole), weights(run)
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert [row["train_loss"] for row in whole.log] == [row["train_loss"] for row in run.log]
    assert run.preprocessing.tile == (64, 64)
    assert "are kept in" in caplog.text
    image = large / "val/images/v.tif"
    mask = Predictor(run)(image)
    assert mask.shape == (151, 131)
    sheet = run.evaluations["large-val"]["confusion_matrix"]
    assert np.sum(sheet) == (data.read_mask(data.split("val")[0]) != 255).sum()
    assert (run.path / "pictures/epoch-0002.png").is_file()


def test_a_large_image_is_validated_band_by_band(large, monkeypatch):
    setup = prepare(Dataset.open(large), RECIPE.replace(**{"loss.name": "cross-entropy"}), "cpu")
    arguments = (
        setup.network(setup.model),
        setup.data,
        setup.validation_samples,
        setup.preprocessing,
        setup.recipe.predict,
        setup.loss,
    )
    whole = validate(*arguments)
    monkeypatch.setattr("intarsia.training.validation._LARGE", 1000)
    banded = validate(*arguments)
    np.testing.assert_array_equal(banded.matrix, whole.matrix)
    # with class weights the mean over bands is weighted by pixels, not by their weights
    assert banded.loss == pytest.approx(whole.loss, rel=0.05)
    assert validate(*arguments, interrupted=lambda: True) is None


def test_a_training_says_where_the_pixels_stay(large, monkeypatch):
    monkeypatch.setattr("intarsia.batches.pairs.available_memory", lambda: 1000)
    setup = prepare(Dataset.open(large), RECIPE, "cpu")
    assert setup.pairs.place == "disk"
    assert any("(1 images, 3 masks; of the others, windows are read)" in s for s in setup.said)
    assert any("27 tiles of 64x64 px" in said for said in setup.said)
