"""Why two runs may differ: what was not the same when they were trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intarsia.comparison import Entry

Kind = Literal["data", "recipe", "code", "versions", "machine"]


@dataclass(frozen=True)
class Reason:
    """One thing that was not the same: `one` and `other` say what it was of each."""

    kind: Kind
    what: str
    one: str
    other: str


def why_differ(one: Entry, other: Entry) -> list[Reason]:
    """What the first repeats of two entries do not have in common; nothing of an annotator."""
    if not one.contender.runs or not other.contender.runs:
        return []
    mine, theirs = (entry.contender.runs[0].recipe.flat() for entry in (one, other))
    return [
        Reason("recipe", key, str(mine.get(key)), str(theirs.get(key)))
        for key in dict.fromkeys([*mine, *theirs])
        if mine.get(key) != theirs.get(key)
    ]
