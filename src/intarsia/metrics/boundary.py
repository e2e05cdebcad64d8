"""How well the borders of a class are drawn: boundary IoU, boundary F1, NSD and Hausdorff.

Each class of each image is compared by itself, as two sets of pixels. *Ignored pixels* are taken
out of truth and prediction alike, as what lies beyond the image's edge: a class that is cut off
there ends there in both, and what was predicted there does not matter. Such an end is a border as
any other (so do Cheng et al., MONAI and DeepMind), and is right wherever both reach it.

*Undefined cases.* A class in neither truth nor prediction has no measure (n/a). One that was
missed (in truth only) or invented (predicted only) scores 0, and has no Hausdorff distance, which
would be infinite. Means over images (`boundary_metrics`) leave out the images without the class
in their truth, and count them: a score for what is not there says nothing about borders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError
from intarsia.metrics.region import check_ids, check_shapes

BOUNDARY_MEASURES = ("iou", "f1", "nsd", "hausdorff95")
TOLERANCE_RATIO = 0.0075  # of the diagonal: Csurka et al. 2013
BAND_RATIO = 0.02  # of the diagonal: Cheng et al. 2021

# a border pixel has a neighbour outside, up, down, left or right: so MONAI and torchmetrics
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_SQUARE = np.ones((3, 3), np.uint8)

_Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class BoundaryMetrics:
    """One class over many images: means over the images that have it in their truth.

    `images` is their number. In `missed` of them it was not predicted at all: these count as 0,
    and not in `hausdorff95`, which is n/a there. In `invented` further images it was predicted
    without being there: they are in no mean. `hausdorff95` is in the units of the spacing.
    """

    name: str
    images: int
    missed: int
    invented: int
    iou: float | None
    f1: float | None
    nsd: float | None
    hausdorff95: float | None


def boundary_measures(
    truth: NDArray[np.integer],
    prediction: NDArray[np.integer],
    classes: int,
    ignore_index: int,
    *,
    tolerance: float | None = None,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> NDArray[np.float64]:
    """(classes, 4) float64 for one image, in the order of `BOUNDARY_MEASURES`; NaN is n/a.

    - Boundary IoU: the IoU of the parts of both masks within 2 % of the image's diagonal of their
      own border, at least one pixel (Cheng et al., "Boundary IoU", CVPR 2021, and their code: in
      pixels, by squares).
    - Boundary F1: of the share of predicted border pixels within `tolerance` of the true border
      (precision) and that of true ones within it of the predicted border (recall) (Csurka et al.,
      "What is a good evaluation measure for semantic segmentation?", BMVC 2013).
    - Normalised surface distance: of all border pixels of both, those within `tolerance` of the
      other (Nikolov et al., arXiv 1809.04430; border pixels are counted, as in MONAI, not
      measured by length).
    - 95 % Hausdorff: the larger of the two 95th percentiles (linear) of the distances from the
      border pixels of the one to the border of the other.

    `truth` and `prediction` are (H, W) ids. `spacing` is the height and the width of a pixel;
    `tolerance` and the distances are in its units. By default the tolerance is Csurka's, 0.75 %
    of the diagonal.

    Raises DataError where the shapes differ or are not (H, W), a counted pixel holds an id outside
    0..classes-1, the tolerance is negative or the spacing not positive.

    >>> truth = np.zeros((4, 6), np.uint8)
    >>> truth[1:3, 1:4] = 1
    >>> shifted = np.roll(truth, 1, axis=1)
    >>> boundary_measures(truth, shifted, 2, 255, tolerance=0)[1].round(3).tolist()
    [0.5, 0.667, 0.667, 1.0]
    """
    check_shapes(truth, prediction)
    if truth.ndim != 2:
        raise DataError(f"masks of shape {truth.shape}", expected="(height, width)")
    if not (math.isfinite(sum(spacing)) and min(spacing) > 0):
        raise DataError(f"the spacing is {spacing}", expected="two numbers above 0")
    height, width = truth.shape
    if tolerance is None:
        tolerance = TOLERANCE_RATIO * math.hypot(height * spacing[0], width * spacing[1])
    if not tolerance >= 0:
        raise DataError(f"the tolerance is {tolerance}", expected="0 or more")
    band = max(1, round(BAND_RATIO * math.hypot(height, width)))

    counted = truth != ignore_index
    check_ids(truth[counted], prediction[counted], classes, ignore_index)
    measures = np.full((classes, len(BOUNDARY_MEASURES)), np.nan)
    for index in range(classes):
        true = (truth == index) & counted
        predicted = (prediction == index) & counted
        found = (bool(true.any()), bool(predicted.any()))
        if all(found):
            pair = _cropped(true, predicted)
            measures[index] = [_band_iou(*pair, band), *_distances(*pair, tolerance, spacing)]
        elif any(found):
            measures[index, :3] = 0
    return measures


def boundary_metrics(
    measures: NDArray[np.floating], matrices: NDArray[np.integer], names: Sequence[str]
) -> tuple[BoundaryMetrics, ...]:
    """Every class over all images: `measures` (N, K, 4), and `matrices` (N, K, K) of the same.

    >>> measures = np.array([[[0.8, 0.9, 0.9, 2.0]], [[np.nan] * 4]])
    >>> matrices = np.array([[[7]], [[0]]])
    >>> boundary_metrics(measures, matrices, ["cell"])[0]  # doctest: +ELLIPSIS
    BoundaryMetrics(name='cell', images=1, missed=0, invented=0, iou=0.8, ...)
    """
    true = matrices.sum(axis=2) > 0
    predicted = matrices.sum(axis=1) > 0
    rows = []
    for index, name in enumerate(names):
        there = true[:, index]
        missed = there & ~predicted[:, index]
        values = measures[:, index]
        rows.append(
            BoundaryMetrics(
                name,
                images=int(there.sum()),
                missed=int(missed.sum()),
                invented=int((predicted[:, index] & ~there).sum()),
                iou=_mean(values[there, 0]),
                f1=_mean(values[there, 1]),
                nsd=_mean(values[there, 2]),
                hausdorff95=_mean(values[there & ~missed, 3]),
            )
        )
    return tuple(rows)


def _cropped(true: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> tuple[_Mask, _Mask]:
    """Both without the rows and columns that hold neither: no distance leads through them."""
    either = true | predicted
    rows = np.flatnonzero(either.any(axis=1))
    columns = np.flatnonzero(either.any(axis=0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return (
        np.ascontiguousarray(true[part]).view(np.uint8),
        np.ascontiguousarray(predicted[part]).view(np.uint8),
    )


def _band_iou(true: _Mask, predicted: _Mask, band: int) -> float:
    ours, theirs = (mask > _eroded(mask, _SQUARE, iterations=band) for mask in (true, predicted))
    return float(np.count_nonzero(ours & theirs) / np.count_nonzero(ours | theirs))


def _distances(
    true: _Mask, predicted: _Mask, tolerance: float, spacing: tuple[float, float]
) -> tuple[float, float, float]:
    """Boundary F1, normalised surface distance and 95 % Hausdorff of two masks with pixels."""
    true_border = true > _eroded(true, _CROSS)
    predicted_border = predicted > _eroded(predicted, _CROSS)
    to_truth = _distances_to(true_border, predicted_border, spacing)
    to_prediction = _distances_to(predicted_border, true_border, spacing)
    near_truth = np.count_nonzero(to_truth <= tolerance)
    near_prediction = np.count_nonzero(to_prediction <= tolerance)
    precision, recall = near_truth / to_truth.size, near_prediction / to_prediction.size
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    nsd = (near_truth + near_prediction) / (to_truth.size + to_prediction.size)
    hausdorff = max(np.percentile(to_truth, 95), np.percentile(to_prediction, 95))
    return f1, nsd, float(hausdorff)


def _eroded(mask: _Mask, element: NDArray[np.uint8], iterations: int = 1) -> _Mask:
    # beyond the image, and beyond what was cut away, there is nothing of the class
    eroded = cv2.erode(
        mask, element, iterations=iterations, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(eroded, np.uint8)


def _distances_to(
    border: NDArray[np.bool_], pixels: NDArray[np.bool_], spacing: tuple[float, float]
) -> NDArray[np.float64]:
    """(n,) Euclidean distances of the pixels that are set to the nearest one of the border."""
    if spacing[0] == spacing[1]:
        distance = cv2.distanceTransform(
            (~border).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
        )[pixels]
        # roots of whole numbers, which OpenCV rounds as the image's width has it
        return np.sqrt(np.rint(distance.astype(np.float64) ** 2)) * spacing[0]
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(~border, sampling=spacing)[pixels], np.float64)


def _mean(values: NDArray[np.floating]) -> float | None:
    return float(values.mean(dtype=np.float64)) if values.size else None
