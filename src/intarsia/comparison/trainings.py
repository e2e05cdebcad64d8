"""The trainings of a comparison: each a process of its own, in turn, under one budget."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from intarsia.comparison.comparison import Comparison
from intarsia.comparison.contender import Contender
from intarsia.comparison.experiment import Experiment, recipe_names
from intarsia.comparison.measurement import MARGIN, compare
from intarsia.datasets import Dataset
from intarsia.errors import Interrupted, RecipeError
from intarsia.file_cache import FileCache
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.runs.lock import RunLock
from intarsia.training.interruption import Interruption
from intarsia.training.setup import checked

_POLL_SECONDS = 0.2

_log = logging.getLogger("intarsia")


def compare_recipes(
    data: Dataset,
    recipes: Mapping[str, Recipe] | list[str],
    out: str | Path,
    *,
    repeats: int = 3,
    time_budget: float | None = None,
    epochs: int | None = None,
    split: str = "val",
    group_by: str | None = None,
    margin: float = MARGIN,
    resume: bool = False,
    device: str = "auto",
    cache: FileCache | None = None,
    on_run: Callable[[Run], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Trains each recipe `repeats` times on the same data under one budget, then compares.

    The budget of a training is `time_budget` seconds or `epochs` for all, by default the epochs of
    the first recipe. Repeats differ in their seed only; those of a recipe train the number
    of epochs that the first one's calibration fitted to the time. Every training is a process of
    its own (its memory is its own, and if it is killed the others go on), and an ordinary run in
    `out/runs/NAME/repeat-N`. A training that fails is noted and the rest goes on; with `resume` it
    is tried again, what is finished stays, and what was stopped goes on. `on_run` is called with
    each run that this call has finished.

    Raises:
        DataError: the check found errors, or fewer than two recipes could be trained.
        RecipeError: fewer than two recipes, or a budget that is none.
        RunError: the folder is taken, or belongs to another comparison.
        Interrupted: Ctrl-C or SIGTERM; the training under way has saved its state.
    """
    if repeats < 1:
        raise RecipeError(f"{repeats} repeats", expected="1 or more")
    if time_budget is not None and epochs is not None:
        raise RecipeError(
            "a time fits the number of epochs, which --epochs fixes", hint="give one of the two"
        )
    chosen = recipe_names(recipes)
    budgeted = _under_one_budget(chosen, time_budget, epochs)
    first = next(iter(budgeted.values()))
    checked(data, first, cache)  # says all faults of the data before the first training
    folder = Path(out)
    experiment = Experiment.begin(folder, data, budgeted, resume=resume)
    with RunLock(folder):
        trained = _train_all(experiment, list(budgeted), repeats, device, on_run)
    return compare(
        trained,
        experiment.dataset(),
        split,
        group_by=group_by,
        margin=margin,
        device=device,
        cache=cache,
        progress=progress,
    )


def _under_one_budget(
    recipes: Mapping[str, Recipe], seconds: float | None, epochs: int | None
) -> dict[str, Recipe]:
    if seconds is not None:
        return {name: recipe.replace(**{"train.time": seconds}) for name, recipe in recipes.items()}
    count = epochs or next(iter(recipes.values())).train.epochs
    found = {}
    for name, recipe in recipes.items():
        every = min(recipe.train.validate_every, count)
        changes = {"train.epochs": count, "train.validate_every": every, "train.time": None}
        found[name] = recipe.replace(**changes)
    return found


def _train_all(
    experiment: Experiment,
    names: list[str],
    repeats: int,
    device: str,
    on_run: Callable[[Run], None] | None,
) -> list[Contender]:
    """All trainings, a repeat of every recipe after the other: stopped early, all have as many."""
    failures: dict[str, list[str]] = {name: [] for name in names}
    total = repeats * len(names)
    with Interruption() as interruption:
        for repeat in range(repeats):
            for place, name in enumerate(names):
                number = repeat * len(names) + place + 1
                if experiment.finished(name, repeat) is not None:
                    continue
                _log.info("training %d of %d: %s, repeat %d", number, total, name, repeat)
                failure = _train(experiment, name, repeat, device, interruption)
                if failure is not None:
                    _log.warning(
                        "%s, repeat %d has failed; the others go on\n%s", name, repeat, failure
                    )
                    failures[name].append(f"repeat {repeat} failed: {failure.splitlines()[0]}")
                    continue
                run = experiment.finished(name, repeat)
                if run is not None and on_run is not None:
                    on_run(run)
    return [
        Contender(
            name,
            tuple(run for n in range(repeats) if (run := experiment.finished(name, n))),
            failures=tuple(failures[name]),
        )
        for name in names
    ]


def _train(
    experiment: Experiment, name: str, repeat: int, device: str, interruption: Interruption
) -> str | None:
    """One training in a process of its own; why it failed, None where it did not.

    Raises:
        Interrupted: asked to stop; the training has saved its state.
    """
    told = experiment.failure_path(name, repeat)
    told.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "intarsia.comparison.training_process"),
        *(str(experiment.folder), name, str(repeat), device),
    ]
    # a session of its own: Ctrl-C reaches this process only, which hands it on once
    with subprocess.Popen(command, start_new_session=True) as process:
        passed_on = False
        while process.poll() is None:
            if interruption.signal is not None and not passed_on:
                process.send_signal(signal.SIGTERM)
                passed_on = True
            time.sleep(_POLL_SECONDS)
    if interruption.signal is not None:
        stopped = Interrupted(
            f"stopped by {interruption.signal.name}; everything so far is saved",
            where=experiment.run_path(name, repeat),
            hint="give the same command with --resume to go on",
        )
        stopped.signal_name = interruption.signal.name
        raise stopped
    if process.returncode == 0:
        return None
    if told.is_file():
        return told.read_text(encoding="utf-8")
    if process.returncode < 0:
        number = signal.Signals(-process.returncode)
        memory = ", perhaps for want of memory" if number is signal.SIGKILL else ""
        return f"ended by {number.name}{memory}"
    return f"ended with status {process.returncode}"
