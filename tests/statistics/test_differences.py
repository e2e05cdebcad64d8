import itertools

import numpy as np
import pytest
from scipy import stats

from intarsia.errors import DataError
from intarsia.statistics import (
    MIOU,
    PIXEL_ACCURACY,
    adjust_holm,
    compare_pairs,
    count_groups,
    measure_difference,
)
from intarsia.statistics.equivalence import equivalence_p
from intarsia.statistics.power import groups_needed
from intarsia.statistics.ratios import mean_of_ratios
from intarsia.statistics.spread import Spread, measure_spread
from intarsia.statistics.swaps import swap_test


def run(images: int = 14, gain: float = 0.0, seed: int = 0, own: float = 0.03) -> np.ndarray:
    """(N, 2, 2) of a model on images whose truth and difficulty do not depend on `seed`."""
    hard = np.random.default_rng(99)
    truth = hard.integers(500, 3000, (images, 2))
    right = hard.beta(9, 2, (images, 2))
    right = right + gain + np.random.default_rng(seed).normal(0, own, (images, 2))
    hits = np.round(truth * right.clip(0, 1)).astype(int)
    wrong = truth - hits
    return np.stack(
        [np.stack([hits[:, 0], wrong[:, 0]], 1), np.stack([wrong[:, 1], hits[:, 1]], 1)], axis=1
    )


def test_swaps_by_hand() -> None:
    # of one pixel an image, a has 3 of 4 right and b none: t of (1, 1, 1, 0) is 3, or 3 / sqrt(...)
    a = np.array([1.0, 1.0, 1.0, 0.0])
    b = np.zeros(4)
    one, two = (np.stack([x, np.ones(4)], 1)[None, :, :, None] for x in (a, b))
    expected = []
    for signs in itertools.product([1, -1], repeat=4):
        values = a * signs
        error = stats.sem(values)
        expected.append(abs(values.mean()) / error)
    p = np.mean(np.array(expected) >= expected[0] - 1e-9)
    found = swap_test(one, two)
    assert (found.p_value, found.swaps, found.exact) == (pytest.approx(p), 16, True)
    assert p == 4 / 16  # three of one sign, whatever the fourth, which is zero


