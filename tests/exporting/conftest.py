import pytest
import torch

from intarsia.datasets import Dataset
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.runs.checkpoint import BEST, save_weights
from intarsia.runs.network import build_network
from intarsia.training import train
from intarsia.transforms import Preprocessing

RECIPE = {
    "model.name": "unet",
    "model.encoder": "test_resnet",
    "train.weights": "none",
    "train.epochs": 4,
    "train.batch_size": 4,
    "train.pictures": False,
    "data.image_size": (32, 48),
    "data.fit": "crop",
    "predict.flip": True,
}


@pytest.fixture(scope="session")
def boxes_run(shapes, tmp_path_factory):
    """A run of random weights on `shapes`, as quick as can be; to be read only."""
    recipe, data = Recipe().replace(**RECIPE), Dataset.open(shapes)
    folder = tmp_path_factory.mktemp("exported") / "boxes"
    folder.mkdir()
    means, deviations = (0.45, 0.45, 0.45), (0.25, 0.25, 0.25)
    preprocessing = Preprocessing((32, 48), "crop", data.scaling, means, deviations)
    run = Run.create(folder, recipe=recipe, data=data, preprocessing=preprocessing, environment={})
    torch.manual_seed(0)
    model = build_network(recipe.model, classes=2, channels=3)
    save_weights(run.checkpoints / BEST, model.state_dict())
    run.finish({"epochs": 4, "parameters": sum(p.numel() for p in model.parameters())})
    return run


@pytest.fixture(scope="session")
def trained_run(shapes, tmp_path_factory):
    """The same, trained; for slow tests, to be read only."""
    out = tmp_path_factory.mktemp("trained") / "boxes"
    return train(Dataset.open(shapes), Recipe().replace(**RECIPE), out, device="cpu")
