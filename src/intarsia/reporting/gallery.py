"""The gallery: predicts chosen images of an evaluation again and paints them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from intarsia.draw import displayable
from intarsia.errors import DataError, IntarsiaError
from intarsia.evaluation import OUT_OF_FOLD, Evaluation
from intarsia.reporting.panels import Pick, Pictures, choose, paint
from intarsia.runs import CrossValidation

if TYPE_CHECKING:
    from intarsia.datasets import Dataset, Sample
    from intarsia.prediction import Predictor
    from intarsia.runs import Run

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Gallery:
    """The pictures of one evaluation; `missing` says why some or all are not there."""

    pictures: tuple[Pictures, ...]
    missing: str | None = None

    @property
    def first(self) -> list[Pictures]:
        """One of each group, of the worst the very worst: what the page shows at once."""
        chosen: dict[str, Pictures] = {}
        for picture in self.pictures:
            if picture.pick.group not in chosen or picture.pick.group == "worst":
                chosen[picture.pick.group] = picture
        return list(chosen.values())

    @property
    def further(self) -> list[Pictures]:
        """The rest, which the page unfolds."""
        shown = {picture.pick.file for picture in self.first}
        return [picture for picture in self.pictures if picture.pick.file not in shown]


def galleries(
    run: Run, sheets: Mapping[str, Evaluation], *, progress: Progress | None = None
) -> dict[str, Gallery]:
    """A gallery for each evaluation of the run.

    The data set may have moved and the weights may be gone since: that is said in the gallery,
    and the rest of the report is written.
    """
    chosen = {name: choose(sheet.per_image) for name, sheet in sheets.items()}
    total = sum(len(picks) for picks in chosen.values())
    if not total:
        return {name: Gallery((), "The evaluation lists no images.") for name in sheets}
    try:
        data = run.dataset()
    except (IntarsiaError, OSError) as error:
        return {name: Gallery((), reason(error)) for name in sheets}
    found: dict[str, Gallery] = {}
    done = 0
    predictors: dict[str, Predictor] = {}
    for name, picks in chosen.items():
        pictures: list[Pictures] = []
        missing: str | None = None
        changed = sheets[name].settings
        if sheets[name].data != data.name:
            missing = f"The images are those of another data set than {data.name}."
            picks = []
        for pick in picks:
            try:
                judge = _judge(run, sheets[name], pick.file)
                key = f"{judge.path} {changed}"
                predictor = predictors.get(key) or _predictor(judge, changed)
                predictors[key] = predictor
                pictures.append(_painted(pick, data, predictor))
            except (IntarsiaError, OSError) as error:
                missing = missing or reason(error)
            done += 1
            if progress is not None:
                progress(done, total)
        found[name] = Gallery(tuple(pictures), missing)
    return found


def _judge(run: Run, sheet: Evaluation, file: str) -> Run:
    """The run whose network an image of the sheet was measured with."""
    if isinstance(run, CrossValidation) and sheet.split == OUT_OF_FOLD:
        return run.judge(file)
    return run


def _predictor(run: Run, changed: Mapping[str, Any]) -> Predictor:
    """The run as an evaluation used it: `changed` are `predict.*` keys without their prefix."""
    from intarsia.prediction import Predictor

    settings = [f"predict.{key}={json.dumps(value)}" for key, value in changed.items()]
    return Predictor(run.path, settings=settings)


def _painted(pick: Pick, data: Dataset, predictor: Predictor) -> Pictures:
    sample = find_sample(data, pick.file)
    image = data.read_image(sample)
    return paint(
        pick,
        displayable(image, data.scaling),
        data.read_mask(sample),
        predictor(image),
        data.labels,
    )


def find_sample(data: Dataset, file: str) -> Sample:
    """The sample that an evaluation wrote down as `file`.

    Raises:
        DataError: the data set has no such image.
    """
    for sample in data.samples:
        if sample.name == file:
            return sample
    raise DataError(f"the image {file} is no longer in the data set", where=data.root)


def reason(error: Exception) -> str:
    """Why pictures are not there, in a line."""
    what = error.what if isinstance(error, IntarsiaError) else str(error)
    where = f" ({error.where})" if isinstance(error, IntarsiaError) and error.where else ""
    return f"{what}{where}"
