import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from torchmetrics.functional.classification import multiclass_calibration_error

from intarsia.errors import DataError
from intarsia.metrics import (
    calibration_error,
    class_calibration_errors,
    reliability_counts,
    reliability_diagram,
)

IGNORE = 255


def answers(seed: int = 0, shape: tuple[int, int] = (31, 47)) -> tuple[NDArray, NDArray]:
    """(3, H, W) probabilities, and truth that follows them only half of the time."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet((0.5, 0.4, 0.3), shape).transpose(2, 0, 1).astype(np.float32)
    drawn = random.integers(0, 3, shape)
    truth = np.where(random.random(shape) < 0.5, probabilities.argmax(axis=0), drawn)
    truth[random.random(shape) < 0.2] = IGNORE
    return probabilities, truth.astype(np.uint8)


def counted(probabilities: NDArray, truth: NDArray, bins: int = 15) -> NDArray[np.float64]:
    top = probabilities.argmax(axis=0)
    return reliability_counts(truth, top, probabilities.max(axis=0), 3, IGNORE, bins)


def test_five_pixels_by_hand() -> None:
    truth = np.array([[0, 1, 1, IGNORE, 0]], np.uint8)
    prediction = np.array([[0, 0, 1, 1, 1]], np.uint8)
    confidence = np.array([[0.9, 0.6, 0.95, 0.9, 1.0]])
    counts = reliability_counts(truth, prediction, confidence, 3, IGNORE, bins=4)
    assert counts.shape == (3, 4, 3)
    # called 0: 0.9 and right in the last bin, 0.6 and wrong in the third
    assert counts[0].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0.6], [1, 1, 0.9]]
    # called 1: 0.95 and right, 1.0 and wrong, both in the last; the ignored one is nowhere
    assert counts[1].tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [2, 1, 1.95]]
    zero, one, two = class_calibration_errors(counts)
    assert zero == pytest.approx((0.6 + 0.1) / 2)
    assert one == pytest.approx(0.95 / 2)
    assert two is None
    # over all the last bin has three pixels, two of them right, and 2.85 of confidence
    assert calibration_error(counts) == pytest.approx((0.6 + 0.85) / 4)
    third, last = reliability_diagram(counts.sum(axis=0))[2:]
    assert (third.low, third.high, third.pixels) == (0.5, 0.75, 1)
    assert (third.confidence, third.accuracy) == (0.6, 0)
    assert (last.pixels, last.confidence) == (3, pytest.approx(0.95))
    assert last.accuracy == pytest.approx(2 / 3)
    assert reliability_diagram(counts[2])[0].confidence is None


def test_the_error_of_torchmetrics() -> None:
    probabilities, truth = answers()
    counts = counted(probabilities, truth)
    p, y = torch.from_numpy(probabilities)[None], torch.from_numpy(truth.astype(np.int64))[None]
    expected = multiclass_calibration_error(p, y, 3, n_bins=15, norm="l1", ignore_index=IGNORE)
    assert calibration_error(counts) == pytest.approx(float(expected), rel=1e-5)
    top = probabilities.argmax(axis=0)
    for index, found in enumerate(class_calibration_errors(counts)):
        called = torch.from_numpy(np.where(top == index, truth, IGNORE).astype(np.int64))[None]
        of_class = multiclass_calibration_error(p, called, 3, n_bins=15, ignore_index=IGNORE)
        assert found == pytest.approx(float(of_class), rel=1e-5)


def test_the_diagram_of_sklearn() -> None:
    probabilities, truth = answers(seed=1)
    bars = reliability_diagram(counted(probabilities, truth).sum(axis=0))
    kept = truth != IGNORE
    right = (probabilities.argmax(axis=0) == truth)[kept]
    accuracy, confidence = calibration_curve(right, probabilities.max(axis=0)[kept], n_bins=15)
    filled = [bar for bar in bars if bar.pixels]
    np.testing.assert_allclose([bar.accuracy for bar in filled], accuracy)
    np.testing.assert_allclose([bar.confidence for bar in filled], confidence, rtol=1e-6)
    assert sum(bar.pixels for bar in bars) == kept.sum()


def test_images_add_up() -> None:
    probabilities, truth = answers(seed=2)
    parts = [counted(probabilities[:, rows], truth[rows]) for rows in (np.s_[:10], np.s_[10:])]
    np.testing.assert_allclose(sum(parts), counted(probabilities, truth))


def test_nothing_counted_is_not_available() -> None:
    probabilities, truth = answers()
    counts = counted(probabilities, np.full_like(truth, IGNORE))
    assert calibration_error(counts) is None
    assert class_calibration_errors(counts) == (None,) * 3


def test_faults_are_named() -> None:
    ids, sure = np.zeros((2, 3), np.uint8), np.full((2, 3), 0.5)
    with pytest.raises(DataError, match=r"confidences of shape \(3, 2\) for a mask of \(2, 3\)"):
        reliability_counts(ids, ids, sure.T, 2, IGNORE)
    with pytest.raises(DataError, match=r"confidences from 0.5 to 1.5"):
        reliability_counts(ids, ids, np.array([[0.5, 1.5, 0.5]] * 2), 2, IGNORE)
    with pytest.raises(DataError, match="confidences from nan"):
        reliability_counts(ids, ids, sure * np.nan, 2, IGNORE)
    with pytest.raises(DataError, match="prediction holds ids outside"):
        reliability_counts(ids, ids + 2, sure, 2, IGNORE)
