"""Metric sheets in the folder of their run: the figures as JSON, the matrices of each image."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import RunError
from intarsia.evaluation.details import DetailRecords
from intarsia.evaluation.sheet import Evaluation

if TYPE_CHECKING:
    from intarsia.runs import Run


def keep_sheet(run: Run, sheet: Evaluation, records: DetailRecords | None = None) -> None:
    """Writes the sheet, and beside it the matrices, groups and details of its images."""
    from intarsia.images import write_atomic

    path = run.write_evaluation(sheet.name, sheet.to_json())
    buffer = io.BytesIO()
    arrays = {
        "files": np.array([row.file for row in sheet.per_image]),
        "groups": np.array([group or "" for group in sheet.groups]),
        "matrices": np.asarray(sheet.matrices, np.int32),
        **({} if records is None else records.arrays()),
    }
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomic(path.with_suffix(".npz"), buffer.getvalue())


def load_sheet(run: Run, name: str) -> Evaluation:
    """A sheet of the run with its matrices, by its name, `DATA-SPLIT`.

    Raises:
        RunError: it is not there, or damaged.
    """
    content = run.evaluations.get(name)
    if content is None:
        raise RunError("no such metric sheet", where=run.path / f"evaluations/{name}.json")
    sheet = Evaluation.from_json(content)
    arrays = load_arrays(run, sheet, "matrices")
    groups = tuple(str(group) or None for group in arrays["groups"])
    return Evaluation.from_json(content, arrays["matrices"], groups)


def load_arrays(run: Run, sheet: Evaluation, *names: str) -> dict[str, NDArray[Any]]:
    """The named arrays that lie beside a sheet, and `groups`, in the order of its images.

    Raises:
        RunError: a file or an array is missing or damaged, or of other images.
    """
    path = run.path / "evaluations" / f"{sheet.name}.npz"
    try:
        # opened here: numpy leaves a damaged file open
        with path.open("rb") as file, np.load(file) as arrays:
            files = arrays["files"].tolist()
            stored = {name: arrays[name] for name in names}
            # sheets of earlier versions hold no groups
            none = np.full(len(files), "")
            stored["groups"] = arrays.get("groups", none)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RunError(
            f"cannot read the matrices of a metric sheet: {error}",
            where=path,
            hint="measure again: intarsia evaluate RUN",
        ) from error
    if files != [row.file for row in sheet.per_image]:
        raise RunError("the matrices are not those of the sheet beside them", where=path)
    return stored
