"""One training of a comparison, which `supervision` runs as `python -m` in a process of its own."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from intarsia.comparison.experiment import Experiment
from intarsia.errors import IntarsiaError, Interrupted
from intarsia.images import write_atomic
from intarsia.recipe import Recipe
from intarsia.training import train

_STOPPED, _FAILED = 130, 1


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
        )
    except Interrupted:
        return _STOPPED
    except Exception as error:
        known = isinstance(error, IntarsiaError)
        text = str(error) if known else f"{error!r}\n{traceback.format_exc()}"
        told = experiment.failure_path(name, repeat)
        told.parent.mkdir(exist_ok=True)
        write_atomic(told, text.encode())
        return _FAILED
    return 0


def repeat_recipe(experiment: Experiment, name: str, repeat: int) -> Recipe:
    """The recipe of one repeat, which differs from the others in its seed.

    Under a budget of time it trains as many epochs as the first repeat to begin has fitted to it.
    """
    recipe = experiment.recipe(name)
    seed = recipe.train.seed + repeat
    begun = experiment.begun(name)
    if recipe.train.time is not None and begun:
        recipe = begun[0].recipe
    return recipe.replace(**{"train.seed": seed})


def stop_with(parent: int) -> None:
    """Asks this training to stop when the descriptor is at its end: closed, or its process gone."""

    def wait() -> None:
        # not through sys.stdin: its lock, held by a thread, would break the interpreter's end
        os.read(parent, 1)
        if sys.platform == "win32":
            signal.raise_signal(signal.SIGTERM)  # os.kill would not let it save
        else:
            os.kill(os.getpid(), signal.SIGTERM)  # wakes the main thread, wherever it waits

    threading.Thread(target=wait, daemon=True).start()


class _Printer(logging.Handler):
    """What the training says, under its name."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def emit(self, record: logging.LogRecord) -> None:
        print(f"[{self.title}] {record.getMessage()}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    stop_with(sys.stdin.fileno())
    _folder, _name, _repeat, _device = sys.argv[1:]
    _logger = logging.getLogger("intarsia")
    _logger.setLevel(logging.INFO)
    _logger.handlers = [_Printer(f"{_name}, repeat {_repeat}")]
    sys.exit(main(Path(_folder), _name, int(_repeat), _device))
