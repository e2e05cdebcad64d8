"""What a page shows of the details of an evaluation: borders, calibration, kinds of error."""

from __future__ import annotations

from dataclasses import dataclass

from intarsia.evaluation import Details, Evaluation
from intarsia.reporting.borders import border_table
from intarsia.reporting.calibration import (
    calibration_table,
    reliability_drawing,
    reliability_table,
)
from intarsia.reporting.error_budget import error_drawing, error_table
from intarsia.reporting.figures import Drawing
from intarsia.reporting.sheets import title
from intarsia.reporting.tables import Table


@dataclass(frozen=True)
class ShownDetails:
    """The tables and figures of one sheet; a figure is None where there is nothing to draw."""

    details: Details
    borders: Table
    calibration: Table
    reliability: Table
    errors: Table
    reliability_figure: Drawing | None
    error_figure: Drawing | None

    @property
    def tables(self) -> list[Table]:
        return [self.borders, self.calibration, self.reliability, self.errors]

    @property
    def drawings(self) -> list[Drawing]:
        return [drawing for drawing in (self.reliability_figure, self.error_figure) if drawing]


def details_of(name: str, sheet: Evaluation) -> ShownDetails | None:
    """None of a sheet that was made without them."""
    details = sheet.details
    if details is None:
        return None
    heading = title(sheet)
    counted = any(row.pixels for row in details.reliability)
    return ShownDetails(
        details=details,
        borders=border_table(name, heading, details),
        calibration=calibration_table(name, heading, details),
        reliability=reliability_table(name, heading, details),
        errors=error_table(name, heading, details),
        reliability_figure=reliability_drawing(name, heading, details) if counted else None,
        error_figure=error_drawing(name, heading, details) if details.errors.errors else None,
    )
