"""The one confusion matrix, and the region metrics that follow from it.

Rows are truth, columns prediction, ignored pixels are left out. A value that would be 0/0 is
None (n/a): a class absent from truth and prediction has no IoU; one that is absent from truth
only but predicted somewhere has IoU 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError

ConfusionMatrix = NDArray[np.int64]

_AT_ONCE = 1 << 22  # pixels: each takes eight bytes on the way


@dataclass(frozen=True)
class ClassMetrics:
    """One class of a metric sheet; `support` in pixels of truth, the rest 0..1 or None (n/a).

    `iou` is TP / (TP + FP + FN) (Jaccard), `dice` 2 TP / (2 TP + FP + FN) (F1), `precision`
    TP / (TP + FP), `sensitivity` TP / (TP + FN) (recall), `specificity` TN / (TN + FP).
    """

    name: str
    support: int
    iou: float | None
    dice: float | None
    precision: float | None
    sensitivity: float | None
    specificity: float | None


def confusion_matrix(
    truth: NDArray[np.integer], prediction: NDArray[np.integer], classes: int, ignore_index: int
) -> ConfusionMatrix:
    """(classes, classes) int64 counts of pixels, rows truth, columns prediction.

    `truth` and `prediction` are integer ids of one shape; pixels whose truth is `ignore_index`
    do not count, whatever was predicted there.

    Raises DataError where shapes differ or a counted pixel holds an id outside 0..classes-1.

    >>> confusion_matrix(np.array([[0, 1, 255]]), np.array([[0, 0, 1]]), 2, 255)
    array([[1, 0],
           [1, 0]])
    """
    check_shapes(truth, prediction)
    total = np.zeros((classes, classes), np.int64)
    true_pixels, predicted_pixels = truth.reshape(-1), prediction.reshape(-1)
    for start in range(0, truth.size, _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        total += _counted(true_pixels[some], predicted_pixels[some], classes, ignore_index)
    return total


def _counted(
    truth: NDArray[np.integer], prediction: NDArray[np.integer], classes: int, ignore_index: int
) -> ConfusionMatrix:
    counted = truth != ignore_index
    true_ids, predicted_ids = truth[counted], prediction[counted]
    check_ids(true_ids, predicted_ids, classes, ignore_index)
    pairs = true_ids.astype(np.intp)
    pairs *= classes
    pairs += predicted_ids.astype(np.intp, copy=False)
    counts = np.bincount(pairs, minlength=classes * classes)
    return counts.astype(np.int64, copy=False).reshape(classes, classes)


def check_shapes(truth: NDArray[np.integer], prediction: NDArray[np.integer]) -> None:
    """Raises DataError where the two are not of one shape."""
    if truth.shape != prediction.shape:
        raise DataError(
            f"truth and prediction differ in size: {truth.shape} and {prediction.shape}",
            expected="one shape",
        )


def check_ids(
    truth: NDArray[np.integer],
    prediction: NDArray[np.integer],
    classes: int,
    ignore_index: int,
) -> None:
    """Raises DataError where the counted ids of either are outside 0..classes-1."""
    for what, ids in (("truth", truth), ("prediction", prediction)):
        if ids.size and (int(ids.min()) < 0 or int(ids.max()) >= classes):
            wrong = sorted({int(i) for i in np.unique(ids) if not 0 <= i < classes})
            raise DataError(
                f"{what} holds ids outside the classes: {', '.join(map(str, wrong[:10]))}",
                expected=f"0 to {classes - 1}, or {ignore_index} for ignored pixels of truth",
            )


def class_metrics(matrix: ConfusionMatrix, names: Sequence[str]) -> tuple[ClassMetrics, ...]:
    """The metrics of every class, in the order of their ids.

    >>> class_metrics(np.array([[3, 1], [0, 4]]), ["sky", "road"])[0].iou
    0.75
    """
    total = int(matrix.sum())
    sheet = []
    for index, name in enumerate(names):
        hit = int(matrix[index, index])
        support = int(matrix[index].sum())
        predicted = int(matrix[:, index].sum())
        negatives = total - support
        sheet.append(
            ClassMetrics(
                name=name,
                support=support,
                iou=_ratio(hit, support + predicted - hit),
                dice=_ratio(2 * hit, support + predicted),
                precision=_ratio(hit, predicted),
                sensitivity=_ratio(hit, support),
                specificity=_ratio(negatives - (predicted - hit), negatives),
            )
        )
    return tuple(sheet)


def miou(matrix: ConfusionMatrix, *, without: int | None = None) -> float | None:
    """Mean IoU over the classes that have one (macro average), or over those but one.

    >>> miou(np.array([[1, 1], [0, 2]])), miou(np.array([[1, 1], [0, 2]]), without=0)
    (0.5833333333333333, 0.6666666666666666)
    """
    return _mean([m.iou for k, m in enumerate(_unnamed(matrix)) if k != without])


def micro_iou(matrix: ConfusionMatrix) -> float | None:
    """The sum of TP over the sum of TP + FP + FN of all classes (micro average).

    >>> micro_iou(np.array([[1, 1], [0, 2]]))  # 3 right ones; a wrong one is FP and FN
    0.6
    """
    hits = int(np.trace(matrix))
    return _ratio(hits, 2 * int(matrix.sum()) - hits)


def mean_dice(matrix: ConfusionMatrix) -> float | None:
    """Mean Dice (F1) over the classes that have one (macro average)."""
    return _mean([m.dice for m in _unnamed(matrix)])


def mean_accuracy(matrix: ConfusionMatrix) -> float | None:
    """Mean sensitivity over the classes present in truth (macro; "balanced accuracy")."""
    return _mean([m.sensitivity for m in _unnamed(matrix)])


def pixel_accuracy(matrix: ConfusionMatrix) -> float | None:
    """The share of counted pixels that are right (micro average)."""
    return _ratio(int(np.trace(matrix)), int(matrix.sum()))


def majority_accuracy(matrix: ConfusionMatrix) -> float | None:
    """The pixel accuracy of always answering the most frequent class of this truth."""
    return _ratio(int(matrix.sum(axis=1).max(initial=0)), int(matrix.sum()))


def frequency_weighted_iou(matrix: ConfusionMatrix) -> float | None:
    """IoU averaged over the classes with the share of their truth pixels as weight."""
    total = int(matrix.sum())
    if total == 0:
        return None
    weighted = [m.support * m.iou for m in _unnamed(matrix) if m.iou is not None]
    return float(sum(weighted) / total)


def _unnamed(matrix: ConfusionMatrix) -> tuple[ClassMetrics, ...]:
    return class_metrics(matrix, [""] * len(matrix))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None
