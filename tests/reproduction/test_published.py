import itertools
import re

import pytest

from intarsia.errors import RecipeError
from intarsia.reproduction.published import (
    R0,
    R1,
    R2,
    R3,
    R4,
    SYSTEMS,
    PublishedSystem,
    PublishedTable,
)

RECIPES = {
    "resnet18-deconv",
    "resnet18-deconv-skip",
    "mobilenetv2-pix2pix-unet",
    "unet-resnet34",
    "deeplabv3-xception",
    "unet-mobilenetv2",
    "mini-unet",
    "conv-unet",
    "inception-unet",
    "inception-unet-snapshot",
}
TABLES = [(system, table) for system in SYSTEMS for table in system.tables]


def by_title(value: object) -> str:
    return value.title if isinstance(value, PublishedTable) else getattr(value, "key", str(value))


def test_five_systems_in_order() -> None:
    assert [system.key for system in SYSTEMS] == ["R0", "R1", "R2", "R3", "R4"]


def test_every_published_model_is_one_of_our_recipes() -> None:
    published = [row.model for _, table in TABLES for row in table.rows]
    assert set(published) == RECIPES


@pytest.mark.parametrize(("system", "table"), TABLES, ids=by_title)
def test_a_table_is_full(system: PublishedSystem, table: PublishedTable) -> None:
    for row in table.rows:
        assert tuple(row.values) == table.columns, row
        assert row.split in ("train", "val", "test")
        assert row.model in system.batch_sizes
        assert table.row(row.model, row.split, row.setting) is row
    assert system.table(table.title) is table
    assert table.note.endswith(".")


@pytest.mark.parametrize(("system", "table"), TABLES, ids=by_title)
def test_shares_are_no_per_cents(system: PublishedSystem, table: PublishedTable) -> None:
    for row, column in itertools.product(table.rows, table.columns):
        value = row.values[column]
        if "seconds" in column:
            assert value > 1
        elif column == "loss":
            assert 0 < value < 2.5  # below ln 12: better than guessing
        else:
            assert 0 <= value < 1, (row, column)


@pytest.mark.parametrize("system", SYSTEMS, ids=by_title)
def test_sentences_hold_the_numbers(system: PublishedSystem) -> None:
    told = {}
    for name in ("images", "split", "training", "weights", "measured"):
        sentence = getattr(system, name)
        assert sentence.endswith("."), name
        told[name] = {int(number) for number in re.findall(r"\d+", sentence)}
    counts = {key: n for key, n in system.counts.items() if key != "classes"}
    assert set(counts.values()) <= told["images"] | told["split"]
    assert set(system.epochs.values()) <= told["training"]
    assert set(system.batch_sizes.values()) <= told["training"]


@pytest.mark.parametrize("system", [R0, R3, R4], ids=by_title)
def test_splits_add_up(system: PublishedSystem) -> None:
    counts = system.counts
    assert counts["train"] + counts["val"] + counts["test"] == counts["images"]


def test_pets() -> None:
    assert R1.counts["val"] % R1.batch_sizes["mobilenetv2-pix2pix-unet"] == 0  # whole batches
    rows = {row.setting + " " + row.split: row for row in R1.table("Accuracy").rows}
    gaps = [
        rows[f"{size} px train"].values["pixel_accuracy"]
        - rows[f"{size} px val"].values["pixel_accuracy"]
        for size in (128, 224)
    ]
    assert gaps == pytest.approx([0.049, 0.025])  # their finding: 224 px overfits less


def test_camvid_patches() -> None:
    counts = R2.counts
    assert counts["train_patches"] / counts["train"] == 16 == counts["patches_per_image"]
    assert counts["test_patches"] / counts["test"] == 16


def test_camvid_milliseconds_are_those_of_the_test_patches() -> None:
    for row in R2.table("Table II").rows:
        milliseconds = row.values["prediction_seconds"] / R2.counts["test_patches"] * 1000
        assert milliseconds == pytest.approx(row.values["milliseconds_per_patch"], abs=0.05)


def test_camvid_table_one() -> None:
    table = R2.table("Table I")
    splits = [(row.model, row.split) for row in table.rows]
    assert sorted(splits) == sorted(
        itertools.product(("unet-resnet34", "deeplabv3-xception"), ("train", "val", "test"))
    )
    for row in table.rows:
        values = row.values
        # with at most one answer a pixel: hits <= right pixels, F1 >= sensitivity (answers <=
        # pixels), and the wrong answers (1 - specificity) * 11 <= the rest; four digits are given
        assert values["sensitivity"] < values["accuracy"] < values["f1"]
        assert values["sensitivity"] + (1 - values["specificity"]) * 11 < 1
        assert values["specificity"] > 10 / 11
    best = {
        column: max(table.rows, key=lambda row, c=column: row.values[c] * (row.split == "test"))
        for column in ("accuracy", "soft_dice")
    }
    assert {row.model for row in best.values()} == {"deeplabv3-xception"}


def test_headline_figures() -> None:
    """The figures that the issue and the README name, against a slip of the finger."""

    def value(system: PublishedSystem, title: str, model: str, column: str) -> float:
        row = system.table(title).row(model, "test")
        assert row is not None
        return row.values[column]

    assert value(R0, "Accuracy and mean IoU", "resnet18-deconv", "miou") == 0.2756
    assert value(R0, "Accuracy and mean IoU", "resnet18-deconv-skip", "pixel_accuracy") == 0.9586
    assert value(R2, "Table I", "unet-resnet34", "accuracy") == 0.8331
    assert value(R2, "Table I", "deeplabv3-xception", "soft_dice") == 0.7754
    assert value(R3, "Transfer model", "unet-mobilenetv2", "per_image_miou") == 0.618
    assert value(R3, "Mini network", "mini-unet", "index_dice") == 0.2022
    assert value(R4, "IoU", "conv-unet", "iou") == 0.0
    assert value(R4, "IoU", "inception-unet-snapshot", "iou") == 0.977


def test_no_row_and_no_table() -> None:
    assert R4.table("IoU").row("mini-unet", "test") is None
    assert R1.table("Accuracy").row("mobilenetv2-pix2pix-unet", "val") is None  # which size?
    with pytest.raises(RecipeError, match="R2 has no table") as caught:
        R2.table("Table 1")
    assert caught.value.hint is not None
    assert "Table I" in caught.value.hint
