"""Numbered frames that come from one recording, and blocks of them.

Names alone do not tell a recording from a numbered collection: neighbours by number must look more
alike than frames of the same name far apart. Numbered photographs of different things pass.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.groups.joining import Groups
from intarsia.datasets.groups.lookalikes import Read
from intarsia.datasets.perceptual import thumbnail
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError, IntarsiaError

_NAME = re.compile(r"^(?P<start>.*?)(?P<number>\d+)(?P<end>\D*)$")
_ALIKE = 0.15  # measured: 0.02 in CamVid, 0.19 and more in collections of single photographs
_MOST_COMPARED = 400  # frames
_MOST_OTHERS = 1000
# Nearly every set of files is decided by a few frames: their mean rank is below, or above, these.
_GLANCE, _CLEAR = 64, (0.05, 0.28)
_FEWEST_FRAMES = 8
_SMALLEST_BLOCK = 5
_GAP = 0.1  # of a block, left out where two blocks of different splits meet

Recordings = dict[str, list[str]]  # the names of the frames of each, in their order


@dataclass(frozen=True)
class Frame:
    """The number of a frame, and what its name shares with those of the same recording."""

    number: int
    folder: str
    title: str

    @property
    def recording(self) -> str:
        return f"{self.folder}/{self.title}" if self.folder else self.title


def frame_of(short: str) -> Frame | None:
    """The last number of a name and the rest of it, None without a number.

    >>> frame_of("0016E5_00390")
    Frame(number=390, folder='', title='0016E5')
    >>> frame_of("p1/slice_007").recording
    'p1/slice'
    """
    folder, _, last = short.rpartition("/")
    match = _NAME.match(last)
    if match is None:
        return None
    return Frame(int(match["number"]), folder, match["start"].rstrip("_-. ") + match["end"])


def recordings_of(short: Mapping[str, str]) -> Recordings:
    """The names by recording, each in the order of its frames; a name without a number is alone."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name, text in short.items():
        frame = frame_of(text)
        key = text if frame is None else frame.recording
        found.setdefault(key, []).append((0 if frame is None else frame.number, name))
    return {key: [name for _, name in sorted(frames)] for key, frames in found.items()}


def by_sequence(short: Mapping[str, str]) -> Groups:
    """Every recording is a group."""
    return {
        name: title or "frames" for title, names in recordings_of(short).items() for name in names
    }


