"""Frames of one recording on both sides of a split.

Names alone do not tell a recording from a numbered collection, so both are asked: frame numbers
must interleave, and neighbours by number must look more alike than frames of the same name far
apart. Numbered photographs of different things pass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset
from intarsia.datasets.layouts.names import split_name
from intarsia.doctor.files import printable
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import ImageFacts, Inspection

_NAME = re.compile(r"^(?P<start>.*?)(?P<number>\d+)(?P<end>\D*)$")
_FEWEST_FRAMES = 4
_ALIKE = 0.15  # measured: 0.02 in CamVid, 0.19 and more in collections of single photographs
_MOST_COMPARED = 400  # held-out frames
_EXAMPLES = 3


@dataclass(frozen=True)
class _Frame:
    number: int
    name: str
    split: str
    thumbnail: NDArray[np.uint8]


def findings(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """One finding for every recording and held-out split."""
    recordings: dict[tuple[str, str, str], list[_Frame]] = {}
    for one in inspections:
        name = PurePosixPath(one.sample.name).name
        match = _NAME.match(name)
        if match and isinstance(one.image, ImageFacts) and one.sample.split:
            key = (_folder(one.sample.name), match["start"].rstrip("_-. "), match["end"])
            frame = _Frame(int(match["number"]), name, one.sample.split, one.image.thumbnail)
            recordings.setdefault(key, []).append(frame)
    for (folder, start, end), frames in sorted(recordings.items()):
        title = f'"{printable(start + end)}"' if start or end else "the numbered files"
        if folder:
            title += f" in {printable(folder)}/"
        train = sorted((f for f in frames if f.split == "train"), key=lambda f: f.number)
        for split in ("val", "test"):
            held_out = [f for f in frames if f.split == split]
            inside = [f for f in held_out if _between(f, train)]
            if len(inside) >= _FEWEST_FRAMES and _is_recording(inside, train):
                yield _finding(title, split, held_out, inside, train)


def _folder(name: str) -> str:
    """The folder of a sample without a leading one of its split: one recording a folder."""
    folders = PurePosixPath(name).parts[:-1]
    if folders and split_name(folders[0]) is not None:
        folders = folders[1:]
    return "/".join(folders)


def _between(frame: _Frame, train: Sequence[_Frame]) -> bool:
    return bool(train) and train[0].number < frame.number < train[-1].number


def _is_recording(inside: Sequence[_Frame], train: Sequence[_Frame]) -> bool:
    """Neighbours by number look clearly more alike than frames far apart.

    The rank of a held-out frame is the share of train frames that look more like it than the
    better of its two neighbours does. Where numbers mean nothing, ranks are the smaller of two
    uniform numbers: their mean is 1/3 and their standard deviation 0.236 (root of 1/18).
    """
    numbers = np.array([f.number for f in train])
    pictures = np.stack([f.thumbnail for f in train]).astype(np.float32)
    ranks = []
    for frame in inside[:: max(1, len(inside) // _MOST_COMPARED)]:
        at = int(np.searchsorted(numbers, frame.number))
        apart = np.abs(pictures - frame.thumbnail.astype(np.float32)).mean(axis=(1, 2))
        near = min(apart[max(at - 1, 0)], apart[min(at, len(train) - 1)])
        ranks.append(float((apart < near).mean()))
    surprising = 1 / 3 - 2.5 * 0.236 / math.sqrt(len(ranks))
    return sum(ranks) / len(ranks) < min(_ALIKE, surprising)


def _finding(
    title: str,
    split: str,
    held_out: Sequence[_Frame],
    inside: Sequence[_Frame],
    train: Sequence[_Frame],
) -> Finding:
    examples = ", ".join(printable(f.name) for f in inside[:_EXAMPLES])
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
