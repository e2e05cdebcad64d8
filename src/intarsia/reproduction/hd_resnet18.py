"""R0: ResNet18 encoder-decoder, with and without skip connections."""

from __future__ import annotations

from intarsia.datasets import Dataset
from intarsia.recipe import Recipe
from intarsia.reproduction.historical import PlainAccuracy
from intarsia.reproduction.published import R0
from intarsia.reproduction.splits import val_as_test
from intarsia.reproduction.system import Experiment, System


def _arranged(data: Dataset) -> Dataset:
    return val_as_test(data, share=0.1, seed=0)


SYSTEM = System(
    name="hd-resnet18",
    published=R0,
    experiments=(
        Experiment("no-skip", Recipe.load("resnet18-deconv"), model="resnet18-deconv"),
        Experiment("skip", Recipe.load("resnet18-deconv-skip"), model="resnet18-deconv-skip"),
    ),
    arrange=_arranged,
    scores=lambda classes: [PlainAccuracy(classes)],
    differences=(
        "Other images: theirs are not public. A data set without a test split is tested on its "
        "val split, and a tenth of its train images validates.",
        "The listed sizes cannot be had (four doublings of a map that was halved five times): the "
        "decoder has five stages, and its output is as large as its input.",
        "Neither normalization nor augmentation is stated: ImageNet's, and none.",
    ),
)
