"""One training of a comparison, run by `trainings` as `python -m` in a process of its own."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from intarsia.comparison.experiment import Experiment
from intarsia.errors import IntarsiaError, Interrupted
from intarsia.images import write_atomic
from intarsia.recipe import Recipe
from intarsia.training import train

_INTERRUPTED, _FAILED = 130, 1


def main(folder: Path, name: str, repeat: int, device: str) -> int:
    """Trains one repeat of one recipe, resuming what is there; the status of the process."""
    experiment = Experiment(folder)
    try:
        train(
            experiment.dataset(),
            repeat_recipe(experiment, name, repeat),
            experiment.run_path(name, repeat),
            resume=True,
            device=device,
            check=False,  # the comparison has checked the data
            on_epoch=_stop_when_orphaned(os.getppid()),
        )
    except Interrupted:
        return _INTERRUPTED
    except Exception as error:
        known = isinstance(error, IntarsiaError)
        text = str(error) if known else f"{error!r}\n{traceback.format_exc()}"
        told = experiment.failure_path(name, repeat)
        told.parent.mkdir(exist_ok=True)
        write_atomic(told, text.encode())
        return _FAILED
    return 0


def repeat_recipe(experiment: Experiment, name: str, repeat: int) -> Recipe:
    """The recipe of one repeat.

    Those after the first one train as many epochs as its calibration has fitted to the time.
    """
    recipe = experiment.recipe(name)
    first = experiment.run_path(name, 0) / "recipe.yaml"
    if recipe.train.time is not None and repeat > 0 and first.is_file():
        recipe = Recipe.load(first)
    return recipe.replace(**{"train.seed": recipe.train.seed + repeat})


def _stop_when_orphaned(parent: int) -> Callable[[object], None]:
    """Ends the training, saved, when the comparison that began it is gone."""

    def look(row: object) -> None:
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return look


class _Printer(logging.Handler):
    """What the training says, under its name."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def emit(self, record: logging.LogRecord) -> None:
        print(f"[{self.title}] {record.getMessage()}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    _folder, _name, _repeat, _device = sys.argv[1:]
    _logger = logging.getLogger("intarsia")
    _logger.setLevel(logging.INFO)
    _logger.handlers = [_Printer(f"{_name}, repeat {_repeat}")]
    sys.exit(main(Path(_folder), _name, int(_repeat), _device))
