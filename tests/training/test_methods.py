"""The training methods of the reference systems: each seen in the run that it leaves."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from intarsia.datasets import Dataset
from intarsia.errors import DataError, ModelError, RecipeError, RunError
from intarsia.evaluation import evaluate
from intarsia.prediction import Predictor
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.training import train
from intarsia.training.optimisation import ends_cycle, snapshot_factor
from intarsia.training.setup import prepare
from intarsia.training.step import Stepper

RECIPE = Recipe().replace(
    **{
        "train.weights": "none",
        "train.epochs": 4,
        "train.batch_size": 4,
        "data.image_size": (32, 32),
        "train.pictures": False,
    }
)
SNAPSHOTS = RECIPE.replace(**{"schedule.name": "snapshot", "schedule.cycles": 2})


def test_the_snapshot_schedule_has_the_published_rates():
    rates = [1e-3 * snapshot_factor(t, 1600, 8) for t in (0, 100, 199, 200)]
    assert rates == pytest.approx([1e-3, 5e-4, 6.17e-8, 1e-3], rel=1e-3)
    # (t + 1) mod C = 0 with t counted from 0; what is left over belongs to no cycle
    kept = [epoch - 1 for epoch in range(1, 1604) if ends_cycle(epoch, 1603, 8)]
    assert kept == [200 * cycle - 1 for cycle in range(1, 9)]


@pytest.fixture(scope="module")
def cycled(shapes, tmp_path_factory) -> Run:
    return train(Dataset.open(shapes), SNAPSHOTS, tmp_path_factory.mktemp("runs") / "cycled")


def test_a_snapshot_is_kept_at_the_end_of_each_cycle(cycled):
    assert [row["lr"] for row in cycled.log] == pytest.approx([1e-3, 5e-4, 1e-3, 5e-4])
    files = sorted(path.name for path in cycled.checkpoints.glob("snapshot*.safetensors"))
    assert files == ["snapshot-01.safetensors", "snapshot-02.safetensors"]
    first, second = (load_file(cycled.checkpoints / name) for name in files)
    assert not torch.equal(*(next(iter(state.values())) for state in (first, second)))


def test_the_ensemble_predicts_the_mean_of_its_snapshots(cycled, shapes):
    image = Dataset.open(shapes).split("val")[0].image
    members = []
    for name in ("snapshot-01.safetensors", "snapshot-02.safetensors"):
        best = cycled.checkpoints / "best.safetensors"
        kept = best.read_bytes(), best.with_name(best.name + ".sha256").read_bytes()
        try:
            for suffix in ("", ".sha256"):
                source = cycled.checkpoints / (name + suffix)
                best.with_name(best.name + suffix).write_bytes(source.read_bytes())
            members.append(Predictor(cycled).probabilities(image))
        finally:
            best.write_bytes(kept[0])
            best.with_name(best.name + ".sha256").write_bytes(kept[1])
    together = Predictor(cycled, settings=["predict.ensemble=true"]).probabilities(image)
    # the mean is taken at the sample's size, before it is brought back to the image's
    np.testing.assert_allclose(together, np.mean(members, axis=0), atol=1e-5)
    assert abs(members[0] - members[1]).max() > 1e-3


def test_another_use_of_a_run_has_a_sheet_of_its_own(cycled):
    plain = evaluate(cycled)
    assert plain.settings == {}
    changed = evaluate(cycled.setting(["predict.ensemble=true"]))
    assert changed.settings == {"ensemble": True}
    assert "Not as the recipe predicts: ensemble True." in str(changed)
    assert {"shapes-val", "shapes-val+ensemble=True"} == set(cycled.evaluations)
    with pytest.raises(RecipeError, match=r'"train\.lr" is decided by the training'):
        cycled.setting(["train.lr=1"])
    with pytest.raises(RecipeError, match="needs schedule"):
        RECIPE.replace(**{"predict.ensemble": True})


def test_an_ensemble_without_snapshots_is_an_error(cycled, tmp_path):
    import shutil

    shutil.copytree(cycled.path, tmp_path / "copy")
    for path in (tmp_path / "copy/checkpoints").glob("snapshot*"):
        path.unlink()
    with pytest.raises(RunError, match="no snapshots yet"):
        Predictor(tmp_path / "copy", settings=["predict.ensemble=true"])


def test_weights_are_kept_with_and_without_their_average(shapes, tmp_path):
    recipe = RECIPE.replace(**{"train.ema": 0.9, "train.epochs": 1})
    run = train(Dataset.open(shapes), recipe, tmp_path / "run")
    raw, averaged = (run.load_model(f"{name}.safetensors") for name in ("best-raw", "best"))
    state = torch.load(run.checkpoints / "last.pt", weights_only=True)["stepper"]
    for model, key in ((raw, "model"), (averaged, "average")):
        assert all(torch.equal(v, state[key][k]) for k, v in model.state_dict().items())
    image = run.dataset().split("val")[0].image
    plain = Predictor(run).probabilities(image)
    np.testing.assert_array_equal(
        Predictor(run, settings=["predict.ema=true"]).probabilities(image), plain
    )
    without = Predictor(run, settings=["predict.ema=false"]).probabilities(image)
    assert abs(without - plain).max() > 1e-3
    assert evaluate(run.setting(["predict.ema=false"])).settings == {"ema": False}
    (run.checkpoints / "best-raw.safetensors").unlink()
    with pytest.raises(RunError, match="the weights before averaging were not kept"):
        Predictor(run, settings=["predict.ema=false"])


def test_without_an_average_there_is_one_best_file(cycled):
    assert not (cycled.checkpoints / "best-raw.safetensors").exists()
    with pytest.raises(RecipeError, match="no weights were averaged"):
        Predictor(cycled, settings=["predict.ema=false"])


def test_a_fitted_temperature_is_refused_before_there_is_one(shapes, tmp_path):
    with pytest.raises(RecipeError, match="a temperature is fitted after the training"):
        train(Dataset.open(shapes), RECIPE.set(["predict.temperature=fitted"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def states_after_two_epochs(shapes, changes):
    """The encoder's and the decoder's weights before, after one and after two epochs."""
    setup = prepare(Dataset.open(shapes), RECIPE.replace(**changes), "cpu")
    stepper = Stepper(setup, setup.model)
    states = [{k: v.clone() for k, v in setup.model.state_dict().items()}]
    for epoch in (1, 2):
        before = (epoch - 1) * setup.batches.steps
        for number, batch in enumerate(setup.batches.epoch(epoch)):
            stepper.step(batch, before + number, 1.0)
        states.append({k: v.clone() for k, v in setup.model.state_dict().items()})
    return states


@pytest.mark.parametrize(
    ("changes", "moves"),
    [
        ({"train.freeze_epochs": 1}, [False, True]),
        ({"train.encoder_lr_factor": 0.0}, [False, False]),
        ({"train.encoder_lr_factor": 0.0, "train.freeze_epochs": 1}, [False, False]),
        ({}, [True, True]),
    ],
)
def test_a_frozen_encoder_stays_bit_for_bit_until_it_thaws(shapes, changes, moves):
    states = states_after_two_epochs(shapes, changes)
    encoder = [k for k in states[0] if ".encoder." in k and not k.endswith("num_batches_tracked")]
    others = [k for k in states[0] if ".decoder." in k and k.endswith("weight")]
    for (old, new), moved in zip(pairwise(states), moves, strict=True):
        # the running statistics are frozen too
        assert any(not torch.equal(old[k], new[k]) for k in encoder) == moved
        assert all(not torch.equal(old[k], new[k]) for k in others)


def test_a_grid_trains_on_cells_and_predicts_the_whole(shapes, tmp_path):
    recipe = RECIPE.replace(
        **{"data.fit": "grid", "data.grid": (2, 3), "train.epochs": 1, "train.batch_size": 6}
    )
    run = train(Dataset.open(shapes), recipe, tmp_path / "run")
    assert run.preprocessing.grid == (2, 3)
    assert run.evaluations["shapes-val"]["images"] == 3
    mask = Predictor(run)(run.dataset().split("val")[0].image)
    assert mask.shape == (37, 53)
    with pytest.raises(RecipeError, match="needs data"):
        RECIPE.replace(**{"data.grid": (2, 2)})


def write_many_classes(root, count=4):
    rng = np.random.default_rng(1)
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (root / split / kind).mkdir(parents=True)
        for index in range(count):
            mask = rng.integers(0, 4, (37, 53)).astype(np.uint8)
            mask[0] = 255
            Image.fromarray(np.stack([mask * 60] * 3, 2)).save(root / split / f"images/{index}.png")
            Image.fromarray(mask).save(root / split / f"masks/{index}.png")
    (root / "dataset.yaml").write_text(
        "schema: 1\nignore_index: 255\nclasses: [sky, road, car, tree]\n"
    )
    return root


def test_classes_that_do_not_matter_become_other(tmp_path):
    data = Dataset.open(write_many_classes(tmp_path / "many"))
    sample = data.split("val")[0]
    before = data.read_mask(sample)
    merged = data.keeping(["car", "sky"])
    assert merged.labels.names == ["other", "car", "sky"]
    assert merged.labels["car"].color == data.labels["car"].color
    table = np.array([2, 0, 1, 0] + [255] * 252)
    np.testing.assert_array_equal(merged.read_mask(sample), table[before])
    assert Dataset.from_manifest(merged.manifest()).labels == merged.labels
    assert merged.keeping(["car", "sky"]).labels == merged.labels
    turned = data.keeping(["tree", "car", "road", "sky"])
    assert turned.labels.names == ["tree", "car", "road", "sky"]
    np.testing.assert_array_equal(
        turned.read_mask(sample), np.array([3, 2, 1, 0] + [255] * 252)[before]
    )
    with pytest.raises(DataError, match='no class "cars"'):
        data.keeping(["cars"])
    recipe = RECIPE.set(["data.classes=car,sky", "train.epochs=1"])
    run = train(data, recipe, tmp_path / "run")
    # the same files given again are merged again
    sheet = evaluate(run, tmp_path / "many")
    assert sheet.names == ("other", "car", "sky")
    assert sheet.confusion_matrix.sum() == (table[before] != 255).sum() * 4


@pytest.mark.parametrize("normalise", ["imagenet", "dataset", "none"])
def test_normalisation_is_the_recipes(shapes, normalise):
    setup = prepare(Dataset.open(shapes), RECIPE.replace(**{"data.normalise": normalise}), "cpu")
    batch = next(setup.batches.epoch(1))
    if normalise == "none":
        assert batch.images.min() >= 0
        assert batch.images.max() <= 1
    if normalise == "imagenet":
        assert setup.preprocessing.mean == (0.485, 0.456, 0.406)
    if normalise == "dataset":
        assert setup.preprocessing.std != (0.229, 0.224, 0.225)


def test_one_sigmoid_logit_learns_two_classes(shapes, tmp_path):
    recipe = RECIPE.replace(
        **{
            "model.name": "inception-unet",
            "model.head": "sigmoid",
            "train.epochs": 12,
            "loss.name": "cross-entropy",
        }
    )
    run = train(Dataset.open(shapes), recipe, tmp_path / "run")
    assert run.load_model().network(torch.zeros(1, 3, 32, 32)).shape[1] == 1
    assert run.log[-1]["train_loss"] < 0.7 * run.log[0]["train_loss"]
    image = run.dataset().split("val")[0].image
    probability = Predictor(run).probabilities(image)[1]
    cut = float(np.median(probability))
    strict = Predictor(run, settings=[f"predict.threshold={cut}"])
    np.testing.assert_array_equal(strict(image), (probability > np.float32(cut)).astype(np.uint8))
    many = Dataset.open(write_many_classes(tmp_path / "many"))
    with pytest.raises(RecipeError, match="a sigmoid head decides between two classes"):
        train(many, recipe, tmp_path / "none")


def test_a_picture_before_training_and_after_every_epoch(shapes, tmp_path):
    recipe = RECIPE.replace(**{"train.pictures": True, "train.epochs": 2})
    run = train(Dataset.open(shapes), recipe, tmp_path / "run")
    pictures = sorted(path.name for path in (run.path / "pictures").iterdir())
    assert pictures == ["epoch-0000.png", "epoch-0001.png", "epoch-0002.png"]
    with Image.open(run.path / "pictures/epoch-0000.png") as picture:
        assert picture.size == (3 * 53, 37)
        image = np.asarray(picture)[:, :53]
    with Image.open(run.dataset().split("val")[0].image) as first:
        np.testing.assert_array_equal(image, np.asarray(first.convert("RGB")))


def test_uses_that_do_not_fit_are_refused_before_training(tmp_path):
    many = Dataset.open(write_many_classes(tmp_path / "many"))
    for setting, match in (
        ("predict.threshold=0.4", "a threshold decides between two classes"),
        ("predict.soft=true", "the second of two classes"),
        ("predict.portrait=Sky", 'no class "Sky"'),
    ):
        with pytest.raises(RecipeError, match=match):
            train(many, RECIPE.set([setting]), tmp_path / "run")
    with pytest.raises(RecipeError, match="whole cycles"):
        SNAPSHOTS.replace(**{"predict.ensemble": True, "train.patience": 3})
    assert not (tmp_path / "run").exists()


def test_batches_of_one_image_are_refused_where_they_cannot_train(shapes):
    # the U-Net's lowest map has one pixel at 32 px, four at 64
    single = RECIPE.replace(**{"train.batch_size": 1, "data.image_size": (64, 64)})
    prepare(Dataset.open(shapes), single, "cpu")
    with pytest.raises(RecipeError, match="one image of 32x32 px"):
        prepare(Dataset.open(shapes), single.replace(**{"data.image_size": (32, 32)}), "cpu")
    pooled = single.replace(**{"model.name": "deeplabv3plus", "model.encoder": "test_resnet"})
    with pytest.raises(RecipeError, match="a batch of one image"):
        prepare(Dataset.open(shapes), pooled, "cpu")


def test_a_network_that_needs_larger_samples_is_refused_before_anything_is_written(
    shapes, tmp_path
):
    small = RECIPE.replace(**{"model.name": "pan", "model.encoder": "test_resnet"})
    with pytest.raises(ModelError, match="32x32 px are too few"):
        train(Dataset.open(shapes), small, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_misspelt_encoder_is_refused_before_the_data_are_read(shapes, monkeypatch, tmp_path):
    monkeypatch.setattr("intarsia.training.setup.check", lambda data: pytest.fail("read"))
    wrong = RECIPE.replace(**{"model.name": "unet", "model.encoder": "resnet43"})
    with pytest.raises(ModelError, match='no model "resnet43"'):
        train(Dataset.open(shapes), wrong, tmp_path / "run")
