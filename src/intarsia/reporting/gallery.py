"""The gallery: predicts chosen images of an evaluation again and paints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intarsia.draw import displayable
from intarsia.errors import DataError, IntarsiaError
from intarsia.evaluation import Evaluation
from intarsia.reporting.panels import Pick, Pictures, choose, paint

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
        predictor = _predictor(run)
    except (IntarsiaError, OSError) as error:
        return {name: Gallery((), _reason(error)) for name in sheets}
    found: dict[str, Gallery] = {}
    done = 0
    for name, picks in chosen.items():
        pictures: list[Pictures] = []
        missing: str | None = None
        if sheets[name].data != data.name:
            missing = f"The images are those of another data set than {data.name}."
            picks = []
        for pick in picks:
            try:
                pictures.append(_painted(pick, data, predictor))
            except (IntarsiaError, OSError) as error:
                missing = missing or _reason(error)
            done += 1
            if progress is not None:
                progress(done, total)
        found[name] = Gallery(tuple(pictures), missing)
    return found


def _predictor(run: Run) -> Predictor:
    from intarsia.prediction import Predictor

    return Predictor(run.path)


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


def _reason(error: Exception) -> str:
    what = error.what if isinstance(error, IntarsiaError) else str(error)
    where = f" ({error.where})" if isinstance(error, IntarsiaError) and error.where else ""
    return f"{what}{where}"
