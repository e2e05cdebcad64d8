"""Masks as files: class ids, a palette in the VOC layout, or colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from intarsia.conversion.naming import Naming
from intarsia.conversion.writer import Placed
from intarsia.datasets import Dataset, MaskEncoding
from intarsia.datasets.encodings import Value
from intarsia.datasets.labelmap import FILE_NAME
from intarsia.errors import DataError
from intarsia.images import write_mask, write_rgb
from intarsia.labels import IGNORED_COLOR, Color, LabelMap, distinct_colors

# Of the ignored pixels where a class is black: white, VOC's colour of its 255, greys.
_IGNORED_COLORS = (
    IGNORED_COLOR,
    (255, 255, 255),
    (224, 224, 192),
    *((g, g, g) for g in range(256)),
)
_SPLITS = ("train", "val", "test")


class IndexWriter:
    """`images/` and `masks/`, one value a class, 255 where a pixel does not count."""

    layout = "images/ with masks/ of class ids"
    images = "images"
    masks = "masks"
    naming: Naming | None = None
    shows: frozenset[str] | None = None
    keeps_unlabelled = False
    lacks = frozenset({"splits"})

    def __init__(self, root: Path, data: Dataset) -> None:
        self.root = root
        self.labels = data.labels
        self.encoding = _by_id(data.labels)

    def encode(self, placed: Placed, ids: NDArray[Any]) -> tuple[str, ...]:
        write_mask(_target(self.root / self.masks, placed), ids, self.labels)
        return ()

    def add(self, placed: Placed, texts: tuple[str, ...] | None) -> None:
        pass

    def finish(self) -> tuple[str, ...]:
        return ()


class PaletteWriter:
    """VOC: `JPEGImages/`, `SegmentationClass/` with a palette, lists in `ImageSets/`.

    `labelmap.txt` is what CVAT's "Segmentation mask" has beside them.
    """

    layout = "VOC: JPEGImages/ with SegmentationClass/"
    images = "JPEGImages"
    masks = "SegmentationClass"
    naming: Naming | None = None
    shows: frozenset[str] | None = None
    keeps_unlabelled = False
    lacks: frozenset[str] = frozenset()

    def __init__(self, root: Path, data: Dataset) -> None:
        if data.labels.ignore_index > 255:
            raise DataError(
                f"{len(data.labels)} classes do not fit into a palette",
                where=data.root,
                expected="up to 255",
                hint="choose --to index, whose masks may have 16 bits",
            )
        self.root = root
        self.labels, self._notes = _told_apart(data.labels)
        self.encoding = _by_id(data.labels)
        self._ignored = free_color(self.labels)
        self._lists: dict[str, list[str]] = {}

    def encode(self, placed: Placed, ids: NDArray[Any]) -> tuple[str, ...]:
        target = _target(self.root / self.masks, placed)
        write_mask(target, ids, self.labels, ignored_color=self._ignored)
        return ()

    def add(self, placed: Placed, texts: tuple[str, ...] | None) -> None:
        if texts is not None:
            self._lists.setdefault(placed.sample.split or "", []).append(placed.sample.place)

    def finish(self) -> tuple[str, ...]:
        folder = self.root / "ImageSets" / "Segmentation"
        folder.mkdir(parents=True)
        named = {split: self._lists[split] for split in _SPLITS if split in self._lists}
        for split, names in (named or {"default": self._lists.get("", [])}).items():
            text = "".join(f"{name}\n" for name in names)
            (folder / f"{split}.txt").write_text(text, encoding="utf-8")
        rows = [(c.name.replace(":", "_"), c.color) for c in self.labels.classes]
        rows.append(("void", self._ignored))
        lines = [f"{name}:{','.join(map(str, color))}::\n" for name, color in rows]
        head = "# label:color_rgb:parts:actions\n"
        (self.root / FILE_NAME).write_text(head + "".join(lines), encoding="utf-8")
        return self._notes


class ColorWriter:
    """`images/` and `masks/`, one colour a class."""

    layout = "images/ with masks/ of colours"
    images = "images"
    masks = "masks"
    naming: Naming | None = None
    shows: frozenset[str] | None = None
    keeps_unlabelled = False
    lacks = frozenset({"splits"})

    def __init__(self, root: Path, data: Dataset) -> None:
        self.root = root
        self.labels, self._notes = _told_apart(data.labels)
        ignored = free_color(self.labels)
        table: dict[Value, int | None] = {c.color: c.id for c in self.labels.classes}
        self.encoding = MaskEncoding("colors", table | {ignored: None})
        self._palette = self.labels.palette()
        self._palette[self.labels.ignore_index] = ignored

    def encode(self, placed: Placed, ids: NDArray[Any]) -> tuple[str, ...]:
        write_rgb(_target(self.root / self.masks, placed), self._palette[ids])
        return ()

    def add(self, placed: Placed, texts: tuple[str, ...] | None) -> None:
        pass

    def finish(self) -> tuple[str, ...]:
        return self._notes


def free_color(labels: LabelMap) -> Color:
    """A colour that no class has, for the ignored pixels: black where that is free."""
    used = {c.color for c in labels.classes}
    free = next((color for color in _IGNORED_COLORS if color not in used), None)
    return free or next(c for c in distinct_colors(len(used) + 1) if c not in used)


def _told_apart(labels: LabelMap) -> tuple[LabelMap, tuple[str, ...]]:
    """The classes, each with a colour of its own, and which of them have a new one."""
    colors: list[Color] = []
    changed: list[str] = []
    given = {c.color for c in labels.classes}
    ours = iter([c for c in distinct_colors(len(labels) + len(given)) if c not in given])
    for label in labels.classes:
        fresh = label.color in colors
        colors.append(next(ours) if fresh else label.color)
        changed += [label.name] if fresh else []
    note = f"new colours, as other classes have theirs: {', '.join(changed)}"
    return LabelMap.of(labels.names, colors), (note,) if changed else ()


def _by_id(labels: LabelMap) -> MaskEncoding:
    table: dict[Value, int | None] = {c.id: c.id for c in labels.classes}
    return MaskEncoding("ids", table | {labels.ignore_index: None})


def _target(folder: Path, placed: Placed) -> Path:
    target = folder / f"{placed.sample.place}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
