"""How well the borders of each class are drawn, as a table."""

from __future__ import annotations

from intarsia.evaluation import Details
from intarsia.reporting.tables import Column, Table

_COLUMNS = (
    Column("class"),
    Column("boundary IoU", "ratio"),
    Column("boundary F1", "ratio"),
    Column("NSD", "ratio"),
    Column("HD95, px", "rate"),
    Column("images", "count"),
    Column("missed", "count"),
    Column("invented", "count"),
)


def border_table(name: str, title: str, details: Details) -> Table:
    """A row a class: means over the `images` that have it in their truth.

    `missed` of these lack it in the prediction, `invented` others have it there only.
    """
    rows = tuple(
        (
            *(row.name, row.iou, row.f1, row.nsd, row.hausdorff95),
            *(row.images, row.missed, row.invented),
        )
        for row in details.boundary
    )
    return Table(f"borders-{name}", f"Borders, {title}", _COLUMNS, rows)
