"""R3: transfer learning against a mini network, on photographs."""

from __future__ import annotations

from intarsia.datasets import Dataset
from intarsia.recipe import Recipe
from intarsia.reproduction.historical import IndexDice, OneHotMicro, PerImageMiou, PlainAccuracy
from intarsia.reproduction.published import R3
from intarsia.reproduction.splits import drawn
from intarsia.reproduction.system import Experiment, System

_BOTH = {
    "data.image_size": (256, 256),
    "data.fit": "stretch",
    "data.normalise": "dataset",
    "data.augment.flip": 0.5,
    "data.augment.rotation": 30.0,
    "data.augment.rotation_probability": 0.5,
    "data.augment.scale": (1.0, 1.0),
    "data.augment.shift": 0.0,
    "data.augment.color_probability": 0.2,
    "data.augment.blur": 0.1,
    "train.optimizer": "adamw",
    "train.lr": 1e-3,
    "train.encoder_lr_factor": 1.0,
    "train.clip_norm": 0.0,
    "loss.name": "cross-entropy",
    "loss.class_weights": "none",
}
_TRANSFER = Recipe.load("unet-mobilenetv2").replace(
    **_BOTH,
    **{
        "train.epochs": 16,
        "train.batch_size": 8,
        "train.weight_decay": 1e-4,
        "train.metric": "loss",
        "train.patience": 7,
        "schedule.name": "one-cycle",
        "schedule.warmup": 0.3,
    },
)
_MINI = Recipe.load("mini-unet").replace(
    **_BOTH,
    **{
        "train.epochs": 30,
        "train.batch_size": 4,
        "train.weight_decay": 5e-4,
        "train.metric": "mean_dice",
        "schedule.name": "constant",
        "schedule.warmup": 0.0,
    },
)


def _arranged(data: Dataset) -> Dataset:
    return drawn(data, {"train": 0.8, "val": 0.1, "test": 0.1}, seed=0)


SYSTEM = System(
    name="campus-transfer",
    published=R3,
    experiments=(
        *(
            Experiment(
                f"transfer-{seed}",
                _TRANSFER.replace(**{"train.seed": seed}),
                model="unet-mobilenetv2",
                setting=f"seed {seed}",
            )
            for seed in range(3)
        ),
        Experiment("mini", _MINI, model="mini-unet"),
    ),
    arrange=_arranged,
    scores=lambda classes: [
        PerImageMiou(classes),
        PlainAccuracy(classes),
        IndexDice(classes),
        OneHotMicro(classes),
    ],
    differences=(
        "Other photographs and classes: the masks of theirs are not public. All classes of the "
        "data are trained and scored, background among them.",
        "Mean and standard deviation are those of the train split alone.",
        "The mini network is chosen by a mean Dice of masks; theirs by a figure on class numbers.",
        "Both networks are measured with every metric; the report has other metrics for each.",
    ),
)
