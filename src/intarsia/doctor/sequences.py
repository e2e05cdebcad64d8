"""Frames of one recording on both sides of a split.

Names alone do not tell a recording from a numbered collection, so both are asked: frame numbers
must interleave, and neighbours by number must look more alike than frames of the same name far
apart. Numbered photographs of different things pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import ImageFacts, Inspection

_NAME = re.compile(r"^(?P<start>.*?)(?P<number>\d+)(?P<end>\D*)$")
_FEWEST_FRAMES = 3
_ALIKE = 0.75  # neighbours differ at most this much, in units of frames far apart
_MOST_COMPARED = 400  # frames on either side
_EXAMPLES = 3


@dataclass(frozen=True)
class _Frame:
    number: int
    name: str
    split: str
    thumbnail: NDArray[np.uint8]


def findings(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """One finding for every recording and held-out split."""
    recordings: dict[tuple[str, str], list[_Frame]] = {}
    for one in inspections:
        name = PurePosixPath(one.sample.name).name
        match = _NAME.match(name)
        if match and isinstance(one.image, ImageFacts) and one.sample.split:
            key = (match["start"].rstrip("_-. "), match["end"])
            frame = _Frame(int(match["number"]), name, one.sample.split, one.image.thumbnail)
            recordings.setdefault(key, []).append(frame)
    for (start, end), frames in sorted(recordings.items()):
        title = f'"{start}{end}"' if start or end else "the numbered files"
        train = sorted((f for f in frames if f.split == "train"), key=lambda f: f.number)
        for split in ("val", "test"):
            held_out = [f for f in frames if f.split == split]
            inside = [f for f in held_out if _between(f, train)]
            if len(inside) >= _FEWEST_FRAMES and _is_recording(inside, train):
                yield _finding(title, split, held_out, inside, train)


def _between(frame: _Frame, train: Sequence[_Frame]) -> bool:
    return bool(train) and train[0].number < frame.number < train[-1].number


def _is_recording(inside: Sequence[_Frame], train: Sequence[_Frame]) -> bool:
    """Neighbours by number look clearly more alike than frames far apart."""
    numbers = np.array([f.number for f in train])
    step = max(1, len(train) // _MOST_COMPARED)
    pictures = np.stack([f.thumbnail for f in train]).astype(np.float32)
    near, far = [], []
    for frame in inside[:: max(1, len(inside) // _MOST_COMPARED)]:
        at = int(np.searchsorted(numbers, frame.number))
        own = frame.thumbnail.astype(np.float32)
        beside = pictures[[max(at - 1, 0), min(at, len(train) - 1)]]
        near.append(float(np.abs(beside - own).mean(axis=(1, 2)).min()))
        # The better of two by chance, as `near` is the better of two by number.
        apart = np.sort(np.abs(pictures[::step] - own).mean(axis=(1, 2)))
        far.append(float(apart[len(apart) // 3]))
    return float(np.median(near)) < _ALIKE * float(np.median(far))


def _finding(
    title: str,
    split: str,
    held_out: Sequence[_Frame],
    inside: Sequence[_Frame],
    train: Sequence[_Frame],
) -> Finding:
    examples = ", ".join(f.name for f in inside[:_EXAMPLES])
    if len(inside) > _EXAMPLES:
        examples += ", ..."
    count = f"all {len(inside)}" if len(inside) == len(held_out) else f"{len(inside)} of the"
    if len(inside) != len(held_out):
        count += f" {len(held_out)}"
    return Finding.of(
        "interleaved-sequence",
        None,
        f"{count} {split} frames of {title} lie between its {len(train)} train frames "
        f"({train[0].number} to {train[-1].number}): {examples}",
        expected="whole recordings in one split",
        hint=f"the score on {split} will be better than on new recordings: put whole recordings "
        "into one split (splits: in dataset.yaml), or choose the checkpoint on a part of train "
        "that does not touch it",
    )
