"""Facts: the headline of a run, its time and memory, its splits, its environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intarsia.evaluation import Evaluation
from intarsia.reporting.quantities import quantity
from intarsia.reporting.sheets import role, title
from intarsia.reporting.tables import Cell, Column, Table
from intarsia.reporting.times import mean_of
from intarsia.statistics import Interval

Log = Sequence[Mapping[str, Any]]

_METRICS = {
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "mean_dice": "mean Dice",
    "loss": "loss",
}


@dataclass(frozen=True)
class Fact:
    """One headline figure: what it is, its value in words, and what puts it in proportion.

    `share` and `mark` (0..1) draw a small bar with a tick, the figure beside what it must beat.
    """

    name: str
    value: str
    note: str = ""
    share: float | None = None
    mark: float | None = None


def headline(
    sheet: Evaluation | None, log: Log, summary: Mapping[str, Any], best_epoch: int | None
) -> list[Fact]:
    """The figures at the top of the page, of this evaluation where there is one."""
    facts: list[Fact] = []
    if sheet is not None:
        miou, accuracy, floor = sheet.miou, sheet.pixel_accuracy, sheet.majority_accuracy
        where = f"{sheet.split}, {role(sheet)}"
        facts += [
            Fact("mIoU", quantity(miou, "ratio"), between(sheet.interval("miou"), where), miou),
            Fact(
                "Pixel accuracy",
                quantity(accuracy, "ratio"),
                f"majority baseline {quantity(floor, 'ratio')}",
                share=accuracy,
                mark=floor,
            ),
            Fact(
                "Mean Dice",
                quantity(sheet.mean_dice, "ratio"),
                between(sheet.interval("mean_dice"), f"{quantity(sheet.images, 'count')} images"),
                share=sheet.mean_dice,
            ),
        ]
        primary = next(figure for figure in sheet.figures if figure.primary)
        if primary.metric not in ("miou", "pixel_accuracy", "mean_dice"):
            # in place of a mean that nobody has asked for
            note = between(primary.interval, f"the primary figure, {where}")
            value = quantity(primary.value, "ratio")
            facts = [Fact(primary.name, value, note, primary.value), *facts[:-1]]
    elif summary.get("best_metric") is not None:
        facts.append(
            Fact(
                "Best while training",
                quantity(summary["best_metric"], "ratio"),
                f"validation {_metric(summary)}; not yet evaluated",
            )
        )
    if best_epoch is not None:
        facts.append(Fact("Best epoch", str(best_epoch), f"of {len(log)} trained"))
    if summary.get("training_seconds") is not None:
        speeds = [float(r["images_per_second"]) for r in log if r.get("images_per_second")]
        speed = quantity(sum(speeds) / len(speeds), "rate") if speeds else None
        facts.append(
            Fact(
                "Training time",
                quantity(summary["training_seconds"], "duration"),
                f"{speed} images a second" if speed else "",
            )
        )
    if summary.get("peak_memory_bytes") is not None:
        parameters = summary.get("parameters")
        facts.append(
            Fact(
                "Peak memory",
                quantity(summary["peak_memory_bytes"], "size"),
                f"{quantity(parameters, 'count')} parameters" if parameters else "",
            )
        )
    return facts


def between(found: Interval | None, note: str) -> str:
    """A note that begins with the interval where there is one.

    >>> between(None, "60 images")
    '60 images'
    """
    if found is None:
        return note
    return f"{100 * found.level:g} %: {found.low:.3f} to {found.high:.3f}; {note}"


def best_of(log: Log, summary: Mapping[str, Any], metric: str) -> int | None:
    """The best epoch; of a training that has not ended, the best so far.

    >>> best_of([{"epoch": 1, "val_loss": 2.0}, {"epoch": 2, "val_loss": None}], {}, "loss")
    1
    """
    known = summary.get("best_epoch")
    if known is not None:
        return int(known)
    scored = [(row[f"val_{metric}"], row) for row in log if row.get(f"val_{metric}") is not None]
    if not scored:
        return None
    best = min if metric == "loss" else max
    return int(best(scored, key=lambda pair: pair[0])[1]["epoch"])


def _training_seconds(log: Log) -> float | None:
    """The mean of an epoch without its validation."""
    each = [float(row["seconds"]) - float(row.get("validation_seconds") or 0) for row in log]
    return sum(each) / len(each) if each else None


def training_table(
    log: Log,
    summary: Mapping[str, Any],
    best_epoch: int | None,
    sheets: Iterable[Evaluation] = (),
) -> Table:
    """Time and memory, how the training ended, and what each evaluation took."""
    validation = [float(r["validation_seconds"]) for r in log if r.get("validation_seconds")]
    rows: list[tuple[str, Cell]] = [
        ("parameters", quantity(summary.get("parameters"), "count")),
        ("epochs trained", str(len(log))),
        ("best epoch", quantity(best_epoch)),
        (f"best validation {_metric(summary)}", quantity(summary.get("best_metric"), "number")),
        ("training time", quantity(summary.get("training_seconds"), "duration")),
        ("of it validation", quantity(sum(validation) if validation else None, "duration")),
        ("an epoch, without validation", quantity(_training_seconds(log), "duration")),
        ("training images a second", quantity(mean_of(log, "images_per_second"), "rate")),
        ("peak memory", quantity(summary.get("peak_memory_bytes"), "size")),
    ]
    if summary.get("trainable_parameters") not in (None, summary.get("parameters")):
        trained = quantity(summary["trainable_parameters"], "count")
        rows.insert(1, ("of them trained", trained))
    for sheet in sheets:
        if sheet.seconds is not None:
            each = quantity(sheet.milliseconds_per_image, "rate")
            spent = quantity(sheet.seconds, "duration")
            rows.append((f"evaluation, {title(sheet)}", f"{spent}; {each} ms an image"))
    ended = summary.get("stopped_because")
    fallback = "all epochs are done" if summary else "not finished"
    rows.append(("stopped because", str(ended or fallback)))
    return Table("training", "Time and memory", (Column("what"), Column("value")), tuple(rows))


def _metric(summary: Mapping[str, Any]) -> str:
    return _METRICS.get(str(summary.get("metric")), "figure")


def split_table(manifest: Mapping[str, Any]) -> Table:
    """A row a split: images and groups."""
    images: Counter[str] = Counter()
    groups: dict[str, set[str]] = {}
    for sample in manifest.get("samples") or []:
        split = sample.get("split") or "none"
        images[split] += 1
        if sample.get("group") is not None:
            groups.setdefault(split, set()).add(str(sample["group"]))
    order = {"train": 0, "val": 1, "test": 2}
    rows = tuple(
        (split, images[split], len(groups[split]) if split in groups else None)
        for split in sorted(images, key=lambda name: (order.get(name, 3), name))
    )
    columns = (Column("split"), Column("images", "count"), Column("groups", "count"))
    return Table("splits", "Images by split", columns, rows)


def environment_table(environment: Mapping[str, Any]) -> Table:
    """A row an entry of environment.json: the machine first, then the versions."""
    plain = {k: v for k, v in environment.items() if k not in ("schema", "versions")}
    rows = tuple((name.replace("_", " "), value) for name, value in _flat(plain)) + tuple(
        _flat(environment.get("versions") or {})
    )
    return Table("environment", "Environment", (Column("what"), Column("value")), rows)


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Cell]]:
    """Nested entries get dotted names."""
    rows: list[tuple[str, Cell]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}.")
        elif isinstance(value, (list, tuple)):
            rows.append((name, ", ".join(map(str, value))))
        else:
            rows.append((name, None if value is None else str(value)))
    return rows
