"""Panels: image, truth, mask and error of the best, middle and worst images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from intarsia.evaluation import ImageMetrics
from intarsia.labels import LabelMap
from intarsia.reporting.figures import INK, MUTED, Drawing, draw, hex_color, legible, new_figure
from intarsia.reporting.painting import SMALL, Ids, Scene, flat_uri, photo_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

_PRINTED = 300  # pixels of a picture's longer side in the figure for print
_EACH = 3
_COLUMN, _GAP = 1.5, 0.08  # inches, of the figure for print
_ROW_TITLE, _TOP = 0.3, 0.68
_LEGEND_COLUMNS = 6
# what each is beside in the page: truth above mask, both over the image, the error last
_TITLES = ("image", "truth", "truth over image", "mask", "overlay", "error")
_FLAT = ("truth", "mask", "error")


@dataclass(frozen=True)
class Pick:
    """One image of an evaluation and why it is shown."""

    group: str
    file: str
    miou: float
    pixel_accuracy: float | None


@dataclass(frozen=True)
class Pictures:
    """The six pictures of one image, already small: PIL images of one size.

    `overlay` is the mask over the image.
    """

    pick: Pick
    image: Image
    truth: Image
    truth_over_image: Image
    mask: Image
    overlay: Image
    error: Image

    @property
    def titled(self) -> list[tuple[str, Image]]:
        images = (
            self.image,
            self.truth,
            self.truth_over_image,
            self.mask,
            self.overlay,
            self.error,
        )
        return list(zip(_TITLES, images, strict=True))

    @property
    def sources(self) -> list[tuple[str, str]]:
        """Title and `data:` address of each picture, for the page."""
        return [
            (title, flat_uri(image) if title in _FLAT else photo_uri(image))
            for title, image in self.titled
        ]

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size

    @property
    def small(self) -> bool:
        return max(self.size) < SMALL

    @property
    def narrow(self) -> bool:
        """True where all six fit side by side."""
        return self.small or self.size[0] <= self.size[1]


def choose(per_image: Sequence[ImageMetrics]) -> list[Pick]:
    """The best, middle and worst images by mIoU: three of each, fewer of a small split.

    No image is shown twice; images without a mIoU (all ignored) are left out.

    >>> [(p.group, p.miou) for p in choose([ImageMetrics("", i / 4, None) for i in range(4)])]
    [('best', 0.75), ('middle', 0.5), ('worst', 0.0)]
    """
    scored = [(row.miou, row) for row in per_image if row.miou is not None]
    ranked = sorted(scored, key=lambda pair: (-pair[0], pair[1].file))
    count = len(ranked)
    if not count:
        return []
    each = max(1, min(_EACH, count // 3))
    middle = (count - each) // 2
    places = {
        "best": range(each),
        "middle": range(middle, middle + each) if count >= 3 else range(0),
        "worst": range(count - each, count) if count >= 2 else range(0),
    }
    return [
        Pick(group, row.file, miou, row.pixel_accuracy)
        for group, chosen in places.items()
        for miou, row in (ranked[place] for place in chosen)
    ]


def paint(
    pick: Pick, picture: NDArray[np.uint8], truth: Ids, prediction: Ids, labels: LabelMap
) -> Pictures:
    """The six pictures of one image.

    `picture` is (H, W, 3) uint8, `truth` and `prediction` (H, W) ids of the same size.
    """
    scene = Scene.of(picture, labels)
    return Pictures(
        pick=pick,
        image=scene.photo,
        truth=scene.flat(truth),
        truth_over_image=scene.over(truth),
        mask=scene.flat(prediction),
        overlay=scene.over(prediction),
        error=scene.error(truth, prediction),
    )


def panels_drawing(
    name: str, title: str, pictures: Sequence[Pictures], labels: LabelMap
) -> Drawing:
    """All rows of six pictures as one figure for print."""
    label = f"Best, middle and worst images, {title}"
    return draw(f"panels-{name}", label, lambda: _figure(label, pictures, labels))


def _figure(title: str, pictures: Sequence[Pictures], labels: LabelMap) -> Figure:
    from matplotlib.patches import Patch

    # one pair of axes in inches: 54 of them take matplotlib seconds to arrange
    heights = [_COLUMN * p.size[1] / p.size[0] for p in pictures]
    width = len(_TITLES) * (_COLUMN + _GAP) + _GAP
    legend = 0.3 + 0.22 * math.ceil(len(labels) / _LEGEND_COLUMNS)
    height = sum(heights) + _ROW_TITLE * len(pictures) + _TOP + legend
    figure = new_figure(width, height, arranged=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.text(_GAP, 0.26, legible(title, 80), fontsize=11, fontweight="bold", va="center")
    for column, (kind, _) in enumerate(pictures[0].titled):
        left = _GAP + column * (_COLUMN + _GAP)
        axes.text(left, 0.56, kind, fontsize=9, color=MUTED, va="center")
    top = _TOP
    for panel, tall in zip(pictures, heights, strict=True):
        about = f"{panel.pick.group}   mIoU {panel.pick.miou:.3f}   {panel.pick.file}"
        axes.text(_GAP, top + 0.14, legible(about, 90), fontsize=9, color=INK, va="center")
        top += _ROW_TITLE
        for column, (_, image) in enumerate(panel.titled):
            left = _GAP + column * (_COLUMN + _GAP)
            axes.imshow(
                _printed(image),
                extent=(left, left + _COLUMN, top + tall, top),
                interpolation="none",  # the SVG holds the pixels themselves
            )
        top += tall
    patches = [
        Patch(
            facecolor=hex_color(label.color),
            edgecolor=MUTED,
            linewidth=0.5,
            label=legible(label.name, 24),
        )
        for label in labels.classes
    ]
    axes.legend(
        handles=patches,
        loc="upper left",
        bbox_to_anchor=(0, legend / height),
        ncols=_LEGEND_COLUMNS,
        handlelength=1.2,
    )
    # after the pictures, each of which sets the limits anew
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    return figure


def _printed(image: Image) -> NDArray[np.uint8]:
    small = image.convert("RGB")
    small.thumbnail((_PRINTED, _PRINTED))
    return np.asarray(small)
