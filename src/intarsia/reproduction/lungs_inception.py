"""R4: lungs in CT: plain against inception blocks against the snapshot schedule."""

from __future__ import annotations

from intarsia.datasets import Dataset
from intarsia.recipe import DEFAULT, Recipe
from intarsia.reproduction.historical import ThresholdIou
from intarsia.reproduction.published import R4
from intarsia.reproduction.splits import drawn
from intarsia.reproduction.system import Experiment, System

_SINGLE = ("predict.ensemble=false",)


def _arranged(data: Dataset) -> Dataset:
    return drawn(data, {"train": 0.81, "val": 0.09, "test": 0.1}, seed=3)


SYSTEM = System(
    name="lungs-inception",
    published=R4,
    experiments=(
        Experiment("conv-1x1", Recipe.load("conv-unet"), model="conv-unet"),
        Experiment("conv-3x3", Recipe.load("conv-unet-3x3"), ours=True),
        Experiment("inception", Recipe.load("inception-unet"), model="inception-unet"),
        Experiment(
            "inception-snapshot",
            Recipe.load("inception-unet-snapshot"),
            model="inception-unet-snapshot",
            settings=(_SINGLE,),
        ),
        Experiment(
            "default",
            Recipe.load(DEFAULT).replace(**{"data.image_size": (64, 64), "train.epochs": 20}),
            ours=True,
        ),
    ),
    arrange=_arranged,
    scores=lambda classes: [ThresholdIou()],
    two_classes=True,
    differences=(
        "The images keep their grey values and the masks their edges; theirs were blurred.",
        "Slices are brought to 64 x 64 pixels; theirs have 512 x 512. The tracked version has 60 "
        "epochs in 3 cycles, the report 1600 in 8.",
        "A slice goes to test, val or train by our own draw, whole groups together where "
        "dataset.yaml names them: the order of their files is not known.",
        "The best epoch on val is tested; theirs was the last. The snapshots are averaged, which "
        "they never were; the single best epoch stands beside them.",
    ),
)