def test_the_permutation_test_of_scipy() -> None:
    random = np.random.default_rng(2)
    a, b = random.random(10), random.random(10) * 0.6

    def statistic(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return stats.ttest_rel(x, y, axis=axis).statistic

    expected = stats.permutation_test(
        (a, b), statistic, permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    one, two = (np.stack([x, np.ones(10)], 1)[None, :, :, None] for x in (a, b))
    assert swap_test(one, two).p_value == pytest.approx(expected.pvalue)
    assert 0.01 < expected.pvalue < 0.9


def test_a_swap_exchanges_whole_groups() -> None:
    a, b = count_groups(run(5)), count_groups(run(5, seed=1))
    distances = []
    for chosen in itertools.product([False, True], repeat=5):
        swapped = np.array(chosen)[:, None, None]
        one = np.where(swapped, b.values[0], a.values[0])
        two = np.where(swapped, a.values[0], b.values[0])
        pair = [count.sum(axis=0) for count in (one, two)]
        apart = [float(mean_of_ratios(MIOU.ratios(total))) for total in pair]
        parts = []
        for counts in (one, two):
            hits, truth, predicted = np.moveaxis(counts, 1, 0)
            union, iou = truth + predicted - hits, hits.sum(0) / (truth + predicted - hits).sum(0)
            parts.append(((hits - iou * union) / union.sum(axis=0)).mean(axis=1))
        error = np.sqrt(((parts[0] - parts[1]) ** 2).sum() * 5 / 4)
        distances.append(abs(apart[0] - apart[1]) / error)
    p = np.mean(np.array(distances) >= distances[0] - 1e-9)
    found = swap_test(MIOU.ratios(a.values), MIOU.ratios(b.values))
    assert found.p_value == pytest.approx(p)


def test_many_groups_are_swapped_at_random() -> None:
    a, b = (MIOU.ratios(count_groups(run(40, gain)).values) for gain in (0.0, -0.05))
    found = swap_test(a, b, swaps=200)
    assert (found.exact, found.swaps, found.p_value) == (False, 200, 1 / 201)
    assert swap_test(a, a, swaps=200).p_value == 1


def test_holm_by_hand() -> None:
    assert adjust_holm([0.01, 0.02, 0.03, 0.005]) == pytest.approx((0.03, 0.04, 0.04, 0.02))
    assert adjust_holm([0.9, 0.8]) == (1.0, 1.0)
    assert adjust_holm([]) == ()


def test_holm_is_the_closure_of_bonferroni() -> None:
    p_values = (np.random.default_rng(0).random(7) ** 3).tolist()
    closed = []
    for index in range(7):
        families = [
            family
            for size in range(1, 8)
            for family in itertools.combinations(range(7), size)
            if index in family
        ]
        closed.append(max(min(1, len(f) * min(p_values[at] for at in f)) for f in families))
    assert adjust_holm(p_values) == pytest.approx(closed)


def test_two_one_sided_tests_are_the_90_percent_interval() -> None:
    spread = Spread(0.01, None, 19, None)
    edge = 0.05 - stats.t.ppf(0.95, 19) * 0.01
    assert (
        equivalence_p(edge - 1e-6, spread, 0.05) < 0.05 < equivalence_p(edge + 1e-6, spread, 0.05)
    )
    assert equivalence_p(-edge, spread, 0.05) == pytest.approx(0.05)
    expected = max(
        stats.ttest_1samp([1.0, 2, 4], -3, alternative="greater").pvalue,
        stats.ttest_1samp([1.0, 2, 4], 3, alternative="less").pvalue,
    )
    values = Spread(float(stats.sem([1, 2, 4])), None, 2, None)
    assert equivalence_p(7 / 3, values, 3) == pytest.approx(expected)


def test_the_groups_that_are_needed() -> None:
    # Cohen (1988), table 2.4.1 for one sample: d = 0.5 needs 34 at 80 %, d = 0.8 needs 15
    for effect, expected in ((0.5, 34), (0.8, 15), (0.2, 199)):
        assert groups_needed(effect, Spread(1 / 20**0.5, None, 19, None), 20) == expected
    assert groups_needed(0.0, Spread(1.0, None, 19, None), 20) is None
    # trainings that differ by 0.1 drown 0.05, however many groups there are
    assert groups_needed(0.05, Spread(0.01, 0.1, 19, 4), 20) is None


def test_trainings_are_a_source_of_their_own_by_hand() -> None:
    # accuracy on 2 groups of 10 pixels, 2 trainings: 5, 7 and 6, 10 hits: means 0.6 and 0.8
    hits = np.array([[5.0, 7.0], [6.0, 10.0]])
    ratios = np.stack([hits, np.full((2, 2), 10.0)], axis=-1)[..., None]
    found = measure_spread(ratios)
    # groups: means over trainings 0.55 and 0.85, whose standard error is 0.3 / 2
    assert found.groups == pytest.approx(0.15)
    # trainings: variance 0.02; of it interaction: parts -0.05, 0.05 and -0.1, 0.1, mean 0.075,
    # apart by 0.025 four times: 4 * 0.000625 * 2 / 1 / 1 = 0.005; (0.02 - 0.005) / 2 is left
    assert found.repeats == pytest.approx(0.0075**0.5)
    total = 0.0225 + 0.0075
    assert found.total == pytest.approx(total**0.5)
    assert found.freedom == pytest.approx(total**2 / (0.0225**2 / 1 + 0.0075**2 / 1))


def test_the_two_way_variance_of_an_analysis_of_variance() -> None:
    random = np.random.default_rng(0)
    groups, repeats = 12, 4
    values = random.normal(0, 1, groups) + random.normal(0, 1, (repeats, 1))
    values = values + random.normal(0, 0.3, (repeats, groups)) + 50
    ratios = np.stack([values, np.ones(values.shape)], axis=-1)[..., None]
    found = measure_spread(ratios)
    mean = values.mean()
    by_group, by_repeat = values.mean(axis=0), values.mean(axis=1)
    rest = values - by_group - by_repeat[:, None] + mean
    of_groups = repeats * ((by_group - mean) ** 2).sum() / (groups - 1)
    of_repeats = groups * ((by_repeat - mean) ** 2).sum() / (repeats - 1)
    of_both = (rest**2).sum() / (groups - 1) / (repeats - 1)
    expected = (of_groups + of_repeats - of_both) / groups / repeats
    assert found.total**2 == pytest.approx(expected)


def test_repeats_widen_the_interval() -> None:
    trainings = [run(gain=gain, own=0.0) for gain in (0.0, -0.06, 0.04)]
    other = [run(gain=gain - 0.02, own=0.0) for gain in (0.01, -0.05, 0.05)]
    many = measure_difference(count_groups(trainings), count_groups(other))
    single = measure_difference(count_groups(trainings[0]), count_groups(other[0]))
    assert many.p_value == many.p_repeats > 0.5 > single.p_value == single.p_swap
    assert many.interval.high - many.interval.low > 3 * (single.interval.high - single.interval.low)
    assert single.p_repeats is None
    assert "other seeds" in single.remarks[-1]
    assert many.verdict == "no detectable difference"
    assert many.needed is None
    assert "the trainings differ too much" in str(many)
    assert many.spread.repeats > many.spread.groups


def test_not_as_many_repeats() -> None:
    found = measure_difference(count_groups([run(), run(seed=1)]), count_groups(run(seed=2)))
    assert found.p_swap is None
    assert found.p_value == found.p_repeats
    assert "One of the two was trained once" in found.remarks[-1]


def test_the_verdicts() -> None:
    base = count_groups(run(40))
    good, same = count_groups(run(40, 0.05, seed=1)), count_groups(run(40, seed=3, own=0.001))
    flat = count_groups(run(40, own=0.0))
    assert measure_difference(good, base).verdict == "better"
    assert measure_difference(base, good).verdict == "worse"
    assert measure_difference(same, flat, margin=0.01).verdict == "equivalent"
    unclear = measure_difference(count_groups(run(8, 0.01, 1)), count_groups(run(8)), margin=1e-4)
    assert unclear.verdict == "no detectable difference"
    assert unclear.needed > 8
    assert f"About {unclear.needed - 8} more images would detect" in str(unclear)


def test_the_difference_of_a_run_from_itself_is_none() -> None:
    found = measure_difference(count_groups(run()), count_groups(run()))
    assert (found.value, found.p_swap, found.p_bootstrap) == (0, 1, 1)
    assert (found.interval.low, found.interval.high, found.verdict) == (0, 0, "equivalent")


def test_too_few_groups_are_said() -> None:
    groups = list("aaabbbcccdddee")
    a, b = count_groups(run(gain=0.1), groups), count_groups(run(), groups)
    found = measure_difference(a, b)
    assert found.p_swap == 2 / 2**5
    assert found.verdict == "no detectable difference"
    assert any("no difference, however clear" in remark for remark in found.remarks)
    one = measure_difference(
        count_groups(run(gain=0.1), ["a"] * 14), count_groups(run(), ["a"] * 14)
    )
    assert (one.verdict, one.interval, one.p_value) == ("n/a", None, None)
    assert "cannot be compared. One group" in str(one)


def test_a_class_that_only_one_run_invents_is_named() -> None:
    plain = np.zeros((14, 3, 3), int)
    plain[:, :2, :2] = run()
    inventive = plain.copy()
    inventive[0, 0] = [plain[0, 0, 0] - 1, plain[0, 0, 1], 1]
    found = measure_difference(
        count_groups(inventive), count_groups(plain), class_names=("sky", "road", "pole")
    )
    assert found.value < -0.2  # a mean over three classes, one of them 0, against one over two
    assert any("only, whose mean counts it as 0: pole" in remark for remark in found.remarks)


def test_all_pairs_are_corrected_together() -> None:
    runs = {f"r{seed}": count_groups(run(seed=seed)) for seed in range(4)}
    pairs = compare_pairs(runs, PIXEL_ACCURACY, margin=0.02)
    assert [(pair.a, pair.b) for pair in pairs] == list(itertools.combinations(runs, 2))
    expected = adjust_holm([pair.p_value for pair in pairs])
    assert tuple(pair.p_adjusted for pair in pairs) == expected
    equivalent = adjust_holm([pair.p_equivalent for pair in pairs])
    assert tuple(pair.p_equivalent_adjusted for pair in pairs) == equivalent
    alone = measure_difference(runs["r0"], runs["r1"], PIXEL_ACCURACY, names=("r0", "r1"))
    assert alone.value == pairs[0].value
    content = pairs[0].to_json()
    assert content["verdict"] == pairs[0].verdict
    assert content["interval"]["low"] == pairs[0].interval.low


def test_runs_that_cannot_be_paired() -> None:
    base = count_groups(run())
    with pytest.raises(DataError, match="not measured on the same images"):
        measure_difference(base, count_groups(run(13)))
    with pytest.raises(DataError, match="2 and 3 classes"):
        measure_difference(base, count_groups(np.ones((14, 3, 3), int)))
    with pytest.raises(DataError, match="different truth"):
        measure_difference(base, count_groups(run() + np.array([[1, 0], [0, 0]])))
    with pytest.raises(DataError, match="the margin is 0"):
        measure_difference(base, base, margin=0)
    with pytest.raises(DataError, match="1 runs to compare"):
        compare_pairs({"a": base})
