"""How close every image of val and test is to train: by looks, by time, by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import numpy as np

from intarsia.datasets import Dataset
from intarsia.datasets.groups.capture import on_sphere
from intarsia.datasets.neighbours import nearest
from intarsia.datasets.perceptual import NEARLY_THE_SAME
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Beside, Finding
from intarsia.doctor.inspection import ImageFacts, Inspection
from intarsia.doctor.sequences import Interleaved

# A series of shots of one scene; and about what a phone's receiver is accurate to.
CLOSE_SECONDS = 10.0
CLOSE_METRES = 10.0
_EXAMPLES = 3
_REASONS = {
    "looks": "nearly the same picture",
    "frame": "between neighbouring frames of a recording",
    "time": f"taken within {CLOSE_SECONDS:g} s",
    "place": f"taken within {CLOSE_METRES:g} m",
}


@dataclass(frozen=True)
class Neighbour:
    """A held-out image and the train images closest to it; None where nothing is known.

    `bits` is the distance of the perceptual hashes, 0 to 256; `seconds` and `metres` come from
    EXIF data, each with the image it is measured to; `frame` is the next train frame of the same
    recording. `close` names what is suspicious: "looks", "frame", "time", "place".
    """

    image: str
    split: str
    bits: int | None = None
    looks_like: str | None = None
    seconds: float | None = None
    taken_with: str | None = None
    metres: float | None = None
    taken_beside: str | None = None
    frame: str | None = None
    close: tuple[str, ...] = ()


def nearest_train(
    data: Dataset, inspections: Sequence[Inspection], recordings: Sequence[Interleaved]
) -> list[Neighbour]:
    """The nearest train image of every readable image of val and test."""
    files = {one.sample.name: shown(one.sample.image, data) for one in inspections}
    facts = [
        (one.sample.split, files[one.sample.name], one.sample.name, one.image)
        for one in inspections
        if isinstance(one.image, ImageFacts)
    ]
    train = [(file, image) for split, file, _, image in facts if split == "train"]
    held_out = [
        (split, file, name, image) for split, file, name, image in facts if split in ("val", "test")
    ]
    if not train or not held_out:
        return []
    frames = {
        frame.name: files[one.neighbour(frame).name] for one in recordings for frame in one.inside
    }
    images = [image for _, _, _, image in held_out]
    looks = _by_looks(images, train)
    times = _by_time(images, train)
    places = _by_place(images, train)
    found = []
    for at, (split, file, name, _) in enumerate(held_out):
        bits, like = looks.get(at, (None, None))
        seconds, taken_with = times.get(at, (None, None))
        metres, beside = places.get(at, (None, None))
        frame = frames.get(name)
        close = {
            "looks": bits is not None and bits <= NEARLY_THE_SAME,
            "frame": frame is not None,
            "time": seconds is not None and seconds <= CLOSE_SECONDS,
            "place": metres is not None and metres <= CLOSE_METRES,
        }
        found.append(
            Neighbour(
                file, str(split), bits, like, seconds, taken_with, metres, beside, frame,
                tuple(reason for reason, so in close.items() if so),
            )
        )  # fmt: skip
    return found


_Train = Sequence[tuple[str, ImageFacts]]


def _by_looks(images: Sequence[ImageFacts], train: _Train) -> dict[int, tuple[int, str]]:
    asked = [(at, image.look) for at, image in enumerate(images) if image.look is not None]
    among = [(file, image.look) for file, image in train if image.look is not None]
    if not asked or not among:
        return {}
    where, bits = nearest([look for _, look in asked], [look for _, look in among])
    return {at: (int(b), among[w][0]) for (at, _), w, b in zip(asked, where, bits, strict=True)}


def _by_time(images: Sequence[ImageFacts], train: _Train) -> dict[int, tuple[float, str]]:
    known = sorted(
        (_seconds(image.capture.time), file)
        for file, image in train
        if image.capture.time is not None
    )
    if not known:
        return {}
    times = np.array([time for time, _ in known])
    found = {}
    for at, image in enumerate(images):
        if image.capture.time is not None:
            asked = _seconds(image.capture.time)
            place = int(np.searchsorted(times, asked))
            sides = [k for k in (place - 1, place) if 0 <= k < len(known)]
            best = min(sides, key=lambda k: abs(times[k] - asked))
            found[at] = (abs(float(times[best]) - asked), known[best][1])
    return found


def _seconds(time: datetime) -> float:
    """Since 1970 by the camera's clock: summer time here and years before 1970 mean nothing."""
    return (time - datetime(1970, 1, 1)).total_seconds()


