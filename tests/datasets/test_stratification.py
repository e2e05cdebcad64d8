"""Whole groups, shares as near as groups permit, rare classes everywhere."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.datasets.stratification import assign_groups

SHARES = [0.7, 0.15, 0.15]


def sums(parts, values, count=3):
    return [sum(v for p, v in zip(parts, values, strict=True) if p == part)
            for part in range(count)]  # fmt: skip


def test_a_class_of_three_groups_reaches_all_three_parts():
    presence = np.zeros((40, 2), int)
    presence[:, 0] = 5
    presence[[3, 17, 31], 1] = 1
    for seed in range(10):
        parts = assign_groups([5] * 40, presence, SHARES, seed)
        assert {parts[g] for g in (3, 17, 31)} == {0, 1, 2}
        assert sums(parts, [5] * 40) == [140, 30, 30]


def test_a_class_of_one_group_goes_to_train():
    presence = np.zeros((20, 1), int)
    presence[7] = 4
    assert all(assign_groups([4] * 20, presence, SHARES, seed)[7] == 0 for seed in range(10))


def test_a_class_of_two_groups_goes_to_train_and_one_other():
    presence = np.zeros((20, 1), int)
    presence[[7, 9]] = 4
    parts = assign_groups([4] * 20, presence, SHARES, 0)
    assert 0 in (parts[7], parts[9])
    assert parts[7] != parts[9]


def test_camvid_by_drive():
    """62, 101 and 305 frames: 13, 22 and 65 % is the nearest to 15, 15, 70."""
    parts = assign_groups([62, 101, 305], np.array([[62], [101], [305]]), SHARES, 0)
    assert sums(parts, [62, 101, 305]) in ([305, 101, 62], [305, 62, 101])


def test_the_seed_decides_among_equals():
    found = {tuple(assign_groups([1] * 12, np.ones((12, 1), int), SHARES, s)) for s in range(5)}
    assert len(found) > 1
    assert assign_groups([1] * 12, np.ones((12, 1), int), SHARES, 3) in map(list, found)


def test_folds_are_even():
    parts = assign_groups([3] * 25, np.full((25, 1), 3), [0.2] * 5, 0)
    assert sums(parts, [3] * 25, 5) == [15] * 5


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 12), min_size=10, max_size=40), st.integers(0, 3))
def test_shares_as_near_as_the_largest_group_permits(sizes, seed):
    parts = assign_groups(sizes, np.zeros((len(sizes), 0), int), SHARES, seed)
    have = sums(parts, sizes)
    assert all(have)
    for share, count in zip(SHARES, have, strict=True):
        assert abs(count - share * sum(sizes)) <= max(sizes)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 8), st.sets(st.integers(0, 4))), min_size=6, max_size=30),
    st.integers(0, 3),
)
def test_classes_reach_train_first_and_no_part_is_empty(groups, seed):
    presence = np.array([[size if k in held else 0 for k in range(5)] for size, held in groups])
    parts = assign_groups([size for size, _ in groups], presence, SHARES, seed)
    assert set(parts) == {0, 1, 2}
    for k in range(5):
        if presence[:, k].any() and len(groups) >= 12:
            assert any(presence[g, k] and part == 0 for g, part in enumerate(parts))
