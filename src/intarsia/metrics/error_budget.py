"""Where the wrong pixels are: missed and invented regions, borders, confusion.

Each wrong pixel is of exactly one kind, so that the kinds add up to the whole error. A *region*
is a connected part (by sides and corners) of one class; ignored pixels end true regions, predicted
ones go on through them, and only counted pixels are part of any share. A true region is
*lost* where less than a tenth of its pixels are right; a predicted one *made up* where less than
a tenth of its pixels are right and it is wrong outside the boundary band (specks along a border are
the border's). A wrong pixel is then

- `missed` where its true region is lost and its predicted region is not made up: the region was
  swallowed by a neighbour that is really there;
- `invented` where its predicted region is made up and its true one is not lost: something appears
  in the midst of what was otherwise found;
- `confusion` where both hold: there is a region, and it has the wrong name;
- else `boundary` within the band along a true border, and `confusion` farther from it.

The band is made of the pixels at most its width away from a pixel with a neighbour (up, down,
left, right) of another class. The image's edge and ignored pixels are no border of classes, so
that in data whose ignored pixels cover all borders nothing is `boundary`.

In the manner of Hoiem et al., "Diagnosing Error in Object Detectors" (ECCV 2012) and TIDE (Bolya
et al., ECCV 2020), which divide the errors of detectors; the rules for pixels are our own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError
from intarsia.metrics.boundary import TOLERANCE_RATIO
from intarsia.metrics.region import check_ids, check_shapes

ERROR_KINDS = ("boundary", "confusion", "missed", "invented")

_LEAST_RIGHT = 0.1  # of a region, to count as found


@dataclass(frozen=True)
class ErrorShares:
    """The error budget of some images; the four shares add up to 1, and are None without errors.

    `errors` of `pixels` counted ones are wrong. `confusion` holds regions of the wrong name and
    errors away from borders; `pairs` are its parts (true class, predicted class, share of all
    errors), the largest first. `missed_classes` and `invented_classes` are (class, share of all
    errors) of the true and the predicted class, the largest first.
    """

    pixels: int
    errors: int
    boundary: float | None
    confusion: float | None
    missed: float | None
    invented: float | None
    pairs: tuple[tuple[str, str, float], ...]
    missed_classes: tuple[tuple[str, float], ...]
    invented_classes: tuple[tuple[str, float], ...]


def error_budget(
    truth: NDArray[np.integer],
    prediction: NDArray[np.integer],
    classes: int,
    ignore_index: int,
    *,
    band: float | None = None,
) -> NDArray[np.int64]:
    """(4, classes, classes) int64 pixels of one image: kind of error, truth, prediction.

    Kinds are in the order of `ERROR_KINDS`. The sum over them is the confusion matrix without its
    diagonal; the budgets of images add up. `truth` and `prediction` are (H, W) ids, `band` is the
    width of the boundary band in pixels, by default 0.75 % of the image's diagonal, at least 1.

    Raises DataError where the shapes differ or are not (H, W), a counted id is outside the
    classes, or the band is negative.

    >>> truth = np.array([[0, 0, 0, 1, 1, 1, 0, 2]], np.uint8)
    >>> prediction = np.array([[0, 0, 1, 1, 1, 1, 0, 0]], np.uint8)
    >>> budget = error_budget(truth, prediction, 3, 255, band=0)
    >>> {kind: int(part.sum()) for kind, part in zip(ERROR_KINDS, budget, strict=True)}
    {'boundary': 1, 'confusion': 0, 'missed': 1, 'invented': 0}
    """
    check_shapes(truth, prediction)
    if truth.ndim != 2:
        raise DataError(f"masks of shape {truth.shape}", expected="(height, width)")
    if band is None:
        band = max(1.0, TOLERANCE_RATIO * math.hypot(*truth.shape))
    if not band >= 0:
        raise DataError(f"the boundary band is {band} pixels wide", expected="0 or more")
    counted = truth != ignore_index
    check_ids(truth[counted], prediction[counted], classes, ignore_index)
    wrong = counted & (truth != prediction)
    if not wrong.any():
        return np.zeros((len(ERROR_KINDS), classes, classes), np.int64)

    right = counted & ~wrong
    near = _band(truth, counted, band)
    lost = _regions_of_errors(truth, right, wrong)
    made_up = _regions_of_errors(prediction, right, wrong, within=near)
    lost, made_up, near = lost[wrong], made_up[wrong], near[wrong]
    kind = np.where(near, 0, 1)
    kind[lost & made_up] = 1
    kind[lost & ~made_up] = 2
    kind[made_up & ~lost] = 3
    place = (kind * classes + truth[wrong].astype(np.intp)) * classes
    place += prediction[wrong].astype(np.intp)
    counts = np.bincount(place, minlength=len(ERROR_KINDS) * classes * classes)
    return counts.astype(np.int64, copy=False).reshape(len(ERROR_KINDS), classes, classes)


def error_shares(
    budget: NDArray[np.integer], matrix: NDArray[np.integer], names: Sequence[str]
) -> ErrorShares:
    """What a (4, K, K) budget says, with the (K, K) confusion matrix of the same images.

    >>> budget = np.zeros((4, 2, 2), int)
    >>> budget[0, 0, 1], budget[2, 1, 0] = 3, 1
    >>> shares = error_shares(budget, np.array([[5, 3], [1, 1]]), ["grass", "pole"])
    >>> shares.boundary, shares.missed, shares.missed_classes, shares.errors
    (0.75, 0.25, (('pole', 0.25),), 4)
    """
    errors = int(budget.sum())
    whole = max(errors, 1)
    kinds = (budget.sum(axis=(1, 2)) / whole).tolist() if errors else [None] * len(ERROR_KINDS)
    _, confusion, missed, invented = budget
    pairs = [
        (names[true], names[predicted], float(confusion[true, predicted]) / whole)
        for true, predicted in np.argwhere(confusion).tolist()
    ]
    boundary_share, confusion_share, missed_share, invented_share = kinds
    return ErrorShares(
        pixels=int(matrix.sum()),
        errors=errors,
        boundary=boundary_share,
        confusion=confusion_share,
        missed=missed_share,
        invented=invented_share,
        pairs=tuple(sorted(pairs, key=lambda pair: -pair[2])),
        missed_classes=_by_class(missed.sum(axis=1), whole, names),
        invented_classes=_by_class(invented.sum(axis=0), whole, names),
    )


def _by_class(
    pixels: NDArray[np.integer], whole: int, names: Sequence[str]
) -> tuple[tuple[str, float], ...]:
    rows = [(names[i], float(pixels[i]) / whole) for i in np.flatnonzero(pixels).tolist()]
    return tuple(sorted(rows, key=lambda row: -row[1]))


def _band(truth: NDArray[np.integer], counted: NDArray[np.bool_], band: float) -> NDArray[np.bool_]:
    """(H, W), the pixels at most `band` away from a border between two counted pixels."""
    border = np.zeros(truth.shape, bool)
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        meet = (truth[one] != truth[other]) & counted[one] & counted[other]
        border[one] |= meet
        border[other] |= meet
    if not border.any():
        return border
    distance = cv2.distanceTransform((~border).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV rounds the roots of whole numbers either way
    return np.asarray(distance <= band + 1e-3)


def _regions_of_errors(
    ids: NDArray[np.integer],
    right: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    *,
    within: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """(H, W), the wrong pixels of the regions of `ids` of which less than a tenth is right.

    Pixels that are neither right nor wrong are ignored ones. Regions all of whose wrong pixels
    lie `within` are left out.
    """
    found = np.zeros(ids.shape, bool)
    for index in np.unique(ids[wrong]):
        of_class = ids == index
        count, regions = cv2.connectedComponents(of_class.view(np.uint8), connectivity=8)
        misses = of_class & wrong
        missed = np.bincount(regions[misses], minlength=count)
        hit = np.bincount(regions[of_class & right], minlength=count)
        chosen = hit < _LEAST_RIGHT * (hit + missed)
        if within is not None:
            chosen &= np.bincount(regions[misses & ~within], minlength=count) > 0
        found |= chosen[regions] & misses
    return found
