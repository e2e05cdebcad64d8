from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intarsia.datasets.groups import group_by_prefix
from intarsia.datasets.sample import Sample
from intarsia.datasets.splits import split_samples, val_from_train, with_groups


def samples(names, split=None):
    return tuple(Sample(n, Path(n), Path(n), split) for n in names)


def sizes(found):
    return dict(Counter(s.split for s in found))


def test_70_15_15():
    found = split_samples(samples(f"i{n:03}" for n in range(267)), seed=0, held={})
    assert sizes(found) == {"train": 187, "val": 40, "test": 40}
    assert found == split_samples(samples(f"i{n:03}" for n in range(267)), seed=0, held={})
    assert found != split_samples(samples(f"i{n:03}" for n in range(267)), seed=1, held={})


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, {"train": 1}), (2, {"train": 1, "val": 1}), (3, {"train": 1, "val": 1, "test": 1})],
)
def test_tiny_sets_leave_something_for_each(count, expected):
    assert sizes(split_samples(samples(f"i{n}" for n in range(count)), seed=0, held={})) == expected


def test_val_out_of_train_leaves_test_alone():
    given_ = samples((f"a{n}" for n in range(100)), "train") + samples(("t1", "t2"), "test")
    found = val_from_train(given_, seed=0, held={})
    assert sizes(found) == {"train": 85, "val": 15, "test": 2}
    assert [s.name for s in found] == [s.name for s in given_]


def test_a_class_that_the_draw_leaves_out_of_a_split_is_spread():
    every = samples(f"i{n:02}" for n in range(40))
    plain = split_samples(every, seed=0, held={})
    outside = [s.name for s in plain if s.split != "train"]
    held = {s.name: frozenset({0}) for s in every}
    assert split_samples(every, 0, held) == plain  # nothing is lacking
    held |= {name: frozenset({0, 1}) for name in outside[:3]}
    found = split_samples(every, 0, held)
    assert sizes(found) == sizes(plain)
    assert {s.split for s in found if s.name in outside[:3]} == {"train", "val", "test"}
    two = with_groups(every, {s.name: f"g{n // 4}" for n, s in enumerate(every)})
    held = {s.name: frozenset({0, 1} if s.group == "g3" else {0}) for s in two}
    assert {s.split for s in split_samples(two, 0, held) if s.group == "g3"} == {"train"}


def test_prefixes():
    patients = [f"p{p}_s{s}" for p in range(10) for s in range(4)]
    assert set(group_by_prefix(patients).values()) == {f"p{p}" for p in range(10)}
    nine = [f"p{p}_s{s}" for p in range(9) for s in range(4)]
    assert group_by_prefix(nine) is None
    lopsided = patients + [f"p0_x{s}" for s in range(30)]
    assert group_by_prefix(lopsided) is None
    assert group_by_prefix([f"frame{n}" for n in range(50)]) is None
    assert group_by_prefix([f"slice_{n}" for n in range(50)]) is None
    assert group_by_prefix([f"{n}_image" for n in range(50)]) is None  # would group nothing
    assert group_by_prefix([]) is None


def test_the_shortest_prefix_that_makes_sense():
    names = [f"hospital_p{p}_s{s}" for p in range(12) for s in range(3)]
    assert group_by_prefix(names)["hospital_p3_s1"] == "hospital_p3"
    folders = [f"p{p}/{s}_a" for p in range(12) for s in range(3)]
    assert group_by_prefix(folders)["p3/1_a"] == "p3"


@given(st.lists(st.integers(1, 12), min_size=10, max_size=40), st.integers(0, 5))
def test_groups_stay_whole_and_every_split_has_some(group_sizes, seed):
    names = [f"g{g}_{i}" for g, size in enumerate(group_sizes) for i in range(size)]
    groups = {name: name.split("_")[0] for name in names}
    found = split_samples(with_groups(samples(names), groups), seed, {})
    assert {s.split for s in found} == {"train", "val", "test"}
    assert all(
        len({s.split for s in found if s.group == group}) == 1 for group in set(groups.values())
    )
    assert sizes(found)["train"] >= 0.5 * len(names)
