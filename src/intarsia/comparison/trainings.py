"""The trainings of a comparison: each a process of its own, in turn, under one budget."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from intarsia.backends.device import select_device
from intarsia.comparison.comparison import Comparison
from intarsia.comparison.contender import Contender
from intarsia.comparison.experiment import Experiment, load_recipes
from intarsia.comparison.judged_images import JudgedImages
from intarsia.comparison.measurement import MARGIN, check_margin, check_same_classes, compare
from intarsia.comparison.supervision import train_in_process
from intarsia.datasets import Dataset
from intarsia.errors import DataError, ModelError, RecipeError
from intarsia.evaluation import OUT_OF_FOLD
from intarsia.file_cache import FileCache
from intarsia.models import check_names
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.runs.lock import RunLock
from intarsia.runs.network import build_network
from intarsia.training.folder import make_folder
from intarsia.training.interruption import Interruption
from intarsia.training.setup import checked, choose_classes

_log = logging.getLogger("intarsia")


def compare_recipes(
    data: Dataset,
    recipes: Mapping[str, Recipe] | Sequence[str],
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
    is tried again, what is finished stays, and what was stopped goes on; there may be more repeats
    than before. `on_run` is called with each finished run; the other arguments are those of
    `compare`. Whatever can be seen to be wrong beforehand is said before the first training.

    Raises:
        DataError: the check found errors, the recipes differ in their classes, the split or the
            margin is none, or fewer than two recipes could be trained.
        RecipeError: fewer than two recipes, a budget that is none, or a device that is not there.
        ModelError: no such model or encoder.
        RunError: the folder is taken, or belongs to another comparison.
        Interrupted: Ctrl-C or SIGTERM; the training under way has saved its state.
    """
    if repeats < 1:
        raise RecipeError(f"{repeats} repeats", expected="1 or more")
    check_margin(margin)
    select_device(device)
    budgeted = _under_one_budget(load_recipes(recipes), time_budget, epochs)
    folder = Path(out)
    Experiment.check_folder(folder, resume=resume)
    _check_data(data, budgeted, split, group_by, cache)
    make_folder(folder)
    with RunLock(folder):
        experiment = Experiment.begin(folder, data, budgeted, resume=resume)
        trained = _train_all(experiment, list(budgeted), repeats, device, on_run)
        comparison = compare(
            trained,
            data,
            split,
            group_by=group_by,
            margin=margin,
            device=device,
            cache=cache,
            progress=progress,
        )
    fixed = None if time_budget is not None else next(iter(budgeted.values())).train.epochs
    settings = {"repeats": repeats, "time_budget_seconds": time_budget, "epochs": fixed}
    return replace(comparison, settings=settings)


def _under_one_budget(
    recipes: Mapping[str, Recipe], seconds: float | None, epochs: int | None
) -> dict[str, Recipe]:
    """The recipes with one time or one number of epochs for all.

    Raises:
        RecipeError: both are given, or a recipe cannot be trained so.
    """
    if seconds is not None and epochs is not None:
        raise RecipeError(
            "--time fits the number of epochs, which --epochs fixes", hint="give one of the two"
        )
    if seconds is not None:
        return {name: recipe.replace(**{"train.time": seconds}) for name, recipe in recipes.items()}
    count = next(iter(recipes.values())).train.epochs if epochs is None else epochs
    if count < 1:
        raise RecipeError(f"{count} epochs", expected="1 or more")
    found = {}
    for name, recipe in recipes.items():
        every = min(recipe.train.validate_every, count)
        changes = {"train.epochs": count, "train.validate_every": every, "train.time": None}
        try:
            found[name] = recipe.replace(**changes)
        except RecipeError as error:
            error.where = f"{name}, with {count} epochs for all"
            raise
    return found


def _check_data(
    data: Dataset,
    recipes: Mapping[str, Recipe],
    split: str,
    group_by: str | None,
    cache: FileCache | None,
) -> None:
    """Raises, before the first training, what would be raised after the last one."""
    chosen = {name: choose_classes(data, recipe) for name, recipe in recipes.items()}
    for name, recipe in recipes.items():
        try:
            check_names(recipe.model.name, recipe.model.encoder)
            build_network(recipe.model, classes=len(chosen[name].labels), channels=data.channels)
        except (ModelError, RecipeError) as error:
            error.where = f"recipe {name}, {error.where or 'model'}"
            raise
    check_same_classes([(name, d.labels.names, d.ignored) for name, d in chosen.items()])
    if split == OUT_OF_FOLD:
        raise DataError(
            "--recipes makes single trainings, which have no folds", expected="val or test"
        )
    if split == "train":
        raise DataError("the trainings learn from train", expected="val or test")
    first, recipe = next(iter(recipes.items()))
    JudgedImages.of(chosen[first], split, group_by)
    checked(data, recipe, cache)


def _train_all(
    experiment: Experiment,
    names: Sequence[str],
    repeats: int,
    device: str,
    on_run: Callable[[Run], None] | None,
) -> list[Contender]:
    """All trainings, a repeat of every recipe after the other: stopped early, all have as many.

    Raises:
        Interrupted: asked to stop; everything so far is saved.
    """
    failures: dict[str, list[str]] = {name: [] for name in names}
    finished: dict[str, list[Run]] = {name: [] for name in names}
    turns = [(repeat, name) for repeat in range(repeats) for name in names]
    with Interruption() as interruption:
        for number, (repeat, name) in enumerate(turns, 1):
            run = experiment.finished(name, repeat)
            if run is None:
                interruption.check(experiment.folder)
                _log.info("training %d of %d: %s, repeat %d", number, len(turns), name, repeat)
                failure = train_in_process(experiment, name, repeat, device, interruption)
                run = experiment.finished(name, repeat)
                # one that is finished counts, even where its process broke at its very end
                if run is None:
                    why = failure or "ended before it was finished"
                    _log.warning(
                        "%s, repeat %d has failed; the others go on\n%s", name, repeat, why
                    )
                    failures[name].append(f"repeat {repeat} failed: {why.splitlines()[0]}")
                    continue
            finished[name].append(run)
            if on_run is not None:
                on_run(run)
        interruption.check(experiment.folder)
    return [
        Contender(name, tuple(finished[name]), failures=tuple(failures[name])) for name in names
    ]
