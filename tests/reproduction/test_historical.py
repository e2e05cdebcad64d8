import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics
from torchmetrics.functional.classification import multilabel_specificity

from intarsia import metrics
from intarsia.errors import DataError
from intarsia.reproduction.historical import (
    LUNGS_THRESHOLD,
    IndexDice,
    OneHotMicro,
    PerImageMiou,
    PlainAccuracy,
    ThresholdIou,
)
from intarsia.reproduction.published import R2, SYSTEMS

IGNORE = 255
Accumulator = OneHotMicro | PerImageMiou | IndexDice | ThresholdIou | PlainAccuracy

# 2 x 3 pixels, three classes. Above 0.5: class 0 at (0,0), 0 at (0,1), none at (0,2), 1 at (1,0),
# 2 at (1,1), 2 at (1,2). The most probable: 0 0 1 / 1 2 2.
HAND = np.array(
    [
        [[0.7, 0.6, 0.3], [0.2, 0.1, 0.0]],
        [[0.2, 0.3, 0.4], [0.6, 0.1, 0.1]],
        [[0.1, 0.1, 0.3], [0.2, 0.8, 0.9]],
    ],
    np.float32,
)
TRUTH = np.array([[0, 1, 1], [1, 2, IGNORE]], np.uint8)


def softmax_images(
    classes: int, count: int = 3, shape: tuple[int, int] = (17, 43), ignored: float = 0.2
) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Random probabilities, right and sure in some places, and truth with ignored pixels."""
    random = np.random.default_rng(classes)
    images = []
    for _ in range(count):
        truth = random.integers(0, classes, shape).astype(np.uint8)
        logits = random.normal(0, 1.5, (classes, *shape))
        logits += 3 * (np.arange(classes)[:, None, None] == truth)
        powers = np.exp(logits)
        truth[random.random(shape) < ignored] = IGNORE
        images.append(((powers / powers.sum(axis=0)).astype(np.float32), truth))
    return images


def counted(
    images: list[tuple[NDArray[np.float32], NDArray[np.uint8]]],
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """(N, K) probabilities and (N,) ids of every pixel that is not ignored."""
    return (
        np.concatenate([p[:, t != IGNORE].T for p, t in images]),
        np.concatenate([t[t != IGNORE] for _, t in images]),
    )


def certain(ids: list[list[int]], classes: int) -> NDArray[np.float32]:
    """(K, H, W): all of the probability on the given class."""
    return np.eye(classes, dtype=np.float32)[:, np.array(ids)]


def test_one_hot_by_hand() -> None:
    scores = OneHotMicro(classes=3)
    scores.add(HAND, TRUTH)
    # five pixels count; hits (0,0), (1,0), (1,1); answers those and the wrong 0 at (0,1)
    assert scores.pixels == 5
    assert scores.accuracy == 4 / 5
    assert scores.sensitivity == 3 / 5
    assert scores.precision == 3 / 4
    assert scores.specificity == 1 - 1 / 10
    assert scores.f1 == 2 * 3 / (4 + 5)
    own = [0.7, 0.3, 0.4, 0.6, 0.8]
    assert scores.soft_dice == pytest.approx(sum(own) / 5)
    assert scores.loss == pytest.approx(-np.log(own).mean())


def test_one_hot_of_references() -> None:
    images = softmax_images(4)
    scores = OneHotMicro(classes=4)
    for probabilities, truth in images:
        scores.add(probabilities, truth)
    p, ids = counted(images)
    one_hot, answers = np.eye(4, dtype=int)[ids], (p > 0.5).astype(int)
    assert 0 < answers.sum() < len(ids)  # some pixels have no answer: it is not accuracy
    assert scores.f1 == pytest.approx(sklearn_metrics.f1_score(one_hot, answers, average="micro"))
    assert scores.sensitivity == pytest.approx(
        sklearn_metrics.recall_score(one_hot, answers, average="micro")
    )
    assert scores.precision == pytest.approx(
        sklearn_metrics.precision_score(one_hot, answers, average="micro")
    )
    specificity = multilabel_specificity(
        torch.from_numpy(answers), torch.from_numpy(one_hot), 4, average="micro"
    )
    assert scores.specificity == pytest.approx(float(specificity), abs=1e-6)
    assert scores.accuracy == sklearn_metrics.accuracy_score(ids, p.argmax(axis=1))
    rows = p.astype(np.float64) / p.astype(np.float64).sum(axis=1, keepdims=True)
    assert scores.loss == pytest.approx(sklearn_metrics.log_loss(ids, rows), rel=1e-6)


def test_soft_dice_is_the_dice_of_the_one_hot_tensor() -> None:
    images = softmax_images(5)
    scores = OneHotMicro(classes=5)
    for probabilities, truth in images:
        scores.add(probabilities, truth)
    p, ids = counted(images)
    one_hot = np.eye(5)[ids]
    assert scores.soft_dice == pytest.approx(2 * (p * one_hot).sum() / (p.sum() + one_hot.sum()))


def test_the_loss_of_a_certain_error_is_that_of_keras() -> None:
    scores = OneHotMicro(classes=3)
    scores.add(certain([[1, 1, 1]], 3), np.array([[0, 0, 0]]))
    assert scores.loss == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_our_figures_satisfy_the_identity(classes: int) -> None:
    scores = OneHotMicro(classes=classes)
    for probabilities, truth in softmax_images(classes):
        scores.add(probabilities, truth)
    sensitivity, specificity = scores.sensitivity, scores.specificity
    assert sensitivity is not None
    assert specificity is not None
    precision = sensitivity / (sensitivity + (1 - specificity) * (classes - 1))
    assert 0 < precision < 1
    assert scores.precision == pytest.approx(precision, rel=1e-12)
    assert scores.f1 == pytest.approx(
        2 * precision * sensitivity / (precision + sensitivity), rel=1e-12
    )


def test_the_published_figures_satisfy_the_identity() -> None:
    rows = R2.table("Table I").rows
    assert len(rows) == 6
    for row in rows:
        sensitivity, specificity = row.values["sensitivity"], row.values["specificity"]
        precision = sensitivity / (sensitivity + (1 - specificity) * 11)
        f1 = 2 * precision * sensitivity / (precision + sensitivity)
        assert f1 == pytest.approx(row.values["f1"], abs=0.0012), row
        # and with another number of classes it would not
        other = sensitivity / (sensitivity + (1 - specificity) * 10)
        f1 = 2 * other * sensitivity / (other + sensitivity)
        assert f1 != pytest.approx(row.values["f1"], abs=0.0012), row


def test_half_is_no_answer() -> None:
    scores = OneHotMicro(classes=2)
    scores.add(np.full((2, 1, 3), 0.5, np.float32), np.array([[0, 1, 0]]))
    assert scores.sensitivity == 0.0
    assert scores.specificity == 1.0
    assert scores.precision is None


def test_specificity_misleads() -> None:
    scores = OneHotMicro(classes=12)
    scores.add(certain([[1, 2, 3], [4, 5, 6]], 12), np.array([[0, 1, 2], [3, 4, 5]]))
    assert (scores.accuracy, scores.f1) == (0.0, 0.0)
    assert scores.specificity == pytest.approx(10 / 11)


def test_one_hot_f1_passes_accuracy_where_the_network_abstains() -> None:
    scores = OneHotMicro(classes=3)
    unsure = np.array([[[0.9, 0.3]], [[0.05, 0.4]], [[0.05, 0.3]]], np.float32)
    scores.add(unsure, np.array([[0, 0]]))
    assert scores.accuracy == 1 / 2
    assert scores.f1 == 2 / 3


def test_per_image_miou_by_hand() -> None:
    scores = PerImageMiou(classes=3)
    scores.add(HAND, TRUTH)
    # class 0: 1/2; class 1: 2/3; class 2: 1/1, the ignored pixel being left out
    assert scores.per_image_miou == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    # class 2 is predicted once and absent: left out; class 0: 2/3, class 1: 2/3
    scores.add(certain([[0, 0, 2], [1, 1, 0]], 3), np.array([[0, 0, 0], [1, 1, 1]]))
    first, second = 13 / 18, (2 / 4 + 2 / 3) / 2
    assert scores.per_image_miou == pytest.approx((first + second) / 2)


def test_per_image_miou_of_sklearn() -> None:
    images = softmax_images(4, shape=(5, 3))
    # the third image holds two classes only, and four are predicted
    images[2][1][:] = np.where(images[2][1] == IGNORE, IGNORE, images[2][1] % 2)
    scores = PerImageMiou(classes=4)
    expected = []
    for probabilities, truth in images:
        scores.add(probabilities, truth)
        p, ids = counted([(probabilities, truth)])
        expected.append(
            sklearn_metrics.jaccard_score(
                ids, p.argmax(axis=1), labels=np.unique(ids), average="macro"
            )
        )
    assert scores.per_image_miou == pytest.approx(np.mean(expected))


def test_per_image_miou_misleads() -> None:
    truth = np.array([[0, 0, 0, 0]])
    per_image, plain = PerImageMiou(classes=2), PlainAccuracy(classes=2)
    for accumulator in (per_image, plain):
        accumulator.add(certain([[0, 0, 0, 1]], 2), truth)
    assert per_image.per_image_miou == 3 / 4
    assert plain.miou == 3 / 8  # the class that is not there, predicted, has IoU 0


def test_an_image_without_counted_pixels_has_no_score() -> None:
    scores = PerImageMiou(classes=2)
    scores.add(certain([[0, 1]], 2), np.full((1, 2), IGNORE, np.uint8))
    assert scores.per_image_miou is None
    scores.add(certain([[0, 1]], 2), np.array([[0, 0]]))
    assert scores.per_image_miou == 1 / 2


def test_index_dice_by_hand() -> None:
    scores = IndexDice(classes=3)
    scores.add(HAND, TRUTH)
    # predicted 0 0 1 / 1 2, truth 0 1 1 / 1 2: products 0 0 1 1 4, sums 0 1 2 2 4
    assert scores.index_dice == pytest.approx(2 * 6 / 9)


def test_index_dice_averages_batches() -> None:
    scores = IndexDice(classes=3, images_per_batch=2)
    for predicted, true in (([[1, 1]], [[1, 0]]), ([[2, 2]], [[2, 2]]), ([[0, 1]], [[0, 1]])):
        scores.add(certain(predicted, 3), np.array(true))
    # (1 + 8) of (3 + 8) in the first batch, 1 of 2 in the second
    assert scores.index_dice == pytest.approx((2 * 9 / 11 + 2 * 1 / 2) / 2)


def test_index_dice_of_two_classes_is_a_dice() -> None:
    images = softmax_images(2)
    scores = IndexDice(classes=2)
    for probabilities, truth in images:
        scores.add(probabilities, truth)
    p, ids = counted(images)
    assert scores.index_dice == pytest.approx(sklearn_metrics.f1_score(ids, p.argmax(axis=1)))


def test_index_dice_misleads() -> None:
    figures = []
    for renumbered in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]):
        scores = IndexDice(classes=6)
        ids = np.array(renumbered)[np.array([[0, 1, 2, 3, 4, 5]])]
        scores.add(certain(ids.tolist(), 6), ids)
        figures.append(scores.index_dice)
        scores = IndexDice(classes=6)
        truth = np.array(renumbered)[np.array([[0, 0, 1]])]
        scores.add(certain(np.array(renumbered)[np.array([[0, 1, 1]])].tolist(), 6), truth)
        figures.append(scores.index_dice)
    perfect, one_wrong, perfect_renumbered, one_wrong_renumbered = figures
    assert perfect == perfect_renumbered == pytest.approx(2 * 55 / 30)  # a perfect mask is not 1
    assert one_wrong == pytest.approx(2 / 3)
    assert one_wrong_renumbered == pytest.approx(2 * 61 / 27)  # the same mask, other numbers


def test_threshold_iou_by_hand() -> None:
    lung = np.array([[0.9, 0.7, 0.1], [0.8, 0.9, 0.95]], np.float32)
    probabilities = np.stack([1 - lung, lung])
    truth = np.array([[1, 1, 0], [0, 1, IGNORE]], np.uint8)
    historical, honest = ThresholdIou(), ThresholdIou(threshold=0.5)
    for scores in (historical, honest):
        scores.add(probabilities, truth)
    assert historical.iou == 2 / 4  # 0.7 is not enough
    assert honest.iou == 3 / 4


def test_threshold_iou_is_one_over_all_pixels() -> None:
    images = softmax_images(2)
    scores = ThresholdIou()
    for probabilities, truth in images:
        scores.add(probabilities, truth)
    p, ids = counted(images)
    assert scores.iou == pytest.approx(
        sklearn_metrics.jaccard_score(ids, p[:, 1] > np.float32(LUNGS_THRESHOLD))
    )


def test_the_threshold_is_exclusive_and_that_of_the_report() -> None:
    assert round(LUNGS_THRESHOLD, 3) == 0.784
    scores = ThresholdIou(threshold=0.75)
    scores.add(np.array([[[0.25, 0.125]], [[0.75, 0.875]]], np.float32), np.array([[1, 1]]))
    assert scores.iou == 1 / 2


def test_a_network_that_is_right_but_not_sure_has_iou_zero() -> None:
    unsure = np.array([[[0.3, 0.7]], [[0.7, 0.3]]], np.float32)
    historical, plain = ThresholdIou(), PlainAccuracy(classes=2)
    for scores in (historical, plain):
        scores.add(unsure, np.array([[1, 0]]))
    assert historical.iou == 0.0
    assert plain.pixel_accuracy == 1.0


def test_plain_accuracy_is_that_of_the_honest_sheet() -> None:
    images = softmax_images(4)
    scores = PlainAccuracy(classes=4)
    matrix = np.zeros((4, 4), np.int64)
    for probabilities, truth in images:
        scores.add(probabilities, truth)
        matrix += metrics.confusion_matrix(truth, probabilities.argmax(axis=0), 4, IGNORE)
    p, ids = counted(images)
    assert scores.pixel_accuracy == sklearn_metrics.accuracy_score(ids, p.argmax(axis=1))
    assert scores.miou == metrics.miou(matrix)


def test_every_published_column_has_its_property() -> None:
    ours = {
        name
        for kind in (OneHotMicro, PerImageMiou, IndexDice, ThresholdIou, PlainAccuracy)
        for name, value in vars(kind).items()
        if isinstance(value, property)
    }
    columns = {c for system in SYSTEMS for table in system.tables for c in table.columns}
    assert {c for c in columns if "seconds" not in c} <= ours


ACCUMULATORS = [OneHotMicro(3), PerImageMiou(3), IndexDice(3), PlainAccuracy(3), ThresholdIou()]


def figures_of(scores: Accumulator) -> list[float | None]:
    names = [n for n, value in vars(type(scores)).items() if isinstance(value, property)]
    return [getattr(scores, name) for name in names if name != "pixels"]


@pytest.mark.parametrize("scores", ACCUMULATORS, ids=lambda s: type(s).__name__)
def test_nothing_added_is_no_figure(scores: Accumulator) -> None:
    figures = figures_of(scores)
    assert figures
    assert set(figures) == {None}


@pytest.mark.parametrize("scores", ACCUMULATORS, ids=lambda s: type(s).__name__)
def test_what_does_not_fit_is_refused(scores: Accumulator) -> None:
    classes = 2 if isinstance(scores, ThresholdIou) else 3
    truth = np.zeros((2, 3), np.uint8)
    good = np.full((classes, 2, 3), 1 / classes, np.float32)
    for bad, message in (
        (good[:, :1], "do not fit"),
        (good[:-1], "do not fit"),
        (good[None], "do not fit"),
        (good * 7, "no probabilities"),
        (-good, "no probabilities"),
        (np.full_like(good, np.nan), "no probabilities"),
    ):
        with pytest.raises(DataError, match=message):
            scores.add(bad, truth)
    with pytest.raises(DataError, match="outside the classes"):
        scores.add(good, truth + 7)
    # a refused image leaves nothing behind
    assert set(figures_of(scores)) == {None}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_ids_of_any_integers(dtype: type[np.integer]) -> None:
    ids = np.array([[0, 200, 255]], np.uint8).astype(dtype)
    scores = IndexDice(classes=256, ignore_index=65535)
    scores.add(certain(ids.tolist(), 256), ids)
    assert scores.index_dice == pytest.approx((200**2 + 255**2) / (200 + 255))
