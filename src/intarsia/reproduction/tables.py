"""Tables of a reproduction: theirs beside ours."""

from __future__ import annotations

from collections.abc import Sequence

from intarsia.reporting.tables import Cell, Column, Table
from intarsia.reproduction.published import PublishedRow, PublishedTable
from intarsia.reproduction.results import Measured, Result
from intarsia.reproduction.system import System

_SHOWN: dict[str, Column] = {
    "training_seconds": Column("training", "duration"),
    "evaluation_seconds": Column("evaluation", "duration"),
    "prediction_seconds": Column("prediction", "duration"),
    "milliseconds_per_patch": Column("ms a patch", "number"),
    "pixel_accuracy": Column("pixel accuracy", "ratio"),
    "per_image_miou": Column("mean of the images' mIoU", "ratio"),
    "soft_dice": Column("soft Dice", "ratio"),
    "index_dice": Column('"Dice" of class numbers', "ratio"),
    "miou": Column("mIoU", "ratio"),
    "iou": Column("IoU at 0.784", "ratio"),
    "f1": Column("F1", "ratio"),
}
_HONEST = (
    ("miou", Column("mIoU", "ratio")),
    ("mean_dice", Column("mean Dice", "ratio")),
    ("mean_accuracy", Column("mean accuracy", "ratio")),
    ("pixel_accuracy", Column("pixel accuracy", "ratio")),
    ("majority_accuracy", Column("majority baseline", "ratio")),
)


def published_tables(system: System, results: Sequence[Result]) -> list[Table]:
    """Each published table with a line of ours under each of theirs."""
    return [_beside(system, number, results) for number in range(len(system.published.tables))]


def _beside(system: System, number: int, results: Sequence[Result]) -> Table:
    table = system.published.tables[number]
    rows: list[tuple[Cell, ...]] = []
    for row in table.rows:
        about = _about(row.model, row.setting)
        figures = tuple(row.values.get(column) for column in table.columns)
        rows.append(("theirs", about, row.split, *figures))
        for result in results:
            if result.model == row.model and row.setting in ("", result.setting):
                rows += _ours(system, table, row, result)
    last = _our_split(system, table.rows[-1].split)
    for result in results:
        if result.ours:
            measured = result.on(last)
            if measured is not None:
                about = f"{result.network}, {result.experiment}"
                rows.append(("ours", about, last, *_figures(system, table, result, measured)))
    columns = (
        Column(""),
        Column("model"),
        Column("split"),
        *(_SHOWN.get(name, Column(name, "ratio")) for name in table.columns),
    )
    name = f"published-{number + 1}"
    return Table(name, f"{system.published.key}: {table.title}", columns, tuple(rows))


def _ours(
    system: System, table: PublishedTable, row: PublishedRow, result: Result
) -> list[tuple[Cell, ...]]:
    split = _our_split(system, row.split)
    about = _about(result.model, result.setting)
    lines: list[tuple[Cell, ...]] = []
    for measured in result.measured:
        if measured.split == split:
            changed = "".join(f", {key} {value}" for key, value in measured.settings.items())
            lines.append(
                ("ours", about + changed, split, *_figures(system, table, result, measured))
            )
    return lines


def _our_split(system: System, theirs: str) -> str:
    return system.tables.get(theirs, theirs)


def _about(model: str, setting: str) -> str:
    return f"{model}, {setting}" if setting else model


def _figures(
    system: System, table: PublishedTable, result: Result, measured: Measured
) -> tuple[Cell, ...]:
    own = {
        "training_seconds": result.training_seconds,
        "evaluation_seconds": measured.seconds,
        "prediction_seconds": measured.milliseconds_per_image * measured.images / 1000,
        # an image holds as many patches for every network, also for one that sees it whole
        "milliseconds_per_patch": measured.milliseconds_per_image
        / system.published.counts.get("patches_per_image", 1),
    }
    return tuple(own.get(name, measured.historical.get(name)) for name in table.columns)


def honest_table(results: Sequence[Result]) -> Table:
    """The plain sheet of every experiment on test, with and without the class only they scored."""
    rows: list[tuple[Cell, ...]] = []
    for result in results:
        for measured in result.measured:
            if measured.split != "test":
                continue
            changed = "".join(f", {key} {value}" for key, value in measured.settings.items())
            name = result.experiment + changed
            for kind, sheet in (
                ("all classes", measured.honest),
                ("without the unlabelled", measured.unscored),
            ):
                if sheet is not None:
                    figures = (sheet.get(key) for key, _ in _HONEST)
                    rows.append((name, kind, measured.images, *figures))
    columns = (
        Column("experiment"),
        Column("classes"),
        Column("images", "count"),
        *(column for _, column in _HONEST),
    )
    return Table("honest", "One confusion matrix over the test split", columns, tuple(rows))


def training_table(results: Sequence[Result]) -> Table:
    """What each training was and cost."""
    rows = tuple(
        (
            result.experiment,
            result.network,
            result.parameters,
            "ImageNet encoder" if result.weights != "none" else "random",
            f"{result.image_size[0]}x{result.image_size[1]}",
            result.batch_size,
            result.epochs,
            result.best_epoch,
            result.training_seconds,
            result.peak_memory_bytes,
        )
        for result in results
    )
    columns = (
        Column("experiment"),
        Column("network"),
        Column("parameters", "count"),
        Column("first weights"),
        Column("sample, px"),
        Column("batch", "count"),
        Column("epochs", "count"),
        Column("best epoch", "count"),
        Column("training", "duration"),
        Column("peak memory of the process", "size"),
    )
    return Table("training", "Trainings", columns, rows)
