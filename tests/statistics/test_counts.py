import numpy as np
import pytest

from intarsia import metrics
from intarsia.errors import DataError
from intarsia.statistics import (
    MEAN_DICE,
    MICRO_IOU,
    MIOU,
    PIXEL_ACCURACY,
    EmptyTruth,
    Estimand,
    count_groups,
    empty_truth,
    estimate,
)
from intarsia.statistics.ratios import mean_of_ratios

# Two images, three classes, rows truth; class 2 is in no truth and once in a prediction.
ONE = np.array([[4, 1, 0], [2, 3, 0], [0, 0, 0]])
TWO = np.array([[1, 0, 1], [0, 5, 0], [0, 0, 0]])


def made(images: int = 9, classes: int = 4, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    matrices = random.integers(0, 40, (images, classes, classes))
    matrices[:, range(classes), range(classes)] += 100
    return matrices


def test_groups_by_hand() -> None:
    counts = count_groups(np.stack([ONE, TWO, ONE]), ["b", "a", "b"])
    assert (counts.groups, counts.images, counts.unit) == (("a", "b"), (1, 2), "group")
    assert counts.values[0, 0].tolist() == [[1, 5, 0], [2, 5, 0], [1, 5, 1]]
    assert counts.values[0, 1].tolist() == [[8, 6, 0], [10, 10, 0], [12, 8, 0]]
    assert counts.present.tolist() == [2, 2, 0]


def test_images_are_their_own_groups_without_any() -> None:
    counts = count_groups(np.stack([ONE, TWO]))
    assert (counts.unit, counts.unit_name, counts.images) == ("image", "images", (1, 1))
    assert count_groups(np.stack([ONE, TWO]), ["x", "y"]).unit == "image"


def test_answers_of_no_class_are_wrong_and_predict_nothing() -> None:
    """A second annotator's matrices: the last column is what was left out."""
    counts = count_groups(np.array([[[3, 1, 2], [0, 4, 1]]]))
    assert counts.values[0, 0].tolist() == [[3, 4], [6, 5], [3, 5]]
    assert counts.classes == 2
    found = estimate(counts)
    assert found.value == pytest.approx((3 / (6 + 3 - 3) + 4 / (5 + 5 - 4)) / 2)
    assert estimate(counts, PIXEL_ACCURACY).value == pytest.approx(7 / 11)


def test_the_estimands_by_hand() -> None:
    # together: class 0 hit 5, truth 7, predicted 7; 1: hit 8, truth 10, predicted 9; 2: 0, 0, 1
    counts = count_groups(np.stack([ONE, TWO]))
    expected = {
        MIOU: (5 / 9 + 8 / 11 + 0) / 3,
        MICRO_IOU: 13 / (9 + 11 + 1),
        MEAN_DICE: (10 / 14 + 16 / 19 + 0) / 3,
        PIXEL_ACCURACY: 13 / 17,
        Estimand("miou", (0, 1)): (5 / 9 + 8 / 11) / 2,
        Estimand("miou", (1,)): 8 / 11,
        Estimand("pixel_accuracy", (1,)): 8 / 10,
    }
    found = {estimand: estimate(counts, estimand).value for estimand in expected}
    assert found == pytest.approx(expected)


def test_the_figures_are_those_of_the_sheet() -> None:
    matrices = made()
    matrices[:, 2] = matrices[:, :, 2] = 0  # in neither truth nor prediction
    total = matrices.sum(axis=0)
    values = count_groups(matrices).values[0].sum(axis=0)
    for estimand, function in (
        (MIOU, metrics.miou),
        (MEAN_DICE, metrics.mean_dice),
        (PIXEL_ACCURACY, metrics.pixel_accuracy),
    ):
        assert mean_of_ratios(estimand.ratios(values)) == pytest.approx(function(total))
    sheet = metrics.class_metrics(total, ["a", "b", "c", "d"])
    assert estimate(count_groups(matrices), Estimand("miou", (3,))).value == sheet[3].iou
    assert estimate(count_groups(matrices), Estimand("mean_dice", (3,))).value == sheet[3].dice


def test_a_class_that_is_nowhere_is_na_and_counted() -> None:
    matrices = made()
    matrices[:, 2] = matrices[:, :, 2] = 0
    counts = count_groups(matrices)
    assert estimate(counts).undefined == (2,)
    nothing = estimate(counts, Estimand("miou", (2,)))
    assert (nothing.value, nothing.interval, str(nothing)) == (None, None, "n/a")


def test_the_estimand_is_stated() -> None:
    text = estimate(count_groups(made(), list("aabbccdde"))).description
    for part in ("macro mIoU", "TP / (TP + FP + FN)", "all images together", "n/a", "the group"):
        assert part in text


def test_false_alarms_on_images_without_the_class_are_counted() -> None:
    assert empty_truth(np.stack([ONE, TWO, ONE]))[2] == EmptyTruth(images=3, alarms=1, pixels=1)
    assert empty_truth(np.stack([ONE, TWO]))[0] == EmptyTruth(images=0, alarms=0, pixels=0)


@pytest.mark.parametrize(
    ("matrices", "groups", "message"),
    [
        (made(3), ["a", "b"], "2 groups for 3 images"),
        (made(3)[:, :, :2], None, "not confusion matrices"),
        (made(3)[:0], None, "not confusion matrices"),
        (made(3)[0], None, "not confusion matrices"),
        (made(3) / 2, None, "of float64"),
        (-made(3), None, "negative"),
        ([made(3), made(4)], None, "differ in images"),
        ([], None, "no confusion matrices"),
        ([made(3), made(3, seed=1)], None, "same truth"),
    ],
)
def test_what_is_no_evaluation(matrices: object, groups: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        count_groups(matrices, groups)


def test_an_estimand_that_is_none() -> None:
    with pytest.raises(DataError, match='no metric "mio"') as caught:
        Estimand("mio")
    assert 'did you mean "miou"' in str(caught.value)
    for classes in ((), (-1,), (1, 1)):
        with pytest.raises(DataError, match="the classes of miou"):
            Estimand("miou", classes)
    with pytest.raises(DataError, match="no class 7"):
        estimate(count_groups(made()), Estimand("miou", (7,)))