def by_blocks(short: Mapping[str, str], count: int) -> Groups:
    """Every recording cut into `count` runs of frames, fewer where one would get under 5 frames."""
    groups: Groups = {}
    for title, names in recordings_of(short).items():
        blocks = max(1, min(count, len(names) // _SMALLEST_BLOCK))
        for at, name in enumerate(names):
            groups[name] = f"{title or 'frames'} {at * blocks // len(names) + 1}/{blocks}"
    return groups


def border_frames(
    short: Mapping[str, str], groups: Mapping[str, str | None], places: Mapping[str, str]
) -> list[str]:
    """The frames to leave out where neighbouring blocks lie in different splits.

    A tenth of the block, at least one frame; of train where one of the two is train, of the later
    one otherwise. A block never loses more than half of its frames in all.
    """
    gone: list[str] = []
    for names in recordings_of(short).values():
        runs: list[list[str]] = []
        for name in names:
            if runs and groups[runs[-1][0]] == groups[name]:
                runs[-1].append(name)
            else:
                runs.append([name])
        for before, after in pairwise(runs):
            if places[before[0]] == places[after[0]]:
                continue
            run = before if places[before[0]] == "train" else after
            width = min(math.ceil(_GAP * len(run)), len(run) // 4)
            gone += (run[-width:] if run is before else run[:width]) if width else []
    return sorted(set(gone))


def follow_blocks(
    short: Mapping[str, str], saved: Mapping[str, str | None]
) -> dict[str, tuple[str, ...]]:
    """For each frame that is not saved, the saved groups of the nearest frames on both sides.

    Frames of recordings without any saved frame are left out of the answer.
    """
    found: dict[str, tuple[str, ...]] = {}
    for names in recordings_of(short).values():
        known = [at for at, name in enumerate(names) if saved.get(name)]
        for at, name in enumerate(names):
            if name in saved or not known:
                continue
            before = [k for k in known if k < at][-1:]
            after = [k for k in known if k > at][:1]
            sides = [saved[names[k]] for k in (*before, *after)]
            found[name] = tuple(dict.fromkeys(group for group in sides if group))
    return found


def is_recording(
    numbers: Sequence[int],
    pictures: NDArray[np.uint8],
    others: Sequence[int],
    other_pictures: NDArray[np.uint8],
) -> bool:
    """Whether frames look clearly more like their neighbours by number than like frames far apart.

    `others`, ascending, are the frames that each of `numbers` is compared with; pictures are
    (N, 12, 16) thumbnails. The rank of a frame is the share of the others that look more like it
    than the better of its two neighbours does. Where numbers mean nothing, ranks are the smaller
    of two uniform numbers: their mean is 1/3 and their standard deviation 0.236 (root of 1/18).
    """
    among = np.asarray(others)
    theirs = other_pictures.reshape(len(among), -1).astype(np.float32)
    mine = pictures.reshape(len(numbers), -1).astype(np.float32)
    some = theirs[:: max(1, len(theirs) // _MOST_OTHERS)]
    for most, (surely, never) in ((_GLANCE, _CLEAR), (_MOST_COMPARED, (_ALIKE, _ALIKE))):
        ranks = []
        for at in range(0, len(numbers), max(1, len(numbers) // most)):
            place = int(np.searchsorted(among, numbers[at]))
            sides = theirs[[max(place - 1, 0), min(place, len(among) - 1)]]
            near = np.abs(sides - mine[at]).sum(axis=1).min()
            ranks.append(float((np.abs(some - mine[at]).sum(axis=1) < near).mean()))
        mean, surprising = sum(ranks) / len(ranks), 1 / 3 - 2.5 * 0.236 / math.sqrt(len(ranks))
        if mean >= min(never, surprising):
            return False
        if mean < surely:
            return True
    return False


def true_recordings(samples: Sequence[Sample], short: Mapping[str, str], read: Read) -> Recordings:
    """The recordings of 8 frames and more whose neighbours really look alike.

    At most 400 frames of each, in pairs of neighbours, are read.
    """
    by_name = {sample.name: sample for sample in samples}
    found: Recordings = {}
    for title, names in recordings_of(short).items():
        if len(names) < _FEWEST_FRAMES:
            continue
        step = max(1, len(names) // _MOST_COMPARED)
        chosen = [at for at in range(0, len(names) - 1, 2 * step) for at in (at, at + 1)]
        seen = _thumbnails([by_name[names[at]] for at in chosen], read)
        frames = [(at, seen[names[at]]) for at in chosen if names[at] in seen]
        even = [(at, picture) for at, picture in frames if at % 2 == 0]
        odd = [(at, picture) for at, picture in frames if at % 2]
        if len(even) < _FEWEST_FRAMES // 2 or len(odd) < _FEWEST_FRAMES // 2:
            continue
        if is_recording(
            [at for at, _ in even],
            np.stack([picture for _, picture in even]),
            [at for at, _ in odd],
            np.stack([picture for _, picture in odd]),
        ):
            found[title] = names
    return found


def _thumbnails(samples: Sequence[Sample], read: Read) -> dict[str, NDArray[np.uint8]]:
    def look(sample: Sample) -> NDArray[np.uint8] | None:
        try:
            return thumbnail(read(sample))
        except IntarsiaError:  # a finding of the check
            return None

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        pictures = list(pool.map(look, samples))
    return {s.name: p for s, p in zip(samples, pictures, strict=True) if p is not None}


def check_numbered(short: Mapping[str, str], rule: str) -> None:
    """
    Raises:
        DataError: no two names differ in their last number only.
    """
    if all(len(names) == 1 for names in recordings_of(short).values()):
        raise DataError(
            "no two file names differ in their last number only",
            where=f"group-by {rule}",
            expected="numbered frames such as drive7_00030, drive7_00060",
        )
