"""A training in TensorBoard: event files in `RUN/tensorboard`."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from intarsia.runs import Run
from intarsia.tracking.figures import Point, epoch_points, parameters, sheet_points
from intarsia.tracking.tracker import Row

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"

_log = logging.getLogger("intarsia")


class TensorboardTracker:
    """Writes the figures after each epoch, the metric sheets and the curves at the end."""

    def __init__(self, path: Path) -> None:
        import torch.utils.tensorboard  # noqa: F401 - fails here where it is missing

        self._path = path
        self._writer: SummaryWriter | None = None
        self._failed = False

    def epoch(self, row: Row) -> None:
        try:
            writer = self._open(Run.open(self._path), before=int(row["epoch"]))
            _write(writer, epoch_points([row], time.time() - row["seconds"]))
            writer.flush()
        except Exception as error:  # a full disk, for one
            self._drop()
            self._say(error)
            return
        if self._failed:
            self._failed = False
            _log.info("%s is written again: no epoch is missing", self._path / FOLDER)

    def finish(self, run: Run) -> None:
        try:
            writer = self._open(run, before=len(run.log) + 1)
            best = int(run.summary["best_epoch"])
            _write(writer, sheet_points(run))
            for file in sorted((run.path / "figures").glob("*.png")):
                with Image.open(file) as picture:
                    pixels = np.asarray(picture.convert("RGB"))
                writer.add_image(f"figures/{file.stem}", pixels, best, dataformats="HWC")
            if (run.path / "report.html").is_file():
                writer.add_text("report", f"`{run.path / 'report.html'}`", best)
            writer.close()
        except Exception as error:  # as above
            self._drop()
            self._say(error)
            return
        _log.info("TensorBoard: tensorboard --logdir %s", self._path / FOLDER)

    def abort(self, error: BaseException) -> None:
        self._drop()

    def _drop(self) -> None:
        """No writer any more: the next one tells again what this one may have lost."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(Exception):  # it cannot write what it still holds
                writer.close()

    def _open(self, run: Run, before: int) -> SummaryWriter:
        """The writer; a new one tells the log up to epoch `before` again.

        What an earlier one wrote counts no more (`purge_step`): it may lack its last epoch.
        """
        if self._writer is not None:
            return self._writer
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        folder = self._path / FOLDER
        again = folder.is_dir()
        writer = self._writer = SummaryWriter(str(folder), purge_step=0 if again else None)
        given = parameters(run)
        for summary in hparams(given, {"val_loss": 0.0, "val_miou": 0.0}):
            writer.file_writer.add_summary(summary)
        table = "\n".join(f"| {key} | {value} |" for key, value in given.items())
        writer.add_text("recipe", f"| key | value |\n|---|---|\n{table}", 0)
        rows = [row for row in run.log if row["epoch"] < before]
        _write(writer, epoch_points(rows, time.time() - sum(row["seconds"] for row in rows)))
        return writer

    def _say(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            _log.warning(
                "%s is not written (%s: %s): the training goes on",
                self._path / FOLDER,
                type(error).__name__,
                error,
            )


def _write(writer: SummaryWriter, points: list[Point]) -> None:
    for point in points:
        writer.add_scalar(point.name, point.value, point.epoch, walltime=point.moment)
