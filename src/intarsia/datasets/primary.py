"""The figure that a data set is judged by, fixed before anybody looks at test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

PrimaryMetric = Literal["miou", "micro_iou", "mean_dice", "pixel_accuracy", "iou", "dice"]

METRICS: tuple[PrimaryMetric, ...] = get_args(PrimaryMetric)
OF_A_CLASS = ("iou", "dice")
_WORDS: dict[PrimaryMetric, str] = {
    "miou": "macro mIoU",
    "micro_iou": "micro IoU",
    "mean_dice": "macro mean Dice",
    "pixel_accuracy": "pixel accuracy (micro)",
    "iou": "IoU",
    "dice": "Dice",
}


@dataclass(frozen=True)
class Primary:
    """`primary: {metric, class}` of dataset.yaml; `class_name` with `iou` and `dice` only.

    >>> print(Primary("iou", "road"))
    IoU of road
    """

    metric: PrimaryMetric
    class_name: str | None = None

    def __str__(self) -> str:
        words = _WORDS[self.metric]
        return words if self.class_name is None else f"{words} of {self.class_name}"

    def to_json(self) -> dict[str, str | None]:
        return {"metric": self.metric, "class": self.class_name}

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None) -> Self | None:
        """The inverse of `to_json`; None where nothing is declared."""
        return None if content is None else cls(content["metric"], content.get("class"))


def carried(
    primary: Primary | None, names: Mapping[str, str | None]
) -> tuple[Primary | None, tuple[str, ...]]:
    """The primary figure where classes have changed, and notes where it could not be kept.

    `names` is from old names to new ones, None where a class is no longer one by itself.

    >>> carried(Primary("iou", "car"), {"car": "auto"})
    (Primary(metric='iou', class_name='auto'), ())
    >>> carried(Primary("iou", "car"), {"car": None})[0]
    """
    if primary is None or primary.class_name is None:
        return primary, ()
    new = names.get(primary.class_name, primary.class_name)
    if new is not None:
        return Primary(primary.metric, new), ()
    return None, (
        f"the primary figure of dataset.yaml, {primary}, is left out: "
        "this is no longer a class by itself",
    )
