"""The published figures of the five reference systems, and what they were measured on.

Read from the reports; nothing here is ours. Shares are 0..1 (the reports' per cents divided by
100), losses in nats, times in seconds unless the column's name says milliseconds. [I] marks an
inference where a report is silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intarsia.errors import RecipeError, did_you_mean


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published table.

    `model` is the name of our recipe, `split` theirs (`train`, `val`, `test`), `values` the
    figures by column, and `setting` what tells two rows of one model apart ("128 px").
    """

    model: str
    split: str
    values: Mapping[str, float]
    setting: str = ""


@dataclass(frozen=True)
class PublishedTable:
    """A published table: `columns` in the report's order, `note` what a reader must know of it.

    But for times, a column is named as the property of `reproduction.historical` that gives ours.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    note: str

    def row(self, model: str, split: str, setting: str = "") -> PublishedRow | None:
        """The row of a model on a split, or None where they published none.

        >>> row = R1.table("Accuracy").row("mobilenetv2-pix2pix-unet", "val", "224 px")
        >>> row.values["pixel_accuracy"]
        0.903
        """
        for row in self.rows:
            if (row.model, row.split, row.setting) == (model, split, setting):
                return row
        return None


@dataclass(frozen=True)
class PublishedSystem:
    """One report: its tables and the protocol behind them.

    `images`, `split`, `training`, `weights` and `measured` are plain sentences for the lines that
    tell our differences; `counts` are the numbers of images (and patches) in them, `epochs` and
    `batch_sizes` those of every model, by the name of our recipe.
    """

    key: str
    title: str
    images: str
    split: str
    training: str
    weights: str
    measured: str
    counts: Mapping[str, int]
    epochs: Mapping[str, int]
    batch_sizes: Mapping[str, int]
    tables: tuple[PublishedTable, ...]

    def table(self, title: str) -> PublishedTable:
        """The table of that title.

        Raises RecipeError where there is none.

        >>> R4.table("IoU").rows[-1].values
        {'iou': 0.977}
        """
        for table in self.tables:
            if table.title == title:
                return table
        raise RecipeError(
            f'{self.key} has no table "{title}"',
            hint=did_you_mean(title, [table.title for table in self.tables]),
        )


R0 = PublishedSystem(
    key="R0",
    title="ResNet18 encoder-decoder, with and without skip connections",
    images="298 HD images (1080 x 1920) with masks of nine classes; neither is public.",
    split="224 images train, 24 validate, 50 test.",
    training="30 epochs, batch 3 or 5, Adam at 1e-4, categorical cross-entropy; "
    "normalization and augmentation are not stated.",
    weights="The ResNet18 encoder is pretrained (on ImageNet [I]).",
    measured="Pixel accuracy and mean IoU; how the mean is taken is not stated, nor on which "
    "split: taken as the 50 test images [I].",
    counts={"images": 298, "train": 224, "val": 24, "test": 50},
    epochs={"resnet18-deconv": 30, "resnet18-deconv-skip": 30},
    # "3 / 5": which of them with which model is not stated; the order of the models [I]
    batch_sizes={"resnet18-deconv": 3, "resnet18-deconv-skip": 5},
    tables=(
        PublishedTable(
            title="Accuracy and mean IoU",
            columns=("pixel_accuracy", "miou"),
            rows=(
                PublishedRow("resnet18-deconv", "test", {"pixel_accuracy": 0.9539, "miou": 0.2756}),
                PublishedRow(
                    "resnet18-deconv-skip", "test", {"pixel_accuracy": 0.9586, "miou": 0.3217}
                ),
            ),
            note="An accuracy of 0.95 beside a mean IoU of 0.28 means that one class dominates; "
            "the accuracy of always answering that class was not given.",
        ),
    ),
)

R1 = PublishedSystem(
    key="R1",
    title="MobileNetV2 U-Net, transfer learning on Oxford-IIIT Pet",
    images="Oxford-IIIT Pet, 3680 images to train and 3669 to test, three classes (pet, "
    "background, border), squashed to 128 x 128 or 224 x 224 with masks resized bilinearly.",
    split="3680 images train; their validation is 704 images of the test split.",
    training="20 epochs, batch 64, Adam at 1e-3, cross-entropy, horizontal flips; the encoder "
    "stays frozen.",
    weights="The MobileNetV2 encoder is pretrained on ImageNet and frozen.",
    measured="Pixel accuracy at 128 x 128 or 224 x 224, not at the images' own size.",
    counts={"train": 3680, "test": 3669, "val": 704},
    epochs={"mobilenetv2-pix2pix-unet": 20},
    batch_sizes={"mobilenetv2-pix2pix-unet": 64},
    tables=(
        PublishedTable(
            title="Accuracy",
            columns=("pixel_accuracy",),
            rows=(
                PublishedRow(
                    "mobilenetv2-pix2pix-unet", "train", {"pixel_accuracy": 0.935}, "128 px"
                ),
                PublishedRow(
                    "mobilenetv2-pix2pix-unet", "val", {"pixel_accuracy": 0.886}, "128 px"
                ),
                PublishedRow(
                    "mobilenetv2-pix2pix-unet", "train", {"pixel_accuracy": 0.928}, "224 px"
                ),
                PublishedRow(
                    "mobilenetv2-pix2pix-unet", "val", {"pixel_accuracy": 0.903}, "224 px"
                ),
            ),
            note="Their finding: the higher resolution overfits less. Every epoch was looked at "
            "on images of the test split.",
        ),
    ),
)


_TABLE_ONE = ("loss", "accuracy", "f1", "soft_dice", "specificity", "sensitivity")


def _table_one(
    model: str,
    split: str,
    figures: tuple[float, float, float, float, float, float],
) -> PublishedRow:
    return PublishedRow(model, split, dict(zip(_TABLE_ONE, figures, strict=True)))


R2 = PublishedSystem(
    key="R2",
    title="U-Net with ResNet34 against DeepLabV3 with Xception on CamVid",
    images="CamVid at 480 x 360 with eleven classes and Unlabelled, all twelve trained and "
    "scored; every image is cut into 16 patches (4 x 4 tiles of 120 x 90, resized to "
    "128 x 128 [I]).",
    split="5872 patches of the 367 train images, 80 % train and 20 % validate, split after "
    "cutting, so that patches of one image lie on both sides; their test is the 101 "
    "images (1616 patches) of CamVid's validation split.",
    training="20 epochs, batch 16, Adam at 1e-3, softmax with categorical cross-entropy, learning "
    "rate reduced on a plateau, checkpoint by validation accuracy; rotation, shift and "
    "horizontal flip.",
    weights="Whether the encoders were pretrained is not stated.",
    measured="One-hot micro averages at 0.5 over patches of 128 x 128, soft Dice; times on an "
    "Intel i7 of the ninth generation at 2.6 GHz.",
    counts={
        "train": 367,
        "train_patches": 5872,
        "test": 101,
        "test_patches": 1616,
        "patches_per_image": 16,
        "classes": 12,
    },
    epochs={"unet-resnet34": 20, "deeplabv3-xception": 20},
    batch_sizes={"unet-resnet34": 16, "deeplabv3-xception": 16},
    tables=(
        PublishedTable(
            title="Table I",
            columns=_TABLE_ONE,
            rows=(
                _table_one(
                    "unet-resnet34", "train", (0.5270, 0.8452, 0.8531, 0.7798, 0.9929, 0.8025)
                ),
                _table_one(
                    "deeplabv3-xception", "train", (0.3654, 0.8939, 0.8979, 0.8413, 0.9948, 0.8619)
                ),
                _table_one(
                    "unet-resnet34", "val", (0.6748, 0.8088, 0.8183, 0.7437, 0.9902, 0.7688)
                ),
                _table_one(
                    "deeplabv3-xception", "val", (0.6833, 0.8213, 0.8279, 0.7735, 0.9895, 0.7893)
                ),
                _table_one(
                    "unet-resnet34", "test", (0.6042, 0.8331, 0.8376, 0.7455, 0.9920, 0.7843)
                ),
                _table_one(
                    "deeplabv3-xception", "test", (0.5598, 0.8342, 0.8403, 0.7754, 0.9911, 0.7957)
                ),
            ),
            note="F1, sensitivity and specificity are micro averages over the one-hot tensor at "
            "0.5; their Dice is the mean probability of the true class.",
        ),
        PublishedTable(
            title="Table II",
            columns=(
                "training_seconds",
                "evaluation_seconds",
                "prediction_seconds",
                "milliseconds_per_patch",
            ),
            rows=(
                PublishedRow(
                    "unet-resnet34",
                    "test",
                    {
                        "training_seconds": 13282.0,
                        "evaluation_seconds": 43.0,
                        "prediction_seconds": 37.0,
                        "milliseconds_per_patch": 22.9,
                    },
                ),
                PublishedRow(
                    "deeplabv3-xception",
                    "test",
                    {
                        "training_seconds": 27202.0,
                        "evaluation_seconds": 114.1,
                        "prediction_seconds": 97.7,
                        "milliseconds_per_patch": 60.5,
                    },
                ),
            ),
            note="Measured on another machine: only the ratio of the two networks can be compared. "
            "Evaluation and prediction are of the 1616 patches of their test, training of 20 "
            "epochs.",
        ),
    ),
)

R3 = PublishedSystem(
    key="R3",
    title="Transfer learning against a mini network on campus photos",
    images="130 phone photos (4032 x 3024) of a campus: building, car, traffic sign, chair, "
    "person and background; the masks are not public.",
    split="104 photos train, 13 validate, 13 test.",
    training="Transfer: 16 epochs, batch 8, AdamW at 1e-3 with weight decay 1e-4, one-cycle, best "
    "by validation loss. Mini: 30 epochs, batch 4, AdamW at 1e-3 with weight decay 5e-4, "
    'best by validation "Dice".',
    weights="The MobileNetV2 encoder of the transfer model is pretrained (on ImageNet [I]); the "
    "mini network starts from scratch.",
    measured="Transfer: pixel accuracy and the mean over single images of the mean IoU of the "
    'classes present. Mini: loss and a "Dice" on class indices. No figure is given for both.',
    counts={"images": 130, "train": 104, "val": 13, "test": 13},
    epochs={"unet-mobilenetv2": 16, "mini-unet": 30},
    batch_sizes={"unet-mobilenetv2": 8, "mini-unet": 4},
    tables=(
        PublishedTable(
            title="Transfer model",
            columns=("per_image_miou", "pixel_accuracy"),
            rows=(
                PublishedRow(
                    "unet-mobilenetv2", "test", {"per_image_miou": 0.618, "pixel_accuracy": 0.879}
                ),
            ),
            note="A mean over 13 images, classes absent from an image's truth left out.",
        ),
        PublishedTable(
            title="Mini network",
            columns=("loss", "index_dice"),
            rows=(PublishedRow("mini-unet", "test", {"loss": 0.6055, "index_dice": 0.2022}),),
            note="The figure called Dice was computed on class indices; it cannot be compared with "
            "a Dice, nor with the transfer model.",
        ),
    ),
)

R4 = PublishedSystem(
    key="R4",
    title="Lungs in CT: plain, inception blocks, snapshot schedule",
    images="267 CT slices (512 x 512 TIFF) with lung masks; both read as 8 bits and blurred "
    "(Gaussian, 5 x 5) before use, as the public notebook has it.",
    split="A tenth tests (seed 3); the tracked version takes a tenth of the rest to validate: 216 "
    "slices train, 24 validate, 27 test.",
    training="Batch 8, Adam at 1e-3, binary cross-entropy; zoom, shifts, horizontal and vertical "
    "flips. Snapshot schedule of 1600 epochs in 8 cycles; the tracked version has 60 in 3.",
    weights="All networks start from scratch.",
    measured="One IoU over all test pixels at threshold 0.784; the snapshots were never averaged.",
    counts={"images": 267, "train": 216, "val": 24, "test": 27},
    # the epochs of the two models without the schedule are not stated
    epochs={"inception-unet-snapshot": 1600},
    batch_sizes={"conv-unet": 8, "inception-unet": 8, "inception-unet-snapshot": 8},
    tables=(
        PublishedTable(
            title="IoU",
            columns=("iou",),
            rows=(
                PublishedRow("conv-unet", "test", {"iou": 0.0}),
                PublishedRow("inception-unet", "test", {"iou": 0.432}),
                PublishedRow("inception-unet-snapshot", "test", {"iou": 0.977}),
            ),
            note="One run each; the models differ in more than one thing (kernels, blocks, "
            "schedule).",
        ),
    ),
)

SYSTEMS = (R0, R1, R2, R3, R4)
