"""The figures of a sheet that one would quote, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from intarsia.statistics import Interval

if TYPE_CHECKING:
    from intarsia.evaluation.sheet import Evaluation


@dataclass(frozen=True)
class Figure:
    """One figure; `value` None is n/a. `name` says how it is aggregated.

    `interval` is None where there is none: `reason` says why, or is empty where the sheet was
    measured without. `primary` marks the one that the data set is judged by.
    """

    name: str
    metric: str
    value: float | None
    interval: Interval | None = None
    reason: str = ""
    primary: bool = False


def figures_of(sheet: Evaluation) -> tuple[Figure, ...]:
    """Those over all classes; a primary figure of one class comes first."""
    names = {
        "miou": "macro mIoU",
        "miou_without_background": f"macro mIoU without {sheet.background}",
        "micro_iou": "micro IoU",
        "mean_dice": "macro mean Dice",
        "mean_accuracy": "macro mean accuracy",
        "pixel_accuracy": "pixel accuracy (micro)",
        "frequency_weighted_iou": "frequency-weighted IoU",
    }
    if sheet.background is None or len(sheet.names) == 1:
        del names["miou_without_background"]
    primary = "miou" if sheet.primary is None else sheet.primary.metric
    figures = [
        _figure(sheet, name, metric, getattr(sheet, metric), primary=metric == primary)
        for metric, name in names.items()
    ]
    if sheet.primary is not None and sheet.primary.class_name is not None:
        row = sheet[sheet.primary.class_name]
        figures.insert(
            0,
            _figure(
                sheet, str(sheet.primary), primary, getattr(row, primary), row.name, primary=True
            ),
        )
    return tuple(figures)


def _figure(
    sheet: Evaluation,
    name: str,
    metric: str,
    value: float | None,
    class_name: str | None = None,
    *,
    primary: bool,
) -> Figure:
    if sheet.intervals is None:
        return Figure(name, metric, value, primary=primary)
    found = sheet.intervals.find(metric, class_name)
    if isinstance(found, Interval):
        return Figure(name, metric, value, interval=found, primary=primary)
    return Figure(name, metric, value, reason=found, primary=primary)
