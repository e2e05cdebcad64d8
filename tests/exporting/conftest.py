import pytest


@pytest.fixture(scope="session")
def boxes_run(shapes, tmp_path_factory):
    """A tiny network that has learned the boxes of `shapes`; to be read only."""
    from intarsia.datasets import Dataset
    from intarsia.recipe import Recipe
    from intarsia.training import train

    recipe = Recipe().replace(
        **{
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
    )
    out = tmp_path_factory.mktemp("exported") / "boxes"
    return train(Dataset.open(shapes), recipe, out, device="cpu")
