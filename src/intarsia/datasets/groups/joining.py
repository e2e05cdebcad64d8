"""Groups of several rules, joined where they share an image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.connectivity import connected

Groups = dict[str, str | None]  # the group of every name; None where an image is its own


def join_pairs(count: int, pairs: Iterable[Sequence[int]] | NDArray[np.intp]) -> list[int]:
    """A number for each of `count` things, the same for those that a chain of pairs connects.

    >>> join_pairs(4, [(0, 2), (2, 3)])
    [0, 1, 0, 0]
    """
    rows = pairs if isinstance(pairs, np.ndarray) else [tuple(pair) for pair in pairs]
    ends = np.asarray(rows, np.intp).reshape(-1, 2)
    return [int(label) for label in connected(count, ends[:, 0], ends[:, 1])]


def join_groups(names: Sequence[str], partitions: Sequence[Mapping[str, str | None]]) -> Groups:
    """One partition in which two images are together where any of the partitions says so.

    A joined group is called by the first name, in natural order, of the first partition that
    names one of its members.

    >>> join_groups(["a", "b", "c"], [{"a": "x", "b": "x"}, {"b": "like b", "c": "like b"}])
    {'a': 'x', 'b': 'x', 'c': 'x'}
    """
    at = {name: number for number, name in enumerate(names)}
    pairs: list[tuple[int, int]] = []
    for partition in partitions:
        first: dict[str, int] = {}
        for name in names:
            group = partition.get(name)
            if group is not None:
                pairs.append((first.setdefault(group, at[name]), at[name]))
    labels = join_pairs(len(names), pairs)
    titles: dict[int, str] = {}
    for partition in partitions:
        found: dict[int, set[str]] = {}
        for name in names:
            group = partition.get(name)
            if group is not None and labels[at[name]] not in titles:
                found.setdefault(labels[at[name]], set()).add(group)
        titles |= {label: min(said, key=natural) for label, said in found.items()}
    return {name: titles.get(labels[at[name]]) for name in names}


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts frame 9 before frame 10.

    >>> sorted(["f10", "f9"], key=natural)
    ['f9', 'f10']
    """
    parts = re.split(r"(\d+)", text)
    # by length, then by digits: a number of thousands of them is refused by `int`
    return [
        (0, len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (1, 0, part)
        for part in parts
        if part
    ]
