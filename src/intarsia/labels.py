"""Label classes: ids, names, colours."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError, did_you_mean

Color = tuple[int, int, int]

# Okabe & Ito (2008), distinct also to colour-blind readers; black is kept for "ignored".
_FIRST_COLORS: tuple[Color, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)
_GOLDEN_RATIO = 0.618033988749895
IGNORED_COLOR: Color = (0, 0, 0)


def distinct_colors(count: int) -> list[Color]:
    """`count` colours, always the same ones in the same order.

    >>> distinct_colors(2)
    [(0, 114, 178), (230, 159, 0)]
    """
    colors = list(_FIRST_COLORS[:count])
    step = 0
    while len(colors) < count:
        hue = (0.11 + step * _GOLDEN_RATIO) % 1.0
        lightness = (0.42, 0.62, 0.3)[step % 3]
        r, g, b = colorsys.hls_to_rgb(hue, lightness, 0.75)
        color = (round(r * 255), round(g * 255), round(b * 255))
        step += 1
        if color not in colors:
            colors.append(color)
    return colors


@dataclass(frozen=True)
class LabelClass:
    """One class: its id in our masks (contiguous from 0), its name and its colour."""

    id: int
    name: str
    color: Color


@dataclass(frozen=True)
class LabelMap:
    """The classes of a data set, ids contiguous from 0.

    A mask inside Intarsia holds these ids, and `ignore_index` where a pixel does not count.

    >>> labels = LabelMap.of(["sky", "road"])
    >>> labels["road"].id, labels.ignore_index, len(labels)
    (1, 255, 2)
    """

    classes: tuple[LabelClass, ...]

    def __post_init__(self) -> None:
        names = [c.name for c in self.classes]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise DataError(f"class names are not unique: {', '.join(doubled)}")
        if [c.id for c in self.classes] != list(range(len(self.classes))):
            raise DataError(
                "class ids are not contiguous from 0",
                expected=f"0 to {len(self.classes) - 1}",
                hint="map the values of the masks in dataset.yaml (masks: {map: ...})",
            )

    @classmethod
    def of(cls, names: Sequence[str], colors: Sequence[Color] | None = None) -> LabelMap:
        """A label map from names in the order of their ids."""
        chosen = list(colors) if colors is not None else distinct_colors(len(names))
        return cls(
            tuple(LabelClass(i, n, c) for i, (n, c) in enumerate(zip(names, chosen, strict=True)))
        )

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.classes]

    @property
    def ignore_index(self) -> int:
        """255, or 65535 where there are too many classes for 8 bits."""
        return 255 if len(self.classes) <= 255 else 65535

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.ignore_index == 255 else np.uint16

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, name: str) -> LabelClass:
        for label in self.classes:
            if label.name == name:
                return label
        raise DataError(f'no class "{name}"', hint=did_you_mean(name, self.names))

    def palette(self) -> NDArray[np.uint8]:
        """(ignore_index + 1, 3) uint8: the colour of every id; unused and ignored ids are black."""
        table = np.zeros((self.ignore_index + 1, 3), np.uint8)
        for label in self.classes:
            table[label.id] = label.color
        return table

    def colorize(self, mask: NDArray[np.integer]) -> NDArray[np.uint8]:
        """(H, W) ids to (H, W, 3) uint8 colours."""
        colors: NDArray[np.uint8] = self.palette()[mask]
        return colors

    def to_json(self) -> list[dict[str, object]]:
        return [{"id": c.id, "name": c.name, "color": list(c.color)} for c in self.classes]

    @classmethod
    def from_json(cls, items: Sequence[dict[str, Any]]) -> LabelMap:
        """The inverse of `to_json`."""
        return cls.of(
            [str(item["name"]) for item in items],
            [(item["color"][0], item["color"][1], item["color"][2]) for item in items],
        )
