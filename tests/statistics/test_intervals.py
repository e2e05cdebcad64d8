import numpy as np
import pytest
from scipy import special, stats

from intarsia.errors import DataError
from intarsia.statistics import MIOU, PIXEL_ACCURACY, Estimand, count_groups, estimate
from intarsia.statistics.interval import (
    Replicates,
    bca_interval,
    bootstrap_t_interval,
    logit_t_interval,
    percentile_interval,
    t_interval,
)
from intarsia.statistics.jackknife import jackknife_error, leave_one_out
from intarsia.statistics.ratios import influences, mean_of_ratios, standard_error
from intarsia.statistics.resampling import resample


def made(images: int = 12, classes: int = 3, seed: int = 0) -> np.ndarray:
    """(N, K, K) of images that differ in size and in how hard they are."""
    random = np.random.default_rng(seed)
    size = random.integers(200, 2000, (images, 1, 1))
    right = random.beta(8, 2, (images, 1, 1))
    share = random.dirichlet(np.ones(classes), images)[:, :, None]
    wrong = size * share * (1 - right) / (classes - 1) * np.ones((1, 1, classes))
    matrices = np.where(np.eye(classes) > 0, size * share * right, wrong)
    return np.round(matrices).astype(int)


def figure(images: np.ndarray) -> float:
    """Macro mIoU of chosen images (3, K) of hits, truth, predicted, written out."""
    hits, truth, predicted = images.sum(axis=0)
    return float(np.mean(hits / (truth + predicted - hits)))


def test_the_jackknife_by_hand() -> None:
    # hits of truth 1/2, 3/4, 1/4: 5/10 in all; without each 4/8, 2/6, 4/6
    ratios = np.array([[[[1.0], [2.0]], [[3.0], [4.0]], [[1.0], [4.0]]]])
    left = leave_one_out(ratios)
    assert left.tolist() == pytest.approx([1 / 2, 1 / 3, 2 / 3])
    # mean 1/2, squares 0 + 1/36 + 1/36, times 2/3
    assert jackknife_error(left) == pytest.approx((2 / 3 * 2 / 36) ** 0.5)
    assert np.isnan(jackknife_error(left[:1]))


def test_influences_are_the_slope_of_the_figure() -> None:
    ratios = MIOU.ratios(count_groups(made()).values)[0]
    totals = ratios.sum(axis=0)
    parts = influences(ratios, totals)
    step = 1e-6
    slopes = [
        (mean_of_ratios(totals + step * one) - mean_of_ratios(totals)) / step for one in ratios
    ]
    np.testing.assert_allclose(parts, slopes, atol=1e-6)
    assert abs(parts.sum()) < 1e-12


def test_the_linear_error_of_a_mean_is_the_known_one() -> None:
    values = np.random.default_rng(0).random(20)
    ratios = np.stack([values, np.ones(20)], axis=1)[..., None]
    found = standard_error(influences(ratios, ratios.sum(axis=0)))
    assert found == pytest.approx(stats.sem(values))
    assert jackknife_error(leave_one_out(ratios[None])) == pytest.approx(stats.sem(values))


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_the_bootstrap_of_scipy(method: str) -> None:
    counts = count_groups(made(25))
    values = counts.values[0]

    def statistic(index: np.ndarray, axis: int) -> np.ndarray:
        totals = values[index.astype(int)].sum(axis=-3)
        return mean_of_ratios(MIOU.ratios(totals))

    expected = stats.bootstrap(
        (np.arange(25),), statistic, vectorized=True, n_resamples=4000, method=method, axis=-1,
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    ratios = MIOU.ratios(counts.values)
    replicates = resample(ratios, resamples=4000)
    if method == "percentile":
        found = percentile_interval(replicates, 0.95)
    else:
        found = bca_interval(figure(values), replicates, leave_one_out(ratios), 0.95)
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.05 * width)
    assert found.high == pytest.approx(expected.high, abs=0.05 * width)


def test_resamples_are_those_of_a_plain_loop() -> None:
    counts = count_groups(made(7))
    replicates = resample(MIOU.ratios(counts.values), resamples=5, seed=3)
    weights = np.random.default_rng(3).multinomial(7, np.full(7, 1 / 7), 5)
    for row, value, error in zip(weights, replicates.values, replicates.errors, strict=True):
        drawn = np.repeat(counts.values[0], row, axis=0)
        assert value == pytest.approx(figure(drawn))
        ratios = MIOU.ratios(drawn)
        assert error == pytest.approx(standard_error(influences(ratios, ratios.sum(axis=0))))


