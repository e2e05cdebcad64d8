"""Searches by perceptual hash, checked against all pairs."""

import numpy as np
import pytest

from intarsia.datasets import neighbours
from intarsia.datasets.neighbours import close_pairs, nearest


@pytest.fixture(params=["all pairs", "orders"])
def _way(request, monkeypatch):
    if request.param == "orders":
        monkeypatch.setattr(neighbours, "MOST_COMPARISONS", 0)


@pytest.fixture(scope="module")
def hashes():
    """700 of them: 30 are neighbours of another, at 0 to 43 bits."""
    rng = np.random.default_rng(0)
    found = rng.integers(0, 256, (700, 32), np.uint8)
    for at in range(0, 60, 2):
        flipped = np.unpackbits(found[at])
        flipped[rng.choice(256, at * 3 // 4, replace=False)] ^= 1
        found[699 - at] = np.packbits(flipped)
    return found


def apart(one, other):
    unpacked = [np.unpackbits(a, axis=1).astype(np.int32) for a in (one, other)]
    return np.abs(unpacked[0][:, None] - unpacked[1][None]).sum(axis=2)


def codes(array):
    return [row.tobytes() for row in array]


def groups(pairs, count):
    """What a chain of pairs connects, as the first member of each."""
    first = list(range(count))
    for _ in range(count):
        before = list(first)
        for one, other in pairs:
            first[one] = first[other] = min(first[one], first[other])
        if first == before:
            return first
    return first


@pytest.mark.usefixtures("_way")
def test_close_pairs_are_those_of_all_pairs(hashes):
    expected = np.argwhere(np.triu(apart(hashes, hashes) <= 32, 1)).tolist()
    assert 20 <= len(expected) < 30
    assert sorted(close_pairs(codes(hashes)).tolist()) == expected
    assert close_pairs(codes(hashes[:1])).shape == (0, 2)


@pytest.mark.usefixtures("_way")
def test_chains_are_connected_and_hardly_said_twice():
    """A camera that stands still: each frame differs from the next in 4 bits."""
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 2, 256).astype(np.uint8)
    frames = []
    for _ in range(300):
        frame = frame.copy()
        frame[rng.choice(256, 4, replace=False)] ^= 1
        frames.append(np.packbits(frame))
    others = rng.integers(0, 256, (300, 32), np.uint8)
    made = np.concatenate([np.stack(frames), others])
    found = close_pairs(codes(made))
    near = apart(made, made) <= 32
    assert near[found[:, 0], found[:, 1]].all()
    assert groups(found, 600) == [0] * 300 + list(range(300, 600))


@pytest.mark.usefixtures("_way")
def test_the_nearest_is_that_of_all_pairs(hashes):
    distances = apart(hashes[:300], hashes[300:])
    found, bits = nearest(codes(hashes[:300]), codes(hashes[300:]))
    assert (distances[np.arange(300), found] == bits).all()
    close = distances.min(axis=1) <= 32
    assert close.sum() >= 20
    assert bits[close].tolist() == distances.min(axis=1)[close].tolist()


def test_the_nearest_is_exact_among_few(hashes):
    distances = apart(hashes[:300], hashes[300:])
    _, bits = nearest(codes(hashes[:300]), codes(hashes[300:]))
    assert bits.tolist() == distances.min(axis=1).tolist()


@pytest.mark.usefixtures("_way")
def test_the_opposite_of_a_hash_is_far():
    assert close_pairs([b"\0" * 32, b"\xff" * 32]).tolist() == []
    assert [a.tolist() for a in nearest([b"\0" * 32], [b"\xff" * 32])] == [[0], [256]]


@pytest.mark.usefixtures("_way")
def test_equal_hashes_are_chained_to_the_first():
    assert close_pairs([b"a" * 32, b"\xff" * 32, b"a" * 32, b"a" * 32]).tolist() == [
        [0, 2], [0, 3],
    ]  # fmt: skip