def _by_place(images: Sequence[ImageFacts], train: _Train) -> dict[int, tuple[float, str]]:
    known = [
        (image.capture.place, file) for file, image in train if image.capture.place is not None
    ]
    asked = [
        (at, image.capture.place)
        for at, image in enumerate(images)
        if image.capture.place is not None
    ]
    if not known or not asked:
        return {}
    from scipy.spatial import cKDTree

    tree = cKDTree(on_sphere([place for place, _ in known]))
    found = tree.query(on_sphere([place for _, place in asked]))
    metres, where = np.atleast_1d(found[0]), np.atleast_1d(found[1])
    return {
        at: (float(m), known[int(w)][1]) for (at, _), m, w in zip(asked, metres, where, strict=True)
    }


def as_json(found: Sequence[Neighbour]) -> dict[str, Any]:
    """Every image, and the share that is close, by split."""
    splits = {}
    for split in dict.fromkeys(one.split for one in found):
        members = [one for one in found if one.split == split]
        close = [one for one in members if one.close]
        bits = [one.bits for one in members if one.bits is not None]
        splits[split] = {
            "images": len(members),
            "close": len(close),
            "share": len(close) / len(members),
            "by": {reason: sum(reason in one.close for one in members) for reason in _REASONS},
            "median_bits": median(bits) if bits else None,
        }
    limits = {"bits": NEARLY_THE_SAME, "seconds": CLOSE_SECONDS, "metres": CLOSE_METRES}
    images = [vars(one) | {"close": list(one.close)} for one in found]
    return {"limits": limits, "splits": splits, "images": images}


def findings(found: Sequence[Neighbour], identical: Mapping[str, object]) -> Iterator[Finding]:
    """One finding a split; images whose very pixels are in train have a finding of their own."""
    for split in dict.fromkeys(one.split for one in found):
        members = [one for one in found if one.split == split]
        close = [one for one in members if one.close and one.image not in identical]
        if not close:
            continue
        by = {reason: [one for one in close if reason in one.close] for reason in _REASONS}
        counts = ", ".join(
            f"{len(those)} {_REASONS[reason]}" for reason, those in by.items() if those
        )
        closest = sorted(close, key=_closeness)[:_EXAMPLES]
        examples = "; ".join(map(_example, closest))
        rules = {"looks": "near-duplicate", "frame": "sequence", "time": "exif-time:30m",
                 "place": "gps:100m"}  # fmt: skip
        flags = " ".join(f"--group-by {rules[reason]}" for reason, those in by.items() if those)
        yield Finding.of(
            "near-duplicate-across-splits",
            None,
            f"{len(close)} of {len(members)} {split} images "
            f"({100 * len(close) / len(members):.1f} %) are suspiciously close to a train image: "
            f"{counts}. {examples}",
            expected="nothing in val or test that train nearly shows",
            hint=f"what train nearly shows is no test: intarsia split DATA {flags} keeps such "
            "images on one side; the JSON has the nearest train image of each",
            beside=map(_beside, closest),
        )


def _closeness(one: Neighbour) -> tuple[bool, int]:
    return ("looks" not in one.close, 999 if one.bits is None else one.bits)


def _example(one: Neighbour) -> str:
    other, how = _most_suspicious(one)
    link = {"looks": "and", "frame": "beside"}.get(one.close[0])
    if link is None:
        return f"{one.image} {how} from {other}"
    return f"{one.image} {link} {other}" + (f" ({how})" if "looks" in one.close else "")


def _beside(one: Neighbour) -> Beside:
    other, how = _most_suspicious(one)
    return ((one.split, one.image), (f"train: {how}", other))


def _most_suspicious(one: Neighbour) -> tuple[str, str]:
    """The train image that it is closest to by the first of the reasons, and how close."""
    if "looks" in one.close:
        return str(one.looks_like), f"{one.bits} of 256 bits differ"
    if "frame" in one.close:
        return str(one.frame), "nearest by number"
    if "time" in one.close:
        return str(one.taken_with), f"{one.seconds:.0f} s"
    return str(one.taken_beside), f"{one.metres:.0f} m"
