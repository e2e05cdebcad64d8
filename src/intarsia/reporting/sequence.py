"""The sequence: what the network made of one fixed image, before training and after epochs."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from intarsia.reporting.figures import INK, Drawing, draw, legible, new_figure
from intarsia.reporting.painting import SMALL, photo_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

_PANELS = 3  # image, truth, prediction, side by side in each file
_SPACED = 8
_LONGEST = 400  # pixels of a picture's longer side
_COLUMNS, _COLUMN, _GAP, _TITLE, _TOP = 5, 1.7, 0.08, 0.26, 0.42  # inches, for print
_FILE = re.compile(r"epoch-(\d+)\.png")


@dataclass(frozen=True)
class Sequence:
    """The pictures of one image; `frames` are (caption, prediction over the image)."""

    image: Image
    truth: Image
    frames: tuple[tuple[str, Image], ...]

    @property
    def titled(self) -> list[tuple[str, Image]]:
        return [("image", self.image), ("truth over image", self.truth), *self.frames]

    @property
    def sources(self) -> list[tuple[str, str]]:
        """Caption and `data:` address of each picture."""
        return [(caption, photo_uri(picture)) for caption, picture in self.titled]

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size

    @property
    def small(self) -> bool:
        return max(self.size) < SMALL


def chosen_epochs(epochs: Collection[int], best_epoch: int | None) -> list[int]:
    """The first, the last and the best of these, and about eight evenly between.

    >>> chosen_epochs(range(41), 37)
    [0, 6, 11, 17, 23, 29, 34, 37, 40]
    >>> chosen_epochs([0, 1, 2], None)
    [0, 1, 2]
    """
    ordered = sorted(epochs)
    if not ordered:
        return []
    places = np.linspace(0, len(ordered) - 1, _SPACED).round().astype(int)
    best = {epoch for epoch in ordered if epoch == best_epoch}
    return sorted({ordered[int(place)] for place in places} | best)


def read_sequence(run: Path, best_epoch: int | None) -> Sequence | None:
    """The pictures in `pictures/` of the run folder; None where there are none to be read."""
    found = {
        int(match[1]): path
        for path in (run / "pictures").glob("epoch-*.png")
        if (match := _FILE.fullmatch(path.name))
    }
    chosen = chosen_epochs(found, best_epoch)
    panels = {epoch: parts for epoch in chosen if (parts := _panels(found[epoch]))}
    if not panels:
        return None
    image, truth, _ = next(iter(panels.values()))
    last = max(found)
    frames = tuple((_caption(e, best_epoch, last), parts[-1]) for e, parts in panels.items())
    return Sequence(image, truth, frames)


def sequence_drawing(sequence: Sequence) -> Drawing:
    """All pictures as one figure for print."""
    label = "Learning, seen on one image"
    return draw("pictures", label, lambda: _figure(label, sequence))


def _panels(path: Path) -> list[Image] | None:
    """The three parts of one file, of one size, small; None where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            whole = file.convert("RGB")
    except OSError:
        return None  # one picture less is no reason to have no report
    width = whole.width // _PANELS
    if width < 1:
        return None
    # a file that was made small has a width that 3 need not divide
    starts = [i * whole.width // _PANELS for i in range(_PANELS)]
    parts = [whole.crop((x, 0, x + width, whole.height)) for x in starts]
    for part in parts:
        part.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BOX)
    return parts


def _caption(epoch: int, best_epoch: int | None, last: int) -> str:
    if epoch == 0:
        return "before training"
    marks = [word for word, which in (("best", best_epoch), ("last", last)) if epoch == which]
    return f"epoch {epoch}" + (f", {' and '.join(marks)}" if marks else "")


def _figure(title: str, sequence: Sequence) -> Figure:
    titled = sequence.titled
    tall = _COLUMN * sequence.size[1] / sequence.size[0]
    columns = min(_COLUMNS, len(titled))
    width = columns * (_COLUMN + _GAP) + _GAP
    height = _TOP + math.ceil(len(titled) / columns) * (tall + _TITLE + _GAP)
    figure = new_figure(width, height, arranged=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.text(_GAP, 0.22, title, fontsize=11, fontweight="bold", va="center")
    for place, (caption, picture) in enumerate(titled):
        row, column = divmod(place, columns)
        left, top = _GAP + column * (_COLUMN + _GAP), _TOP + row * (tall + _TITLE + _GAP)
        axes.imshow(
            np.asarray(picture),
            extent=(left, left + _COLUMN, top + tall, top),
            interpolation="none",
        )
        axes.text(left, top + tall + 0.13, legible(caption), fontsize=9, color=INK, va="center")
    # after the pictures, each of which sets the limits anew
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    return figure
