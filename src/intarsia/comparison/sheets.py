"""The metric sheet of a run on the images of a comparison: the one it has, or a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from intarsia.comparison.judged_images import JudgedImages
from intarsia.errors import ModelError, RunError
from intarsia.evaluation import Evaluation, evaluate, load_sheet
from intarsia.evaluation.kept import keep_sheet
from intarsia.evaluation.names import sheet_name
from intarsia.runs import Run


def judged_sheet(
    run: Run,
    judged: JudgedImages,
    device: str,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """The run's sheet of these very images and masks, whoever made it; else it is measured now.

    So a test split is looked at once, however often it is compared on: what is measured here is
    kept in the run, under a name of its own where it is not the sheet of the run's own split.

    Raises:
        DataError: the run cannot be measured on these images.
        RunError: a sheet is damaged.
        ModelError: the network gives no numbers; the run is named.
    """
    own = judged.are_split_of(run.manifest)
    # neither name nor files tell which images a sheet was made of, unless they are the run's own
    marked = f"{judged.data.name}@{judged.digest}"
    possible = [str(run.manifest["name"]), judged.data.name] if own else [marked]
    for data in possible:
        name = sheet_name(data, judged.split, run.settings)
        if (run.path / "evaluations" / f"{name}.npz").is_file():
            sheet = load_sheet(run, name)
            if sorted(row.file for row in sheet.per_image) == sorted(judged.images):
                return sheet
    try:
        sheet = evaluate(
            run, judged.data, judged.split, splits="data", device=device, progress=progress
        )
    except ModelError as error:
        error.where = str(run.path)
        raise
    if not own:
        sheet = replace(sheet, data=marked)
        keep_sheet(run, sheet)
    return sheet


def matrices_of(sheet: Evaluation, judged: JudgedImages, run: Run) -> NDArray[np.integer]:
    """(N, K, K), one confusion matrix an image, in the order of the images.

    Raises:
        RunError: the sheet lacks some of them.
    """
    places = {row.file: place for place, row in enumerate(sheet.per_image)}
    missing = [name for name in judged.names if name not in places]
    if missing or sheet.matrices is None:
        raise RunError(
            f"{run.name} has no figures on {len(missing)} of {len(judged.names)} images: "
            f"{', '.join(missing[:3])}",
            where=run.path,
            expected="runs that are measured on the same images",
        )
    return np.asarray(sheet.matrices[[places[name] for name in judged.names]])
