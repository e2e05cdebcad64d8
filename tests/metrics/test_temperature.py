import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import log_loss

from intarsia.errors import DataError
from intarsia.metrics import PixelSample, fit_temperature, tempered

IGNORE = 255


def overconfident(by: float, n: int = 20_000, seed: int = 0) -> tuple[NDArray, NDArray]:
    """(n, 4) probabilities whose logits are `by` times those that drew the truth."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(n, 4)) * 2
    # the largest of logits and Gumbel noise is a draw from their softmax
    truth = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    raised = np.exp(logits * by)
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32), truth


@pytest.mark.parametrize("by", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(by: float) -> None:
    probabilities, truth = overconfident(by)
    fitted = fit_temperature(probabilities, truth)
    assert fitted.value == pytest.approx(by, rel=0.03)
    assert fitted.pixels == 20_000
    assert not fitted.at_limit
    assert fitted.nll_after <= fitted.nll_before + 1e-9


def test_likelihoods_of_sklearn() -> None:
    probabilities, truth = overconfident(3.0)
    fitted = fit_temperature(probabilities, truth)
    # in float64: scikit-learn cuts float32 off at 1e-7
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    expected = log_loss(truth, exact)
    assert fitted.nll_before == pytest.approx(expected, rel=1e-4)
    after = tempered(probabilities.T, fitted.value).T
    assert fitted.nll_after == pytest.approx(log_loss(truth, after), rel=1e-4)


def test_tempered_is_the_softmax_of_divided_logits() -> None:
    logits = torch.randn(5, 4, 7, generator=torch.Generator().manual_seed(0)) * 3
    expected = torch.softmax(logits / 2.5, dim=0)
    found = tempered(torch.softmax(logits, dim=0).numpy(), 2.5)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert found.dtype == np.float32


def test_certainty_stays_finite() -> None:
    sure = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    assert np.isfinite(tempered(sure, 20.0)).all()
    # never wrong, so ever surer: no best value between
    perfect = fit_temperature(np.array([[0.7, 0.3]] * 3), np.zeros(3, int))
    assert perfect.at_limit
    assert perfect.value < 0.06
    # always sure and always wrong
    assert fit_temperature(sure, np.array([1, 0])).at_limit


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match="no pixels to fit"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(DataError, match="temperature is 0"):
        tempered(np.array([0.5, 0.5], np.float32), 0.0)
    with pytest.raises(DataError, match=r"probabilities of shape \(2, 3, 4\)"):
        PixelSample().add(np.zeros((2, 3, 4), np.float32), np.zeros((4, 3), np.uint8), IGNORE)
    with pytest.raises(DataError, match="truth holds ids from 5 to 5"):
        PixelSample().add(np.zeros((2, 3, 4), np.float32), np.full((3, 4), 5), IGNORE)


def filled(images: list[tuple[NDArray, NDArray]], size: int, seed: int = 0) -> PixelSample:
    sample = PixelSample(size, seed)
    for probabilities, truth in images:
        sample.add(probabilities, truth, IGNORE)
    return sample


def numbered(count: int) -> list[tuple[NDArray, NDArray]]:
    """Images whose pixels carry a number of their own in the first probability."""
    images = []
    for number in range(count):
        own = (np.arange(12 * 21) + number * 1000).reshape(1, 12, 21).astype(np.float32)
        truth = np.full((12, 21), number % 2, np.uint8)
        truth[:2] = IGNORE
        images.append((np.concatenate([own, -own]), truth))
    return images


def test_few_pixels_are_all_kept() -> None:
    images = numbered(3)
    sample = filled(images, size=10_000)
    expected = np.concatenate([p[0][t != IGNORE] for p, t in images])
    np.testing.assert_array_equal(sample.probabilities[:, 0], expected)
    np.testing.assert_array_equal(sample.truth, np.repeat([0, 1, 0], 210))


def test_the_sample_is_bounded_even_and_the_same_again() -> None:
    images = numbered(20)  # of 210 counted pixels each
    sample = filled(images, size=600)
    numbers = sample.probabilities[:, 0]
    assert sample.probabilities.shape == (600, 2)
    assert len(set(numbers.tolist())) == 600
    np.testing.assert_array_equal(sample.truth, numbers // 1000 % 2)
    assert (numbers % 1000 >= 2 * 21).all()  # none that is ignored
    # 30 expected of each image, first or last; five standard deviations are 25
    of_image = np.bincount((numbers // 1000).astype(int), minlength=20)
    assert of_image.min() > 5
    assert of_image.max() < 55
    again = filled(images, size=600)
    np.testing.assert_array_equal(again.probabilities, sample.probabilities)
    other = filled(images, size=600, seed=1)
    assert not np.array_equal(other.probabilities, sample.probabilities)
