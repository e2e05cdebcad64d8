"""What a split holds, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.dataset import Dataset
from intarsia.datasets.groups import Rule
from intarsia.datasets.groups.joining import natural
from intarsia.datasets.split_table import LEFT_OUT, SPLITS

_MOST_GROUPS = 4
_MOST_PARTS = 40
_MOST_CLASSES = 40


@dataclass(frozen=True)
class Part:
    """One split or fold: `classes` (K,) in how many of its images each class is."""

    name: str
    images: int
    groups: tuple[str, ...]  # by number of images, the largest first
    classes: tuple[int, ...]


@dataclass(frozen=True)
class SplitSummary:
    """What was saved: the parts, what was left out, what is worth knowing.

    `places` has the split, or the number of the fold as text, of every image by name; an image
    that was left out has an empty one.
    """

    file: Path
    rules: tuple[str, ...]
    parts: tuple[Part, ...]
    places: Mapping[str, str]
    class_names: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        data: Dataset,
        file: Path,
        rules: Sequence[Rule],
        places: Mapping[str, str],
        groups: Mapping[str, str | None],
        presence: NDArray[np.integer],
        notes: Sequence[str],
    ) -> SplitSummary:
        """The summary of places by name; `presence` (N, K) goes with the samples of `data`."""
        names = [sample.name for sample in data.samples]
        parts = []
        for place in sorted(set(places.values()) - {LEFT_OUT}, key=_order):
            members = [at for at, name in enumerate(names) if places[name] == place]
            sizes = Counter(groups[names[at]] for at in members)
            del sizes[None]
            parts.append(
                Part(
                    place if place in SPLITS else f"fold {place}",
                    len(members),
                    tuple(name for name, _ in sizes.most_common() if name is not None),
                    tuple(int(count) for count in (presence[members] > 0).sum(axis=0)),
                )
            )
        return cls(
            file, tuple(map(str, rules)), tuple(parts), dict(places), tuple(data.labels.names),
            tuple(notes),
        )  # fmt: skip

    def __str__(self) -> str:
        return "\n".join([*self._parts(), "", *self._table(), "", *self.notes]).strip()

    def _parts(self) -> list[str]:
        placed = sum(part.images for part in self.parts)
        lines = [f"{placed} images in {len(self.parts)} parts, saved in {self.file}"]
        if left := len(self.places) - placed:
            lines[0] += f"; {left} left out"
        for part in self.parts[:_MOST_PARTS]:
            share = 100 * part.images / max(placed, 1)
            line = f"  {part.name}: {part.images} images ({share:.0f} %)"
            if part.groups:
                some = ", ".join(part.groups[:_MOST_GROUPS])
                more = ", ..." if len(part.groups) > _MOST_GROUPS else ""
                one = "group" if len(part.groups) == 1 else "groups"
                line += f", {len(part.groups)} {one}: {some}{more}"
            lines.append(line)
        if len(self.parts) > _MOST_PARTS:
            lines.append(f"  ... and {len(self.parts) - _MOST_PARTS} more")
        return lines

    def _table(self) -> list[str]:
        """Images with each class, by part; not of more parts than a line has room for."""
        if not self.parts or len(self.parts) > 10:
            return []
        header = ["images with", *(part.name for part in self.parts)]
        rows = [
            [name, *(str(part.classes[at]) for part in self.parts)]
            for at, name in enumerate(self.class_names[:_MOST_CLASSES])
        ]
        widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
        return [
            "  ".join([row[0].ljust(widths[0])]
                      + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)])
            for row in [header, *rows]
        ]  # fmt: skip


def unreachable_classes(
    data: Dataset,
    groups: Mapping[str, str | None],
    presence: NDArray[np.integer],
    places: Mapping[str, str],
) -> list[str]:
    """A sentence for every class that is not in every part, with the reason."""
    names = [sample.name for sample in data.samples]
    parts = sorted(set(places.values()) - {LEFT_OUT}, key=_order)
    notes = []
    for label in data.labels.classes:
        holders = [name for at, name in enumerate(names) if presence[at, label.id]]
        missing = [part for part in parts if part not in {places[name] for name in holders}]
        if not missing:
            continue
        listed = ", ".join(part if part in SPLITS else f"fold {part}" for part in missing[:8])
        listed += ", ..." if len(missing) > 8 else ""
        units = {groups[name] or name for name in holders}
        if not holders:
            why = "no image holds it"
        elif len(units) < len(parts):
            one = "group" if len(units) == 1 else "groups"
            why = f"only {len(units)} {one} for {len(parts)} parts: {', '.join(sorted(units)[:3])}"
        else:
            why = "no division into whole groups was found that brings it there"
        notes.append(f'"{label.name}" does not reach {listed}: {why}')
    return notes


def _order(place: str) -> tuple[int, list[tuple[int, int, str]]]:
    return (SPLITS.index(place) if place in SPLITS[:2] else 2 + (place == "test"), natural(place))
