"""The images on which the runs differ most: each run's mask and its errors, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from intarsia.comparison import Comparison, Contender, Entry
from intarsia.comparison.annotator import annotator_mask
from intarsia.draw import displayable
from intarsia.errors import IntarsiaError
from intarsia.evaluation import OUT_OF_FOLD
from intarsia.reporting.gallery import find_sample, reason
from intarsia.reporting.painting import SMALL, Ids, Scene, flat_uri, photo_uri
from intarsia.runs import CrossValidation
from intarsia.statistics import count_groups
from intarsia.statistics.ratios import mean_of_ratios

if TYPE_CHECKING:
    from intarsia.datasets import Dataset, Sample
    from intarsia.prediction import Predictor
    from intarsia.runs import Run

IMAGES = 6


@dataclass(frozen=True)
class Answer:
    """What one run made of an image: its mask over it and its errors, as addresses.

    `value` is the figure of this image, mean over the repeats; the pictures are of the first one.
    """

    run: str
    value: float | None
    overlay: str
    error: str


@dataclass(frozen=True)
class Disagreement:
    """One image with the answers of all runs; `group` is None where it is one of its own."""

    file: str
    group: str | None
    size: tuple[int, int]
    image: str
    truth: str
    answers: tuple[Answer, ...]

    @property
    def small(self) -> bool:
        """True where the page shows square pixels."""
        return max(self.size) < SMALL


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
    done, total = 0, len(places) * len(comparison.entries)
    for place in places:
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
                        overlay=photo_uri(scene.over(mask)),
                        error=flat_uri(scene.error(truth, mask)),
                    )
                )
                done += 1
                if progress is not None:
                    progress(done, total)
        except (IntarsiaError, OSError) as error:
            missing = missing or reason(error)
            continue
        group = comparison.groups[place]
        ranked = {entry.name: number for number, entry in enumerate(comparison.ranking)}
        shown.append(
            Disagreement(
                file=sample.name,
                group=None if group == sample.name else group,
                size=scene.size,
                image=photo_uri(scene.photo),
                truth=flat_uri(scene.flat(truth)),
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
    if run.path not in predictors:
        predictors[run.path] = _predictor(run)
    return predictors[run.path](pixels)


def _judge(contender: Contender, split: str, sample: Sample) -> Run:
    """The run whose network the image was measured with: of folds the one that had not seen it."""
    run = contender.runs[0]
    if isinstance(run, CrossValidation) and split == OUT_OF_FOLD:
        return run.judge(sample.name)
    return run


def _predictor(run: Run) -> Predictor:
    from intarsia.prediction import Predictor

    return Predictor(run)
