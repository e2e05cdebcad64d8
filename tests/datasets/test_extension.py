"""Known images never move; new ones follow their group or a hash."""

from hypothesis import given
from hypothesis import strategies as st

from intarsia.datasets.extension import Newcomer, extend_rows, hashed_share
from intarsia.datasets.split_table import LEFT_OUT, Row

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
SAVED = [
    Row("a1", "train", "a", "sha-a1"),
    Row("b1", "test", "b", "sha-b1"),
    Row("single", "val", None, "sha-s"),
]


def new(image, group=None, sha=None, follows=()):
    return Newcomer(image, sha or f"sha-{image}", group, follows)


def places(done):
    return {row.image: row.place for row in done.rows}


def test_renamed_changed_new_and_gone():
    today = [
        new("renamed", "z", "sha-a1"),
        new("single", None, "sha-other"),
        new("b2", "b"),
    ]
    done = extend_rows(SAVED, today, SHARES, 0)
    assert places(done) == {
        "renamed": "train",
        "single": "val",
        "b2": "test",
        "b1": "test",
        "single (sha-s)": "val",  # what was called so, should it come back
    }
    assert done.changed == ("single",)
    assert done.followed == ("b2",)
    assert done.gone == ("b1",)


def test_two_that_have_changed_names_stay_by_content():
    today = [new("a1", "b", "sha-b1"), new("b1", "a", "sha-a1")]
    assert places(extend_rows(SAVED, today, SHARES, 0))["a1"] == "test"


def test_an_image_between_two_splits_is_left_out():
    today = [new("a1", "joined"), new("b1", "joined"), new("bridge", "joined")]
    done = extend_rows(SAVED, today, SHARES, 0)
    assert places(done)["bridge"] == LEFT_OUT
    assert done.between == ("bridge",)
    again = extend_rows(done.rows, today, SHARES, 0)
    assert again.rows == done.rows
    assert not again.added


def test_frames_follow_blocks():
    today = [new("f", "whatever", follows=("a",)), new("g", "whatever", follows=("a", "b"))]
    assert places(extend_rows(SAVED, today, SHARES, 0)) == {
        "f": "train", "g": LEFT_OUT, "a1": "train", "b1": "test", "single": "val",
    }  # fmt: skip


def test_leave_one_out_gives_new_groups_new_folds():
    saved = [Row("a", "0", "a", "x"), Row("b", "1", "b", "y")]
    done = extend_rows(saved, [new("c", "c"), new("d", "d"), new("a2", "a")], {}, 0)
    assert places(done) == {"c": "2", "d": "3", "a2": "0", "a": "0", "b": "1"}


def test_the_hash_is_fair_and_salted():
    shares = [hashed_share(f"g{n}", 0) for n in range(4000)]
    assert abs(sum(share < 0.7 for share in shares) / 4000 - 0.7) < 0.03
    assert hashed_share("g1", 0) != hashed_share("g1", 1)
    assert hashed_share("patient 7", 0) == 0.5168845279385514


GROUPS = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 4)), min_size=1, max_size=30, unique=True
)


@given(GROUPS, GROUPS, st.randoms(use_true_random=False), st.integers(0, 3))
def test_months_never_move_an_image_and_do_not_depend_on_order(first, second, shuffle, seed):
    def month(items):
        return [new(f"g{g}_{i}", f"g{g}") for g, i in items]

    one = extend_rows([], month(first), SHARES, seed)
    both = [*first, *(item for item in second if item not in first)]
    two = extend_rows(one.rows, month(both), SHARES, seed)
    before = places(one)
    after = places(two)
    assert {name: after[name] for name in before} == before
    assert len(two.rows) == len(both) == len(after)
    by_group = {}
    for row in two.rows:
        by_group.setdefault(row.group, set()).add(row.place)
    assert all(len(found) == 1 for found in by_group.values())
    # all at once, in another order: the same
    shuffle.shuffle(both)
    assert places(extend_rows([], month(both), SHARES, seed)) == after


def test_an_old_image_that_comes_back_is_known_though_its_name_was_taken():
    """Files numbered anew: the first is gone, and the second has its name."""
    second = extend_rows(SAVED, [new("a1", "b", "sha-b1")], SHARES, 0)
    assert places(second)["a1"] == "test"
    third = extend_rows(second.rows, [new("a1", "b", "sha-b1"), new("back", "c", "sha-a1")], {}, 0)
    assert places(third) == {"a1": "test", "back": "train", "single": "val"}
    changed = extend_rows(SAVED, [new("a1", "a", "sha-new")], SHARES, 0)
    back = extend_rows(changed.rows, [new("z", "z", "sha-a1")], SHARES, 0)
    assert places(back)["z"] == "train"
    assert places(back)["a1"] == "train"


def test_what_belongs_with_two_that_are_left_out_is_left_out():
    saved = [*SAVED, Row("l", LEFT_OUT, "l", "sha-l"), Row("m", LEFT_OUT, "m", "sha-m")]
    done = extend_rows(saved, [new("l", "j"), new("m", "j"), new("n", "j")], SHARES, 0)
    assert places(done)["n"] == LEFT_OUT
    assert done.between == ("n",)


def test_a_frame_inside_a_block_follows_it_though_todays_blocks_lie_elsewhere():
    saved = [Row(f"f{n}", "train" if n < 5 else "val", f"d {1 + n // 5}/2", f"sha-f{n}")
             for n in range(10)]  # fmt: skip
    # three more frames at the start: f4 and f5 are in one block today
    today = [new(f"f{n}", "d 1/2" if n < 3 else "d 2/2") for n in range(10)]
    inside = new("f7b", "d 2/2", follows=("d 2/2",))
    assert places(extend_rows(saved, [*today, inside], SHARES, 0))["f7b"] == "val"
