"""R1: MobileNetV2 U-Net with a frozen encoder, on Oxford-IIIT Pet."""

from __future__ import annotations

from intarsia.datasets import Dataset
from intarsia.recipe import DEFAULT, Recipe
from intarsia.reproduction.historical import PlainAccuracy
from intarsia.reproduction.published import R1
from intarsia.reproduction.splits import val_as_test
from intarsia.reproduction.system import Experiment, System

_MODEL = "mobilenetv2-pix2pix-unet"
_RECIPE = Recipe.load(_MODEL)


def _arranged(data: Dataset) -> Dataset:
    return val_as_test(data, share=0.15, seed=0)


SYSTEM = System(
    name="pets-mobilenetv2",
    published=R1,
    experiments=(
        Experiment("128px", _RECIPE, model=_MODEL, setting="128 px"),
        Experiment(
            "224px",
            _RECIPE.replace(**{"data.image_size": (224, 224)}),
            model=_MODEL,
            setting="224 px",
        ),
        Experiment("default", Recipe.load(DEFAULT).replace(**{"train.epochs": 20}), ours=True),
    ),
    arrange=_arranged,
    scores=lambda classes: [PlainAccuracy(classes)],
    tables={"val": "test"},
    differences=(
        "Their validation images were a part of the test split, looked at after every epoch. Here "
        "a part of the train images chooses the epoch, and the test images are measured once: our "
        "test figures stand beside their validation figures.",
        "Masks are brought to the network's size by the nearest pixel; theirs were interpolated, "
        "which invents classes along edges.",
        "Measured at the images' own size; theirs at the network's.",
    ),
)
