"""How sure the figures of a sheet are: intervals over the groups of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from intarsia import statistics
from intarsia.errors import DataError, did_you_mean
from intarsia.statistics import EmptyTruth, Estimand, GroupCounts, Interval, Metric, Unit
from intarsia.statistics.remarks import sample_remarks

LEVEL = 0.95

FIGURES: Mapping[str, Estimand] = {
    "miou": statistics.MIOU,
    "micro_iou": statistics.MICRO_IOU,
    "mean_dice": statistics.MEAN_DICE,
    "mean_accuracy": statistics.MEAN_ACCURACY,
    "pixel_accuracy": statistics.PIXEL_ACCURACY,
}
WITHOUT_BACKGROUND = "miou_without_background"
OF_A_CLASS: Mapping[str, Metric] = {"iou": "miou", "dice": "mean_dice"}  # means over one class
WEIGHTED = "frequency_weighted_iou"

_SEEDS = "The intervals are of these trained weights: other seeds are not in them."
_ONE = "one {} only"
_SAME = "the same in every {}"
_ALONE = "in one {} only"
_NOTHING = "n/a"
_NO_METHOD = "a weighted mean"


@dataclass(frozen=True)
class Intervals:
    """The intervals of the figures of one sheet, and what they rest on.

    `unit` is what was drawn from all there is, `group` or `image`, and `units` how many there are;
    an image without a group is a unit by itself. `values` has for each figure, and for IoU and
    Dice of each class, the interval or the reason why there is none. `empty` counts, for each
    class, images without it in their truth. `remarks` are for whoever reads the intervals.
    """

    unit: Unit
    units: int
    values: Mapping[tuple[str, str | None], Interval | str]
    empty: Mapping[str, EmptyTruth]
    remarks: tuple[str, ...] = ()

    @property
    def level(self) -> float:
        """Which share of such intervals holds the true figure."""
        return LEVEL

    @property
    def methods(self) -> list[str]:
        """How the intervals were made, by the names of `statistics.Interval`."""
        found = {value.method for value in self.values.values() if isinstance(value, Interval)}
        return sorted(found)

    def find(self, metric: str, class_name: str | None = None) -> Interval | str:
        """The interval of a figure, or the reason why there is none.

        Raises:
            DataError: no such figure, or class; the nearest is offered.
        """
        known = self.values.get((metric, class_name))
        if known is not None:
            return known
        names = [name for key, name in self.values if key == metric and name is not None]
        if not any(key == metric for key, _ in self.values):
            metrics = dict.fromkeys(key for key, _ in self.values)
            raise DataError(f'no interval of "{metric}"', hint=did_you_mean(metric, metrics))
        if class_name is None:
            raise DataError(f"{metric} is of one class", expected=f'interval("{metric}", CLASS)')
        if not names:
            raise DataError(f"{metric} is of all classes", expected=f'interval("{metric}")')
        raise DataError(f'no class "{class_name}"', hint=did_you_mean(class_name, names))

    def to_json(self) -> dict[str, Any]:
        """What a sheet holds of it, `intervals` among other keys; n/a is None, with a reason."""
        intervals: dict[str, Any] = {}
        for (metric, name), value in self.values.items():
            row = _none(value) if isinstance(value, str) else value.to_json()
            if name is None:
                intervals[metric] = row
            else:
                intervals.setdefault(metric, {})[name] = row
        return {
            "unit": self.unit,
            "groups": self.units,
            "intervals": intervals,
            "empty": [{"name": name, **asdict(counts)} for name, counts in self.empty.items()],
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """The inverse of `to_json`; None of a sheet that was measured without."""
        if not content.get("intervals"):
            return None
        values: dict[tuple[str, str | None], Interval | str] = {}
        for metric, found in content["intervals"].items():
            rows = found if metric in OF_A_CLASS else {None: found}
            for name, row in rows.items():
                reason = row.get("reason")
                values[metric, name] = Interval(**row) if reason is None else str(reason)
        return cls(
            unit=content["unit"],
            units=int(content["groups"]),
            values=values,
            empty={
                row["name"]: EmptyTruth(row["images"], row["alarms"], row["pixels"])
                for row in content["empty"]
            },
            remarks=tuple(content["remarks"]),
        )


def measure_intervals(
    matrices: NDArray[np.integer],
    groups: Sequence[str | None],
    names: Sequence[str],
    background: str | None = None,
) -> Intervals:
    """The 95 % intervals of the figures that follow from (N, K, K) matrices of N images.

    Args:
        matrices: rows truth, columns prediction.
        groups: (N,) the group of every image, None where it has none; empty: none has.
        names: (K,) of the classes.
        background: the class that one more mean of IoU leaves out.

    >>> matrices = np.array([[[n, 1], [2, 9]] for n in range(10, 30)])
    >>> found = measure_intervals(matrices, [], ["sky", "road"])
    >>> found.unit, found.units, found.find("iou", "road")
    ('image', 20, 'the same in every image')
    >>> found.find("iou", "sky").low.__round__(3)
    0.849
    """
    counts = statistics.count_groups(matrices, _units(groups))
    estimands: dict[tuple[str, str | None], Estimand] = {
        (metric, None): estimand for metric, estimand in FIGURES.items()
    }
    others = tuple(k for k, name in enumerate(names) if name != background)
    if 0 < len(others) < len(names):
        estimands[WITHOUT_BACKGROUND, None] = Estimand("miou", others)
    values = {key: _interval(counts, estimand) for key, estimand in estimands.items()}
    for metric, mean in OF_A_CLASS.items():
        for k, name in enumerate(names):
            # the one class alone: of many classes all at once would take seconds
            alone = replace(counts, values=counts.values[..., k : k + 1])
            values[metric, name] = _interval(alone, Estimand(mean))
    values[WEIGHTED, None] = _NO_METHOD
    macro = statistics.estimate(counts, statistics.MIOU)
    return Intervals(
        unit=counts.unit,
        units=len(counts.groups),
        values=values,
        empty=dict(zip(names, statistics.empty_truth(matrices), strict=True)),
        remarks=(
            *_missed(matrices, names),
            *sample_remarks(counts, statistics.MIOU, macro.spread, tuple(names)),
            _SEEDS,
        ),
    )


def _units(groups: Sequence[str | None]) -> list[str] | None:
    """A name for the unit of every image, groups and single images never of one name."""
    if all(group is None for group in groups):
        return None
    return [f"image {at}" if group is None else f"group {group}" for at, group in enumerate(groups)]


def _interval(counts: GroupCounts, estimand: Estimand) -> Interval | str:
    """The interval, or in words why there is none."""
    found = statistics.estimate(counts, estimand, level=LEVEL)
    if found.value is None:
        return _NOTHING
    if found.groups == 1:
        return _ONE.format(counts.unit)
    if found.interval is None:
        return _ALONE.format(counts.unit)
    if found.interval.low == found.interval.high:
        # a width of nothing says that nothing varied here, not that nothing could
        return _SAME.format(counts.unit)
    return found.interval


def _missed(matrices: NDArray[np.integer], names: Sequence[str]) -> list[str]:
    """Classes that are in the truth and that nobody predicted."""
    matrix = matrices.sum(axis=0, dtype=np.int64)
    missed = [
        name
        for name, truth, predicted in zip(
            names, matrix.sum(axis=1), matrix.sum(axis=0), strict=True
        )
        if truth and not predicted
    ]
    return [f"In the truth, and never predicted: {', '.join(missed)}."] if missed else []


def _none(reason: str) -> dict[str, float | str | None]:
    return {"low": None, "high": None, "level": LEVEL, "method": None, "reason": reason}
