"""One training in a process of its own: begun, stopped when we are, and outlived when it fails."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress

from intarsia.comparison.experiment import Experiment
from intarsia.training.interruption import Interruption

_POLL_SECONDS = 0.2
_STOPPED = 130  # what a training answers that was asked to stop


def train_in_process(
    experiment: Experiment, name: str, repeat: int, device: str, interruption: Interruption
) -> str | None:
    """Trains one repeat of a recipe; why it failed, None where it did not.

    The process trains as long as its standard input is open. We close it to stop the training,
    which then saves its state, and the system does if we are killed.

    Raises:
        Interrupted: asked to stop; the training has saved its state.
    """
    told = experiment.failure_path(name, repeat)
    told.unlink(missing_ok=True)
    # a session of its own: Ctrl-C reaches us only, who hand it on
    with subprocess.Popen(
        _command(experiment, name, repeat, device), stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        while process.poll() is None:
            if interruption.signal is not None and process.stdin is not None:
                process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
    interruption.check(experiment.run_path(name, repeat))
    if process.returncode == 0:
        return None
    if told.is_file():
        return told.read_text(encoding="utf-8")
    if process.returncode < 0:
        number = signal.Signals(-process.returncode)
        memory = ", perhaps for want of memory" if number is signal.SIGKILL else ""
        return f"ended by {number.name}{memory}"
    if process.returncode == _STOPPED:
        return "stopped by someone else; its state is saved"
    return f"ended with status {process.returncode}"


def _command(experiment: Experiment, name: str, repeat: int, device: str) -> list[str]:
    return [
        *(sys.executable, "-m", "intarsia.comparison.training_process"),
        *(str(experiment.folder), name, str(repeat), device),
    ]