def test_the_studentised_bootstrap_by_hand() -> None:
    # t = (values - 1) / errors = -2, -1, 0, 1, 4: the figure minus 0.1 of each, ends exchanged
    replicates = Replicates(
        np.array([0.0, 0.5, 1.0, 1.5, 3.0]), np.array([0.5, 0.5, 0.5, 0.5, 0.5])
    )
    found = bootstrap_t_interval(1.0, 0.1, replicates, 1 - 1e-12)
    assert (found.low, found.high) == pytest.approx((0.6, 1.2))


def test_t_by_hand() -> None:
    found = t_interval(0.5, 0.1, 4, 0.95)  # the table has 2.776 for 4 degrees
    assert (found.low, found.high) == pytest.approx((0.2224, 0.7776), abs=1e-4)


def test_the_interval_of_a_share_stays_within_it() -> None:
    found = logit_t_interval(0.97, 0.02, 7, 0.95)
    # log(0.97 / 0.03) = 3.476; 2.365 * 0.02 / (0.97 * 0.03) = 1.625
    assert found.low == pytest.approx(1 / (1 + np.exp(1.625 - 3.476)), abs=1e-3)
    assert found.high == pytest.approx(1 / (1 + np.exp(-1.625 - 3.476)), abs=1e-3)
    sure = logit_t_interval(1.0, 0.0, 7, 0.95)
    assert (sure.low, sure.high) == (1, 1)


def test_the_interval_by_hand() -> None:
    # pixels right: 6, 8, 9 of 10 each: accuracy 23/30, standard error of the mean 0.0882
    matrices = np.array([[[hits, 10 - hits], [0, 0]] for hits in (6, 8, 9)])
    found = estimate(count_groups(matrices), PIXEL_ACCURACY)
    value, error = 23 / 30, stats.sem([0.6, 0.8, 0.9])
    assert found.value == pytest.approx(value)
    assert found.spread.groups == pytest.approx(error)
    assert found.spread.freedom == pytest.approx(2)
    width = stats.t.ppf(0.975, 2) * error / value / (1 - value)
    assert found.interval.low == pytest.approx(special.expit(special.logit(value) - width))
    assert found.interval.high == pytest.approx(special.expit(special.logit(value) + width))
    assert found.interval.method == "logit-t"


def test_groups_of_unequal_size_count_for_fewer() -> None:
    matrices = np.concatenate([made(12), np.repeat(made(1, seed=1), 40, axis=0)])
    groups = [f"{index}" for index in range(12)] + ["long"] * 40
    found = estimate(count_groups(matrices, groups))
    assert found.spread.freedom < 5
    assert any("13 groups of unequal size, which tell as much as" in r for r in found.remarks)


def test_one_group_has_no_interval_and_few_have_a_warning() -> None:
    one = estimate(count_groups(made(6), ["a"] * 6))
    assert one.interval is None
    assert one.value is not None
    assert "cannot be known (n/a)" in one.remarks[0]
    few = estimate(count_groups(made(18), [f"{i // 2}" for i in range(18)]))
    assert few.interval is not None
    assert "Only 9 groups" in few.remarks[0]
    assert not any("Only" in r for r in estimate(count_groups(made(10))).remarks)


def test_a_class_in_few_groups_is_named() -> None:
    matrices = made(20)
    matrices[2:, 1] = 0  # the truth of class 1 is in 2 images only
    remarks = estimate(count_groups(matrices), names=("sky", "pole", "road")).remarks
    assert any("pole (2)" in remark for remark in remarks)
    assert not any("pole" in r for r in estimate(count_groups(matrices), PIXEL_ACCURACY).remarks)
    other = estimate(count_groups(matrices), Estimand("miou", (0,)))
    assert not any("In fewer" in r for r in other.remarks)


def test_groups_that_are_alike_inside_have_a_wider_interval_than_images() -> None:
    matrices = np.repeat(made(12), 8, axis=0)
    groups = [f"{index // 8}" for index in range(96)]
    wide, narrow = estimate(count_groups(matrices, groups)), estimate(count_groups(matrices))
    assert wide.value == pytest.approx(narrow.value)
    assert wide.interval.high - wide.interval.low > 2 * (narrow.interval.high - narrow.interval.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    counts = count_groups(made())
    first, again = (estimate(counts, method="bootstrap-t", seed=5).interval for _ in range(2))
    assert first == again != estimate(counts, method="bootstrap-t", seed=6).interval


def test_a_level_that_is_none() -> None:
    with pytest.raises(DataError, match="level of an interval is 95"):
        estimate(count_groups(made()), level=95)
