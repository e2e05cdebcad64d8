import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_f1_score,
    multiclass_specificity,
)

from intarsia import metrics
from intarsia.errors import DataError
from intarsia.metrics import region

IGNORE = 255
NAMES = ("sky", "road", "tree", "pole")
# Rows truth, columns prediction. "pole" is absent from truth but predicted twice.
#   sky:  TP 5, truth 8, predicted 6  -> IoU 5/9,  Dice 10/14
#   road: TP 9, truth 9, predicted 12 -> IoU 9/12, Dice 18/21
#   tree: TP 1, truth 3, predicted 0+1 -> IoU 1/3, Dice 2/4
#   pole: TP 0, truth 0, predicted 1  -> IoU 0,    Dice 0
HAND = np.array([[5, 2, 0, 1], [0, 9, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]], np.int64)


def masks(seed: int = 0, shape: tuple[int, ...] = (17, 43)) -> tuple[NDArray, NDArray]:
    """Random truth with ignored pixels, and a prediction that is right half of the time."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 4, shape).astype(np.uint8)
    prediction = np.where(random.random(shape) < 0.5, truth, random.integers(0, 4, shape))
    truth[random.random(shape) < 0.2] = IGNORE
    return truth, prediction.astype(np.uint8)


def test_the_matrix_by_hand() -> None:
    truth = np.array([[0, 0, 1], [1, 2, IGNORE]], np.uint8)
    prediction = np.array([[0, 1, 1], [1, 0, 2]], np.uint8)
    matrix = metrics.confusion_matrix(truth, prediction, 3, IGNORE)
    assert matrix.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert matrix.dtype == np.int64


def test_the_matrix_of_sklearn() -> None:
    truth, prediction = masks()
    counted = truth != IGNORE
    prediction[~counted] = 77  # whatever is predicted there does not matter
    expected = sklearn_metrics.confusion_matrix(
        truth[counted], prediction[counted], labels=range(4)
    )
    np.testing.assert_array_equal(metrics.confusion_matrix(truth, prediction, 4, IGNORE), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_the_matrix_of_any_integers(dtype: type[np.integer]) -> None:
    truth, prediction = masks()
    expected = metrics.confusion_matrix(truth, prediction, 4, IGNORE)
    found = metrics.confusion_matrix(truth.astype(dtype), prediction, 4, IGNORE)
    np.testing.assert_array_equal(found, expected)


def test_the_matrix_of_many_classes() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 300, (50, 70)).astype(np.uint16)
    truth[0] = 65535
    matrix = metrics.confusion_matrix(truth, truth % 299, 300, 65535)
    assert matrix.sum() == 49 * 70
    assert matrix[299, 0] == (truth == 299).sum()


def test_classes_by_hand() -> None:
    sky, road, tree, pole = metrics.class_metrics(HAND, NAMES)
    assert [row.support for row in (sky, road, tree, pole)] == [8, 9, 3, 0]
    assert (sky.iou, sky.dice) == (5 / 9, 10 / 14)
    assert (sky.precision, sky.sensitivity, sky.specificity) == (5 / 6, 5 / 8, 11 / 12)
    assert (road.iou, road.dice) == (9 / 12, 18 / 21)
    assert (road.precision, road.sensitivity, road.specificity) == (9 / 12, 1.0, 8 / 11)
    assert (tree.iou, tree.dice, tree.precision) == (1 / 3, 2 / 4, 1.0)
    # absent from truth, predicted once: 0, and no sensitivity
    assert (pole.iou, pole.dice, pole.precision) == (0.0, 0.0, 0.0)
    assert pole.sensitivity is None
    assert pole.specificity == 19 / 20


def test_averages_by_hand() -> None:
    assert metrics.miou(HAND) == pytest.approx((5 / 9 + 9 / 12 + 1 / 3 + 0) / 4)
    assert metrics.mean_dice(HAND) == pytest.approx((10 / 14 + 18 / 21 + 2 / 4 + 0) / 4)
    assert metrics.mean_accuracy(HAND) == pytest.approx((5 / 8 + 1 + 1 / 3) / 3)
    assert metrics.pixel_accuracy(HAND) == 15 / 20
    assert metrics.majority_accuracy(HAND) == 9 / 20
    expected = (8 * 5 / 9 + 9 * 9 / 12 + 3 / 3) / 20
    assert metrics.frequency_weighted_iou(HAND) == pytest.approx(expected)


def test_a_class_in_neither_is_not_counted() -> None:
    wider = np.zeros((5, 5), np.int64)
    wider[:4, :4] = HAND
    absent = metrics.class_metrics(wider, (*NAMES, "car"))[4]
    assert (absent.iou, absent.dice, absent.precision, absent.sensitivity) == (None,) * 4
    assert absent.specificity == 1.0
    assert metrics.miou(wider) == metrics.miou(HAND)
    assert metrics.mean_dice(wider) == metrics.mean_dice(HAND)


def test_a_class_never_predicted_has_no_precision() -> None:
    row = metrics.class_metrics(np.array([[4, 0], [2, 0]]), ("a", "b"))[1]
    assert (row.iou, row.dice, row.precision, row.sensitivity) == (0.0, 0.0, None, 0.0)


def test_nothing_counted_is_not_available() -> None:
    truth = np.full((3, 5), IGNORE, np.uint8)
    matrix = metrics.confusion_matrix(truth, np.zeros_like(truth), 2, IGNORE)
    assert matrix.tolist() == [[0, 0], [0, 0]]
    for measure in (
        metrics.miou,
        metrics.mean_dice,
        metrics.mean_accuracy,
        metrics.pixel_accuracy,
        metrics.majority_accuracy,
        metrics.frequency_weighted_iou,
    ):
        assert measure(matrix) is None
    assert metrics.class_metrics(matrix, ("a", "b"))[0].specificity is None


def test_sheets_of_sklearn() -> None:
    truth, prediction = masks(seed=3)
    counted = truth != IGNORE
    y, p = truth[counted], prediction[counted]
    matrix = metrics.confusion_matrix(truth, prediction, 4, IGNORE)
    rows = metrics.class_metrics(matrix, NAMES)
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(y, p)
    np.testing.assert_allclose(
        [r.iou for r in rows], sklearn_metrics.jaccard_score(y, p, average=None)
    )
    np.testing.assert_allclose([r.dice for r in rows], f1)
    np.testing.assert_allclose([r.precision for r in rows], precision)
    np.testing.assert_allclose([r.sensitivity for r in rows], recall)
    np.testing.assert_array_equal([r.support for r in rows], support)
    assert metrics.pixel_accuracy(matrix) == pytest.approx(sklearn_metrics.accuracy_score(y, p))
    balanced = sklearn_metrics.balanced_accuracy_score(y, p)
    assert metrics.mean_accuracy(matrix) == pytest.approx(balanced)
    weighted = sklearn_metrics.jaccard_score(y, p, average="weighted")
    assert metrics.frequency_weighted_iou(matrix) == pytest.approx(weighted)


def test_sheets_of_torchmetrics() -> None:
    truth, prediction = masks(seed=5, shape=(2, 9, 31))
    matrix = metrics.confusion_matrix(truth, prediction, 4, IGNORE)
    rows = metrics.class_metrics(matrix, NAMES)
    y, p = torch.from_numpy(truth).long(), torch.from_numpy(prediction).long()
    settings = {"num_classes": 4, "ignore_index": IGNORE, "average": "none"}
    jaccard = MulticlassJaccardIndex(4, average="macro", ignore_index=IGNORE)
    assert metrics.miou(matrix) == pytest.approx(float(jaccard(p, y)))
    f1 = multiclass_f1_score(p, y, **settings)
    np.testing.assert_allclose([r.dice for r in rows], f1, rtol=1e-6)
    assert metrics.mean_dice(matrix) == pytest.approx(float(f1.mean()))
    accuracy = multiclass_accuracy(p, y, **settings)
    np.testing.assert_allclose([r.sensitivity for r in rows], accuracy, rtol=1e-6)
    specificity = multiclass_specificity(p, y, **settings)
    np.testing.assert_allclose([r.specificity for r in rows], specificity, rtol=1e-6)


def test_matrices_add_up() -> None:
    truth, prediction = masks(shape=(4, 5, 7))
    whole = metrics.confusion_matrix(truth, prediction, 4, IGNORE)
    parts = [
        metrics.confusion_matrix(t, p, 4, IGNORE) for t, p in zip(truth, prediction, strict=True)
    ]
    np.testing.assert_array_equal(sum(parts), whole)


def test_faults_are_named() -> None:
    zeros = np.zeros((2, 3), np.uint8)
    with pytest.raises(DataError, match=r"differ in size: \(2, 3\) and \(3, 2\)"):
        metrics.confusion_matrix(zeros, zeros.T, 2, IGNORE)
    with pytest.raises(DataError, match="truth holds ids outside the classes: 7"):
        metrics.confusion_matrix(zeros + 7, zeros, 2, IGNORE)
    with pytest.raises(DataError, match="prediction holds ids outside the classes: 2"):
        metrics.confusion_matrix(zeros, zeros + 2, 2, IGNORE)
    with pytest.raises(DataError, match="truth holds ids outside the classes: -1"):
        metrics.confusion_matrix(zeros.astype(int) - 1, zeros, 2, IGNORE)


def test_large_masks_are_counted_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth, prediction = rng.integers(0, 4, (2, 37, 53))
    truth[truth == 3] = 255
    whole = metrics.confusion_matrix(truth, prediction, 4, 255)
    monkeypatch.setattr(region, "_AT_ONCE", 100)
    np.testing.assert_array_equal(metrics.confusion_matrix(truth, prediction, 4, 255), whole)
