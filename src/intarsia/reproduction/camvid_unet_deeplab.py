"""R2: U-Net with ResNet34 against DeepLabV3 with Xception, on patches of CamVid."""

from __future__ import annotations

from intarsia.datasets import Dataset
from intarsia.recipe import DEFAULT, Recipe
from intarsia.reproduction.historical import OneHotMicro
from intarsia.reproduction.published import R2
from intarsia.reproduction.splits import counting_ignored, val_as_test
from intarsia.reproduction.system import Experiment, System

_OURS = Recipe.load(DEFAULT).replace(
    **{
        # small samples: on two CPU cores twenty minutes must hold many steps
        "data.image_size": (192, 256),
        "train.batch_size": 6,
        # a fifth of the time would go into validations otherwise
        "train.validate_every": 8,
        # after the training; on the val images it gains half a point of pixel accuracy
        "predict.crf": True,
    }
)


def _arranged(data: Dataset) -> Dataset:
    return counting_ignored(val_as_test(data, share=0.2, seed=0, always=True), "Unlabelled")


SYSTEM = System(
    name="camvid-unet-deeplab",
    published=R2,
    experiments=(
        Experiment("unet-resnet34", Recipe.load("unet-resnet34"), model="unet-resnet34"),
        Experiment(
            "deeplabv3-xception", Recipe.load("deeplabv3-xception"), model="deeplabv3-xception"
        ),
        Experiment("default", _OURS, ours=True),
    ),
    arrange=_arranged,
    scores=lambda classes: [OneHotMicro(classes)],
    unscored="Unlabelled",
    differences=(
        "The images are split before they are cut into patches; theirs after, which put patches "
        "of one image on both sides.",
        "Scored at the images' own size, all patches of an image put together again; theirs on "
        "patches of 128 x 128.",
        "Atrous rates 6, 12, 18 at output stride 16; theirs are not stated.",
        "Plateau of three epochs, factor 0.3; rotation up to 10 degrees, shifts up to a tenth: "
        "the report names the methods without their parameters.",
    ),
)
