"""Findings about what is drawn: vanishing objects, specks, imbalance, odd mixes, odd colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

import numpy as np

from intarsia.datasets import Dataset
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import (
    SIDES,
    SMALLEST_OBJECT,
    SPECK,
    Inspection,
    MaskFacts,
)

_SIDE = 256  # what the note is about; the statistics have the other sizes
_MANY_SMALL = 0.2
_FEWEST_OBJECTS = 20
_FEWEST_MASKS = 20
_FAR = 6.0  # robust deviations
_MOST_ODD = 0.02
_EXAMPLES = 3
_MANY_SPECKS = 0.05  # of the masks, at least, hold them
_SHIFT = 0.08  # of the range of values


def findings(
    data: Dataset, inspections: Sequence[Inspection], statistics: dict[str, Any]
) -> Iterator[Finding]:
    """Everything that is no fault for certain and worth a look."""
    yield from _colors(statistics)
    facts = [(i, i.mask) for i in inspections if isinstance(i.mask, MaskFacts)]
    if 2 * sum(mask.lossy for _, mask in facts) > len(facts):
        return  # compressed with loss: classes and regions that nobody drew
    yield from _small(statistics)
    yield from _imbalance(statistics)
    yield from _mixes(data, facts)
    specks = [(i, sum(m.objects.specks.tolist())) for i, m in facts]  # faster for a few classes
    yield from _tiny(data, "specks", specks, f"regions of at most {SPECK} pixels")
    holes = [(i, m.objects.holes) for i, m in facts]
    yield from _tiny(data, "holes", holes, f"holes of at most {SPECK} pixels")


def _small(statistics: dict[str, Any]) -> Iterator[Finding]:
    """Objects that a training at 256 px hardly sees."""
    worst_first = sorted(
        statistics["objects"],
        key=lambda item: -item["under"][str(_SIDE)] / max(1, item["objects"]),
    )
    for item in worst_first:
        count, under = item["objects"], item["under"]
        at, native = under[str(_SIDE)], under["native"]
        if count < _FEWEST_OBJECTS or at < _MANY_SMALL * count:
            continue
        enough = [side for side in SIDES if under[str(side)] <= _MANY_SMALL / 2 * count]
        if enough and enough[0] > _SIDE:
            hint = (
                f"train at {enough[0]} px, or at the images' own size on tiles of {enough[0]} "
                f"(data.fit: tiles, data.image_size and data.tile: {enough[0]})"
            )
        elif native < at:
            hint = (
                "train on tiles at the images' own size, where "
                f"{native / count:.0%} do (data.fit: tiles, data.tile)"
            )
        else:
            hint = "they are as small in the images themselves: expect low figures"
        yield Finding.of(
            "small-objects",
            None,
            f'at {_SIDE} px {at / count:.0%} of the {count} objects of "{item["name"]}" fall '
            f"under {SMALLEST_OBJECT} px",
            hint=hint,
        )


def _imbalance(statistics: dict[str, Any]) -> Iterator[Finding]:
    advice = statistics["imbalance"]
    if advice and advice["ratio"] >= advice["threshold"]:
        yield Finding.of(
            "imbalance",
            None,
            f'"{advice["most"]}" has {advice["ratio"]:.0f} times the pixels of '
            f'"{advice["least"]}" in train',
            hint=advice["advice"],
        )


def _colors(statistics: dict[str, Any]) -> Iterator[Finding]:
    """Held-out images that look unlike those of train as a whole."""
    splits = statistics["colors"]
    train = splits.get("train")
    for split, item in splits.items():
        if split == "train" or train is None or min(item["images"], train["images"]) < 5:
            continue
        apart = np.abs(np.subtract(item["mean"], train["mean"]))
        spread = np.array(train["spread"])
        worst = int(apart.argmax())
        if apart[worst] > _SHIFT and apart[worst] > spread[worst]:
            name = ("red", "green", "blue")[worst] if len(apart) == 3 else f"channel {worst}"
            if len(set(np.round(item["mean"], 3))) == 1:
                name = "brightness"
            yield Finding.of(
                "color-shift",
                None,
                f"{split} has a mean {name} of {item['mean'][worst]:.2f}, train of "
                f"{train['mean'][worst]:.2f} (0 to 1; images of train differ by "
                f"{spread[worst]:.2f})",
                hint="another camera, place or time of day? The score will tell how well the "
                "model bears that, not how well it does on images such as those of train",
            )


def _mixes(data: Dataset, facts: Sequence[tuple[Inspection, MaskFacts]]) -> Iterator[Finding]:
    """Masks whose shares of the classes lie far from the mean (Hellinger distance)."""
    if len(facts) < _FEWEST_MASKS or len(data.labels) < 3:
        return
    every = np.stack([mask.counts for _, mask in facts])
    labelled = np.asarray(every.any(axis=1))
    some, counts = list(compress(facts, labelled)), every[labelled]
    if len(some) < _FEWEST_MASKS:
        return
    shares = counts / counts.sum(axis=1, keepdims=True)
    center = np.sqrt(shares.mean(axis=0))
    apart = np.sqrt(np.maximum(0, 1 - np.sqrt(shares) @ center))
    middle = float(np.median(apart))
    deviation = 1.4826 * float(np.median(np.abs(apart - middle)))
    far = np.flatnonzero(apart > middle + _FAR * max(deviation, 0.02))
    if len(far) > max(1, _MOST_ODD * len(some)):
        return  # several kinds of images, and none of them odd
    for at in far:
        one, _ = some[at]
        mix = shares[at]
        top = np.argsort(-mix)[:2]
        listed = ", ".join(f"{mix[k]:.0%} {data.labels.names[k]}" for k in top if mix[k] > 0.005)
        usual = ", ".join(
            f"{center[k] ** 2:.0%} {data.labels.names[k]}" for k in np.argsort(-center)[:2]
        )
        yield Finding.of(
            "odd-class-mix",
            shown(one.sample.mask or one.sample.image, data),
            listed,
            expected=f"about {usual}",
            hint="look at it: a picture of something else, or classes that were mixed up?",
        )


def _tiny(
    data: Dataset, code: str, counts: Sequence[tuple[Inspection, int]], what: str
) -> Iterator[Finding]:
    with_some = sorted(((n, i) for i, n in counts if n), key=lambda item: -item[0])
    if len(with_some) <= _MANY_SPECKS * len(counts):
        return
    examples = ", ".join(
        f"{shown(i.sample.mask or i.sample.image, data)} ({n})" for n, i in with_some[:_EXAMPLES]
    )
    yield Finding.of(
        code,
        None,
        f"{sum(n for n, _ in with_some)} {what} in {len(with_some)} of {len(counts)} masks: "
        + examples,
        hint="slips of the pen, or scaling? They cost little, but nobody drew them on purpose",
        other=shown(with_some[0][1].sample.mask or with_some[0][1].sample.image, data),
    )
