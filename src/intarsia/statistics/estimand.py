"""What is estimated: a metric, its aggregation, and its rule for empty truth, in words too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from intarsia.errors import DataError, did_you_mean
from intarsia.statistics.counts import GroupCounts, Numbers

Metric = Literal["miou", "micro_iou", "mean_dice", "mean_accuracy", "pixel_accuracy"]

_WORDS: dict[Metric, tuple[str, str]] = {
    "miou": ("macro mIoU", "IoU = TP / (TP + FP + FN)"),
    "micro_iou": ("micro IoU", "the sum of TP / the sum of (TP + FP + FN) of all classes"),
    "mean_dice": ("macro mean Dice", "Dice = 2 TP / (2 TP + FP + FN)"),
    "mean_accuracy": ("macro mean accuracy", "sensitivity = TP / (TP + FN)"),
    "pixel_accuracy": ("pixel accuracy (micro)", "the sum of TP / all pixels of truth"),
}
MACRO = ("miou", "mean_dice", "mean_accuracy")


@dataclass(frozen=True)
class Estimand:
    """A metric over all classes, or over some of them (ids); one class has its IoU or Dice.

    Every metric is a mean of ratios whose numerators and denominators are sums over pixels. The
    population that it is about is that of the groups: each figure is the ratio (or mean of ratios)
    of the sums over all of them, so that a large group weighs more than a small one.

    Raises:
        DataError: no such metric, or no classes.

    >>> Estimand("miou", classes=(2,)).name
    'IoU of class 2'
    """

    metric: Metric = "miou"
    classes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.metric not in get_args(Metric):
            raise DataError(
                f'no metric "{self.metric}"', hint=did_you_mean(self.metric, get_args(Metric))
            )
        if self.classes is not None and (
            not self.classes or min(self.classes) < 0 or len(set(self.classes)) < len(self.classes)
        ):
            raise DataError(
                f"the classes of {self.metric} are {self.classes}", expected="ids, each once"
            )

    @property
    def name(self) -> str:
        if self.classes is None:
            return _WORDS[self.metric][0]
        ids = ", ".join(map(str, self.classes))
        if len(self.classes) > 1:
            return f"{_WORDS[self.metric][0]} of the classes {ids}"
        single = {"miou": "IoU", "micro_iou": "IoU", "mean_dice": "Dice"}
        return f"{single.get(self.metric, 'sensitivity')} of class {ids}"

    def ratios(self, values: Numbers) -> Numbers:
        """(..., 2, Q) numerators and denominators of (..., 3, K) hits, truth and predicted.

        Raises DataError where a class is not there.

        >>> Estimand("micro_iou").ratios(np.array([[5.0, 5.0], [6.0, 6.0], [6.0, 6.0]])).tolist()
        [[10.0], [14.0]]
        """
        if self.classes is not None:
            if max(self.classes) >= values.shape[-1]:
                raise DataError(
                    f"no class {max(self.classes)}", expected=f"0 to {values.shape[-1] - 1}"
                )
            values = values[..., list(self.classes)]
        hits, truth, predicted = values[..., 0, :], values[..., 1, :], values[..., 2, :]
        if self.metric == "mean_dice":
            return np.stack([2 * hits, truth + predicted], axis=-2)
        if self.metric == "mean_accuracy":
            return np.stack([hits, truth], axis=-2)
        if self.metric == "pixel_accuracy":
            return np.asarray(np.stack([hits, truth], axis=-2).sum(axis=-1, keepdims=True))
        both = np.stack([hits, truth + predicted - hits], axis=-2)
        return both if self.metric == "miou" else np.asarray(both.sum(axis=-1, keepdims=True))

    def describe(self, counts: GroupCounts) -> str:
        """The estimand in words, as it stands beside a figure.

        >>> from intarsia.statistics.counts import count_groups
        >>> print(Estimand("pixel_accuracy").describe(count_groups(np.eye(2, dtype=int)[None])))
        pixel accuracy (micro): the sum of TP / all pixels of truth, from the pixels of all \
images together. Unit of resampling: the image.
        """
        formula = _WORDS[self.metric][1]
        text = f"{self.name}: {formula}, from the pixels of all images together"
        if self.metric in MACRO:
            if self.classes is None or len(self.classes) > 1:
                text += ", then the plain mean over the classes"
            text += (
                ". A class that is not in the truth is n/a and left out"
                if self.metric == "mean_accuracy"
                else ". A class in neither truth nor prediction is n/a and left out; "
                "one that is only predicted has 0"
            )
        return f"{text}. Unit of resampling: the {counts.unit}."


MIOU = Estimand("miou")
MICRO_IOU = Estimand("micro_iou")
MEAN_DICE = Estimand("mean_dice")
MEAN_ACCURACY = Estimand("mean_accuracy")
PIXEL_ACCURACY = Estimand("pixel_accuracy")
