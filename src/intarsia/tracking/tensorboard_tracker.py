"""A training in TensorBoard: event files in `RUN/tensorboard`."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from intarsia.runs import Run
from intarsia.tracking.figures import epoch_figures, parameters, sheet_figures
from intarsia.tracking.tracker import Row

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"

_log = logging.getLogger("intarsia")


class TensorboardTracker:
    """Writes the figures after each epoch, the metric sheets and the curves at the end."""

    def __init__(self, path: Path) -> None:
        # fails here where it is missing; torch alone does not bring it
        import torch.utils.tensorboard  # noqa: F401

        self._path = path
        self._writer: SummaryWriter | None = None
        self._failed = False

    def epoch(self, row: Row) -> None:
        try:
            writer = self._open(Run.open(self._path), before=int(row["epoch"]))
            _write_row(writer, row, time.time())
            writer.flush()
        except Exception as error:  # a full disk, for one
            self._say(error)

    def finish(self, run: Run) -> None:
        try:
            writer = self._open(run, before=len(run.log) + 1)
            best = int(run.summary["best_epoch"])
            for name, value in sheet_figures(run).items():
                writer.add_scalar(name, value, best)
            for file in sorted((run.path / "figures").glob("*.png")):
                with Image.open(file) as picture:
                    pixels = np.asarray(picture.convert("RGB"))
                writer.add_image(f"figures/{file.stem}", pixels, best, dataformats="HWC")
            if (run.path / "report.html").is_file():
                writer.add_text("report", f"`{run.path / 'report.html'}`", best)
            writer.close()
        except Exception as error:  # as above
            self._say(error)
            return
        _log.info("TensorBoard: tensorboard --logdir %s", self._path / FOLDER)

    def abort(self, error: BaseException) -> None:
        if self._writer is not None:
            self._writer.close()

    def _open(self, run: Run, before: int) -> SummaryWriter:
        """The writer; a new one tells the log up to epoch `before` again.

        What an earlier process wrote counts no more (`purge_step`): it may lack its last epoch.
        """
        if self._writer is not None:
            return self._writer
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        folder = self._path / FOLDER
        again = folder.is_dir()
        writer = SummaryWriter(str(folder), purge_step=0 if again else None)
        given = parameters(run)
        for summary in hparams(given, {"val_loss": 0.0, "val_miou": 0.0}):
            writer.file_writer.add_summary(summary)
        table = "\n".join(f"| {key} | {value} |" for key, value in given.items())
        writer.add_text("recipe", f"| key | value |\n|---|---|\n{table}", 0)
        rows = [row for row in run.log if row["epoch"] < before]
        moment = time.time() - sum(row["seconds"] for row in rows)
        for row in rows:
            moment += row["seconds"]
            _write_row(writer, row, moment)
        self._writer = writer
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


def _write_row(writer: SummaryWriter, row: Row, moment: float) -> None:
    for name, value in epoch_figures(row).items():
        writer.add_scalar(name, value, row["epoch"], walltime=moment)
