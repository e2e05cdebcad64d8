"""Groups that the names of the files give: prefix, folder, a regular expression."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from intarsia.datasets.groups.joining import Groups
from intarsia.datasets.layouts.names import split_name
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError

_FEWEST_GROUPS = 10
_LARGEST_SHARE = 0.30
_SEPARATORS = re.compile(r"[_\-. /]+")
_EXAMPLES = 3


def without_split(sample: Sample) -> str:
    """The name without a leading folder of its split, which says nothing of what belongs together.

    >>> from pathlib import Path
    >>> without_split(Sample("train/p1_3", Path("x"), None, "train"))
    'p1_3'
    """
    first, slash, rest = sample.name.partition("/")
    return rest if slash and sample.split is not None and split_name(first) else sample.name


def group_by_prefix(names: Sequence[str]) -> dict[str, str] | None:
    """The group of every name by the shortest prefix that makes sense, None where none does.

    A prefix ends at a separator (`/ _ - .` or a space). It counts only where it gives at least
    10 groups, none of them above 30 % of the images, and puts at least two images together. The
    shortest is taken, because a split by recording is safe where one by clip may not be.

    >>> names = [f"patient{p}_slice{s}" for p in range(10) for s in range(3)]
    >>> group_by_prefix(names)["patient4_slice2"]
    'patient4'
    >>> group_by_prefix(["a_1", "a_2", "b_1"]) is None
    True
    """
    return _shortest(names, _FEWEST_GROUPS, _LARGEST_SHARE)


def by_prefix(short: Mapping[str, str]) -> Groups:
    """As `group_by_prefix`; where a person asks for it, a few large groups will do.

    Raises:
        DataError: no prefix puts two images together and leaves two groups.
    """
    names = list(dict.fromkeys(short.values()))
    found = group_by_prefix(names) or _shortest(names, 2, 1.0)
    if found is None:
        raise DataError(
            "no start of the file names groups the images",
            where="group-by prefix",
            expected="names such as patient7_slice12",
            hint="say what belongs together: regex:PATTERN, folder, csv:FILE:COLUMN, sequence",
        )
    return {name: found[text] for name, text in short.items()}


def _shortest(names: Sequence[str], fewest: int, share: float) -> dict[str, str] | None:
    # a separator that a name begins with ends no prefix
    ends = {
        name: [match.start() for match in _SEPARATORS.finditer(name) if match.start() > 0]
        for name in names
    }
    for depth in range(max((len(e) for e in ends.values()), default=0)):
        groups = {
            name: name[: cut[min(depth, len(cut) - 1)]] if cut else name
            for name, cut in ends.items()
        }
        sizes = Counter(groups.values())
        if fewest <= len(sizes) < len(groups) and max(sizes.values()) <= share * len(groups):
            return groups
    return None


def by_folder(short: Mapping[str, str]) -> Groups:
    """The folder of every image below that of its split."""
    return {name: PurePosixPath(text).parent.as_posix() for name, text in short.items()}


def by_pattern(short: Mapping[str, str], pattern: str) -> Groups:
    """What the capturing group of a pattern finds in the name, or the whole of what it finds.

    Raises:
        DataError: the pattern does not fit some name.
    """
    matches = {name: re.search(pattern, text) for name, text in short.items()}
    found = {name: match[match.re.groups] if match else None for name, match in matches.items()}
    strange = [name for name, group in found.items() if not group]  # the empty text is no group
    if strange:
        listed = ", ".join(strange[:_EXAMPLES])
        raise DataError(
            f"the pattern fits {len(short) - len(strange)} of {len(short)} names, not {listed}",
            where=f"regex:{pattern}",
            hint="widen the pattern",
        )
    return dict(found)
