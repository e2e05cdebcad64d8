"""Frames of one recording on both sides of a split, and a split that does not tear it."""

from __future__ import annotations

import shlex
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset
from intarsia.datasets.division import Shape, can_divide, divide, short_names
from intarsia.datasets.groups.recordings import (
    border_frames,
    by_blocks,
    by_sequence,
    frame_of,
    is_recording,
)
from intarsia.doctor.files import printable, shown
from intarsia.doctor.findings import Beside, Finding
from intarsia.doctor.inspection import ImageFacts, Inspection, MaskFacts

_FEWEST_FRAMES = 4
_EXAMPLES = 3
_BLOCKS = 8


@dataclass(frozen=True)
class Frame:
    """One image of a recording: its number, its name, the last part of that, its split."""

    number: int
    name: str
    title: str
    split: str
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True)
class Interleaved:
    """The frames of one held-out split that lie between train frames of the same recording."""

    title: str
    split: str
    held_out: tuple[Frame, ...]
    inside: tuple[Frame, ...]
    train: tuple[Frame, ...]

    def sides(self, frame: Frame) -> tuple[Frame, ...]:
        """The train frames before and after one."""
        place = bisect_left(self.train, frame.number, key=lambda other: other.number)
        return self.train[max(place - 1, 0) : place + 1]

    def neighbour(self, frame: Frame) -> Frame:
        """The train frame next to one, by number; the earlier of two as near."""
        return min(self.sides(frame), key=lambda other: abs(other.number - frame.number))


def interleaved(data: Dataset, inspections: Sequence[Inspection]) -> list[Interleaved]:
    """Every recording and held-out split where that is so."""
    short = short_names(data)
    recordings: dict[tuple[str, str], list[Frame]] = {}
    for one in inspections:
        frame = frame_of(short[one.sample.name])
        if frame is not None and isinstance(one.image, ImageFacts) and one.sample.split:
            title = one.sample.name.rpartition("/")[2]
            recordings.setdefault((frame.folder, frame.title), []).append(
                Frame(frame.number, one.sample.name, title, one.sample.split, one.image.thumbnail)
            )
    found = []
    for (folder, name), frames in sorted(recordings.items()):
        title = f'"{printable(name)}"' if name else "the numbered files"
        title += f" in {printable(folder)}/" if folder else ""
        train = tuple(sorted((f for f in frames if f.split == "train"), key=lambda f: f.number))
        for split in ("val", "test"):
            held_out = tuple(f for f in frames if f.split == split)
            inside = tuple(f for f in held_out if _between(f, train))
            if len(inside) >= _FEWEST_FRAMES and is_recording(
                [f.number for f in inside],
                np.stack([f.thumbnail for f in inside]),
                [f.number for f in train],
                np.stack([f.thumbnail for f in train]),
            ):
                found.append(Interleaved(title, split, held_out, inside, train))
    return found


def findings(
    data: Dataset, inspections: Sequence[Inspection], found: Sequence[Interleaved]
) -> Iterator[Finding]:
    """One finding for every recording and held-out split, and what to do about all of them."""
    if found:
        files = {one.sample.name: shown(one.sample.image, data) for one in inspections}
        for one in found:
            yield _finding(one, files)
        yield from _proposal(data, inspections)


def _between(frame: Frame, train: Sequence[Frame]) -> bool:
    return bool(train) and train[0].number < frame.number < train[-1].number


def _finding(one: Interleaved, files: Mapping[str, str]) -> Finding:
    examples = ", ".join(printable(f.title) for f in one.inside[:_EXAMPLES])
    if len(one.inside) > _EXAMPLES:
        examples += ", ..."
    whole = len(one.inside) == len(one.held_out)
    count = f"all {len(one.inside)}" if whole else f"{len(one.inside)} of the {len(one.held_out)}"
    return Finding.of(
        "interleaved-sequence",
        None,
        f"{count} {one.split} frames of {one.title} lie between its {len(one.train)} train frames "
        f"({one.train[0].number} to {one.train[-1].number}): {examples}",
        expected="whole recordings in one split",
        hint=f"the score on {one.split} will be better than on new recordings: split by recording "
        "(the proposed split), or choose the checkpoint on a part of train that does not touch it",
        beside=(_beside(one, frame, files) for frame in one.inside[:: -(-len(one.inside) // 2)]),
    )


def _beside(one: Interleaved, frame: Frame, files: Mapping[str, str]) -> Beside:
    """A frame between the train frames before and after it."""
    row = sorted((*one.sides(frame), frame), key=lambda other: other.number)
    return tuple((other.split, files[other.name]) for other in row)


def _proposal(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """What `intarsia split` would make of it, worked out in the same way."""
    short, shape, rule = short_names(data), Shape(), "sequence"
    groups = by_sequence(short)
    if not can_divide(groups, shape.shares):
        rule, groups = f"blocks:{_BLOCKS}", by_blocks(short, _BLOCKS)
        if not can_divide(groups, shape.shares):
            return
    held = np.stack([
        (one.mask.counts > 0) if isinstance(one.mask, MaskFacts) else np.zeros(len(data.labels))
        for one in inspections
    ]).astype(np.int64)  # fmt: skip
    places = divide(data.samples, groups, held, shape, 0, frozenset())
    left_out = set(border_frames(short, groups, places) if rule != "sequence" else [])
    sizes = Counter(place for name, place in places.items() if name not in left_out)
    parts = []
    for split in shape.shares:
        names = sorted({str(groups[n]) for n, place in places.items() if place == split})
        some = ", ".join(names[:_EXAMPLES]) + (", ..." if len(names) > _EXAMPLES else "")
        parts.append(f"{split} {sizes[split]} ({printable(some)})")
    again = " --replace" if data.splits_declared else ""
    yield Finding.of(
        "proposed-split",
        None,
        ("whole recordings: " if rule == "sequence" else "blocks of frames, with gaps: ")
        + "; ".join(parts),
        hint=f"intarsia split {shlex.quote(str(data.root))} --group-by {rule}{again}",
    )
