"""New images into a saved split, without moving any that is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from intarsia.datasets.split_table import LEFT_OUT, Row

_Places = dict[str, set[tuple[str, str | None]]]  # by group: places, and what the table calls it


@dataclass(frozen=True)
class Newcomer:
    """One image of today: what it is called, its content, its group by the rules of the split.

    `follows` are groups of the saved split that it belongs with for another reason: the blocks on
    both sides of a frame.
    """

    image: str
    sha256: str
    group: str | None
    follows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extension:
    """All rows, and what became of the images: by name, for people."""

    rows: tuple[Row, ...]
    changed: tuple[str, ...]  # known by name, the content is another
    followed: tuple[str, ...]  # new images of known groups
    added: tuple[str, ...]  # new images of new groups
    between: tuple[str, ...]  # new images that belong to two splits at once, left out
    gone: tuple[str, ...]  # known, not there today; their rows are kept


def extend_rows(
    saved: Sequence[Row], today: Sequence[Newcomer], shares: Mapping[str, float], seed: int
) -> Extension:
    """Rows for all images: known ones as they were, new ones with their group or by a hash.

    A known image is one with known content, or with a known name. A new image goes where its
    group already is; where its group is in two splits, it is left out, since it would leak
    either way. A new group goes where the hash of its name, salted with the seed, falls among
    the shares: that depends neither on the order of the images nor on what else is there. An
    image without a group counts by its content. Without shares (leave one out) every new group
    is a new fold.
    """
    by_content = {row.sha256: row for row in saved if row.sha256}
    by_name = {row.image: row for row in saved}
    known: dict[str, Row] = {}
    changed: list[str] = []
    for one in today:
        row = by_name.get(one.image)
        if row is None or row.sha256 != one.sha256:
            other = by_content.get(one.sha256)
            if row is not None and other is None:
                changed.append(one.image)
            row = other or row
        if row is not None:
            known[one.image] = row
    by_rule: _Places = {}
    for row in saved:
        if row.group is not None:
            by_rule.setdefault(row.group, set()).add((row.place, row.group))
    # what follows blocks means those of the table: today's may begin and end elsewhere
    by_table = {group: set(found) for group, found in by_rule.items()}
    for one in today:
        if one.image in known and one.group is not None:
            row = known[one.image]
            by_rule.setdefault(one.group, set()).add((row.place, row.group))
    found_of = {
        one: _known(one, by_table if one.follows else by_rule)
        for one in today
        if one.image not in known
    }
    fresh = sorted({_unit(one) for one, found in found_of.items() if not found})
    hashed = _hashed(fresh, saved, shares, seed)
    rows: list[Row] = []
    followed: list[str] = []
    added: list[str] = []
    between: list[str] = []
    for one in today:
        if one.image in known:
            row = known[one.image]
            rows.append(Row(one.image, row.place, row.group, one.sha256))
            continue
        found = found_of[one]
        where = {place for place, _ in found} - {LEFT_OUT}
        if not found:
            rows.append(Row(one.image, hashed[_unit(one)], one.group, one.sha256))
            added.append(one.image)
        elif len(where) != 1:
            rows.append(Row(one.image, LEFT_OUT, one.group, one.sha256))
            between.append(one.image)
        else:
            names = sorted(group for _, group in found if group is not None)
            rows.append(Row(one.image, where.pop(), names[0] if names else one.group, one.sha256))
            followed.append(one.image)
    there = {id(row) for row in known.values()}
    gone = [row.image for row in saved if id(row) not in there]
    return Extension(
        rows=(*rows, *_not_there(saved, today)),
        changed=tuple(changed),
        followed=tuple(followed),
        added=tuple(added),
        between=tuple(between),
        gone=tuple(gone),
    )


def _not_there(saved: Sequence[Row], today: Sequence[Newcomer]) -> Iterator[Row]:
    """Rows of content that is not there today, so that it is known where it comes back.

    Where another image has its name now, the row is called by its hash, too.
    """
    names, contents = {one.image for one in today}, {one.sha256 for one in today}
    for row in saved:
        if row.image not in names:
            if row.sha256 is None or row.sha256 not in contents:
                yield row
        elif row.sha256 is not None and row.sha256 not in contents:
            yield replace(row, image=f"{row.image} ({row.sha256[:8]})")


def hashed_share(unit: str, seed: int) -> float:
    """A number from 0 up to 1 that depends on a name and a seed, and on nothing else."""
    digest = hashlib.sha256(f"{seed}\0{unit}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _hashed(
    fresh: Sequence[str], saved: Sequence[Row], shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    if not shares:
        first = max((int(row.place) for row in saved if row.place.isdigit()), default=-1) + 1
        return {unit: str(first + at) for at, unit in enumerate(fresh)}
    chosen = {}
    for unit in fresh:
        at, reached = hashed_share(unit, seed), 0.0
        for place, share in shares.items():
            reached += share
            chosen[unit] = place
            if at < reached:
                break
    return chosen


def _unit(one: Newcomer) -> str:
    return one.sha256 if one.group is None else one.group


def _known(one: Newcomer, places: _Places) -> set[tuple[str, str | None]]:
    wanted = one.follows or ((one.group,) if one.group is not None else ())
    return {place for group in wanted for place in places.get(group, ())}
