"""Times: what training, measuring and one mask cost, a row a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from intarsia.reporting.evaluations import evaluations_of
from intarsia.reporting.sheets import title
from intarsia.reporting.tables import Cell, Column, Table

if TYPE_CHECKING:
    from intarsia.runs import Run

_COLUMNS = (
    Column("run"),
    Column("parameters", "count"),
    Column("epochs", "count"),
    Column("training s", "rate"),
    Column("s an epoch", "rate"),
    Column("validation s an epoch", "rate"),
    Column("training images/s", "rate"),
    Column("peak memory", "size"),
    Column("evaluated on"),
    Column("images", "count"),
    Column("evaluation s", "rate"),
    Column("ms an image", "rate"),
)


def time_table(runs: Mapping[str, Run]) -> Table:
    """A row a run, under the names given: parameters, seconds, memory in bytes.

    "s an epoch" is the mean of an epoch, its validation included. "evaluated on" is the
    run's first evaluation; "ms an image" is its mean from decoded pixels to the mask.
    """
    rows = tuple(_row(name, run) for name, run in runs.items())
    return Table("times", "Time and memory, a row a run", _COLUMNS, rows)


def mean_of(log: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """The mean of one column of the log over the epochs that have it.

    >>> mean_of([{"seconds": 2.0}, {"seconds": None}, {"seconds": 4.0}], "seconds")
    3.0
    """
    values = [float(row[key]) for row in log if row.get(key) is not None]
    return sum(values) / len(values) if values else None


def _row(name: str, run: Run) -> tuple[Cell, ...]:
    log, summary = run.log, run.summary
    sheet = next(iter(evaluations_of(run).values()), None)
    return (
        name,
        summary.get("parameters"),
        len(log),
        summary.get("training_seconds"),
        mean_of(log, "seconds"),
        mean_of(log, "validation_seconds"),
        mean_of(log, "images_per_second"),
        summary.get("peak_memory_bytes"),
        title(sheet) if sheet else None,
        sheet.images if sheet else None,
        sheet.seconds if sheet else None,
        sheet.milliseconds_per_image if sheet else None,
    )
