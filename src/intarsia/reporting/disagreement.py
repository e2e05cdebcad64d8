"""The images on which the runs differ most: each run's mask and its errors, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from intarsia.comparison import Comparison, Contender, Entry
from intarsia.comparison.annotator import annotator_mask
from intarsia.draw import displayable
from intarsia.errors import IntarsiaError
from intarsia.evaluation import OUT_OF_FOLD
from intarsia.reporting.figures import INK, MUTED, Drawing, draw, legible, new_figure
from intarsia.reporting.gallery import find_sample, reason
from intarsia.reporting.painting import SMALL, Ids, Scene, flat_uri, photo_uri
from intarsia.reporting.quantities import quantity
from intarsia.runs import CrossValidation
from intarsia.statistics import count_groups
from intarsia.statistics.ratios import mean_of_ratios

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from intarsia.datasets import Dataset, Sample
    from intarsia.prediction import Predictor
    from intarsia.runs import Run

IMAGES = 6
_COLUMN, _GAP, _TITLE = 1.5, 0.08, 0.3  # inches, of the figure for print


@dataclass(frozen=True)
class Answer:
    """What one run made of an image: its mask over it and its errors, small PIL images.

    `value` is the figure of this image, mean over the repeats; the pictures are of the first one.
    """

    run: str
    value: float | None
    overlay: Image
    error: Image

    @property
    def sources(self) -> tuple[str, str]:
        """`data:` addresses of the two."""
        return photo_uri(self.overlay), flat_uri(self.error)


@dataclass(frozen=True)
class Disagreement:
    """One image with the answers of all runs; `group` is None where it is one of its own."""

    file: str
    group: str | None
    image: Image
    truth: Image
    answers: tuple[Answer, ...]

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size

    @property
    def small(self) -> bool:
        """True where the page shows square pixels."""
        return max(self.size) < SMALL

    @property
    def sources(self) -> tuple[str, str]:
        """`data:` addresses of the image and of its truth."""
        return photo_uri(self.image), flat_uri(self.truth)


@dataclass(frozen=True)
class Disagreements:
    """The images shown; `missing` says why some or all could not be."""

    images: tuple[Disagreement, ...]
    missing: str | None = None


def image_values(comparison: Comparison) -> NDArray[np.float64]:
    """(R, N) the figure that runs are ranked by, of each run and image alone; NaN is n/a.

    It is the mean over the repeats that have one.
    """
    rows = []
    for entry in comparison.entries:
        counts = count_groups(entry.matrices)
        each = mean_of_ratios(comparison.estimand.ratios(counts.values))
        known = np.isfinite(each)
        number = known.sum(axis=0)
        total = np.where(known, each, 0.0).sum(axis=0)
        nothing = np.full(number.shape, np.nan)
        rows.append(np.divide(total, number, out=nothing, where=number > 0))
    return np.stack(rows)


def most_different(values: NDArray[np.float64], count: int = IMAGES) -> list[int]:
    """The columns of (R, N) whose largest and smallest value are farthest apart, widest first.

    Those that fewer than two runs have a value of, or on which all agree, are left out.

    >>> most_different(np.array([[0.5, 0.5, 0.1, np.nan], [0.4, 0.5, 0.9, 0.2]]))
    [2, 0]
    """
    known = np.isfinite(values)
    highest = np.where(known, values, -np.inf).max(axis=0)
    lowest = np.where(known, values, np.inf).min(axis=0)
    apart = np.where(known.sum(axis=0) > 1, highest - lowest, 0.0)
    order = np.argsort(-apart, kind="stable")[:count]
    return [int(place) for place in order if apart[place] > 0]


def disagreements(
    comparison: Comparison,
    data: Dataset | None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Disagreements:
    """The images on which the runs differ most, predicted again with each run's first repeat.

    `data` is what was compared on, by default the data of the first run. Where they have moved, or
    weights are gone, that is said and the rest of the page is written. `progress` is called with
    (masks made, all of them).
    """
    values = image_values(comparison)
    places = most_different(values)
    try:
        opened = _opened(comparison, data)
    except (IntarsiaError, OSError) as error:
        return Disagreements((), reason(error))
    predictors: dict[object, Predictor] = {}
    shown: list[Disagreement] = []
    missing: str | None = None
    ranked = {entry.name: number for number, entry in enumerate(comparison.ranking)}
    each, total = len(ranked), len(places) * len(ranked)
    for number, place in enumerate(places):
        try:
            sample = find_sample(opened, comparison.files[place])
            pixels = opened.read_image(sample)
            scene = Scene.of(displayable(pixels, opened.scaling), comparison.labels)
            truth = opened.read_mask(sample)
            answers = []
            for entry, value in zip(comparison.entries, values[:, place], strict=True):
                mask = _mask(entry, comparison.split, opened, sample, pixels, predictors)
                answers.append(
                    Answer(
                        run=entry.name,
                        value=None if np.isnan(value) else float(value),
                        overlay=scene.over(mask),
                        error=scene.error(truth, mask),
                    )
                )
                if progress is not None:
                    progress(number * each + len(answers), total)
        except (IntarsiaError, OSError) as error:
            missing = missing or reason(error)
            continue
        group = comparison.groups[place]
        shown.append(
            Disagreement(
                file=sample.name,
                group=None if group == sample.name else group,
                image=scene.photo,
                truth=scene.flat(truth),
                answers=tuple(sorted(answers, key=lambda answer: ranked[answer.run])),
            )
        )
    return Disagreements(tuple(shown), missing)


def _opened(comparison: Comparison, data: Dataset | None) -> Dataset:
    """The data with the classes that were compared."""
    first = next(run for entry in comparison.entries for run in entry.contender.runs)
    recipe = first.recipe.data
    given = first.dataset() if data is None else data
    return given.ignoring(recipe.ignore).keeping(recipe.classes)


def _mask(
    entry: Entry,
    split: str,
    data: Dataset,
    sample: Sample,
    pixels: NDArray[np.generic],
    predictors: dict[object, Predictor],
) -> Ids:
    contender = entry.contender
    if contender.annotator is not None:
        return annotator_mask(contender.annotator, data, sample)
    run = _judge(contender, split, sample)
    key = entry.name, run.path  # one run may take part twice, used in two ways
    if key not in predictors:
        predictors[key] = _predictor(run)
    return predictors[key](pixels)


def _judge(contender: Contender, split: str, sample: Sample) -> Run:
    """The run whose network the image was measured with: of folds the one that had not seen it."""
    run = contender.runs[0]
    if isinstance(run, CrossValidation) and split == OUT_OF_FOLD:
        return run.judge(sample.name)
    return run


def _predictor(run: Run) -> Predictor:
    from intarsia.prediction import Predictor

    return Predictor(run)


def disagreement_drawing(images: Sequence[Disagreement]) -> Drawing:
    """All images as one figure for print: the answers in a row, their errors beneath."""
    label = "Images on which the runs differ most"
    return draw("comparison-images", label, lambda: _figure(label, images))


def _figure(title: str, images: Sequence[Disagreement]) -> Figure:
    # one pair of axes in inches: dozens of them take matplotlib seconds to arrange
    heights = [_COLUMN * image.size[1] / image.size[0] for image in images]
    width = (len(images[0].answers) + 1) * (_COLUMN + _GAP) + _GAP
    height = 0.4 + _GAP + sum(2 * tall + _GAP + 2 * _TITLE for tall in heights)
    figure = new_figure(width, height, arranged=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.text(_GAP, 0.24, legible(title, 60), fontsize=11, fontweight="bold", va="center")
    top = 0.4
    for image, tall in zip(images, heights, strict=True):
        name = legible(image.file, 60)
        axes.text(_GAP, top + _TITLE / 2, name, fontsize=9, color=MUTED, va="center")
        top += _TITLE
        columns = [("image and truth", image.image, image.truth)]
        for answer in image.answers:
            columns.append(
                (f"{quantity(answer.value, 'ratio')} {answer.run}", answer.overlay, answer.error)
            )
        for place, (text, *pictures) in enumerate(columns):
            left = _GAP + place * (_COLUMN + _GAP)
            shown = legible(text, 23)
            axes.text(left, top + _TITLE / 2, shown, fontsize=8, color=INK, va="center")
            for row, picture in enumerate(pictures):
                begin = top + _TITLE + row * (tall + _GAP)
                axes.imshow(
                    np.asarray(picture.convert("RGB")),
                    extent=(left, left + _COLUMN, begin + tall, begin),
                    interpolation="none",  # the SVG holds the pixels themselves
                )
        top += 2 * tall + _GAP + _TITLE
    # after the pictures, each of which sets the limits anew
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    return figure
