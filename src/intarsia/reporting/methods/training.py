"""How the networks were trained, in sentences, from what their runs keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from intarsia.comparison import Comparison, Entry
from intarsia.comparison.experiment import Experiment
from intarsia.errors import RecipeError
from intarsia.recipe import Recipe
from intarsia.reporting.methods.networks import network
from intarsia.reporting.methods.optimisation import (
    class_weights,
    first_weights,
    loss,
    optimizer,
    rate,
    restraints,
    schedule,
)
from intarsia.reporting.methods.samples import augmentation, sampling, scaling
from intarsia.reporting.methods.wording import code, counted, each, listing, plain
from intarsia.reporting.quantities import duration
from intarsia.runs import CrossValidation, Run

_FIGURES = {
    "miou": "highest macro mIoU",
    "pixel_accuracy": "highest pixel accuracy",
    "mean_dice": "highest macro mean Dice",
    "loss": "lowest loss",
}
_ALL_DONE = "all epochs done"
_NETWORKS = ("The network", "All networks")
_SAMPLES = ("Its samples", "All samples")
_WERE = ("were", "were")


def training_sentences(comparison: Comparison, trained: tuple[Entry, ...]) -> list[str]:
    """Networks, samples, loss, optimiser, budget, choice of the checkpoint, repeats."""
    runs = {entry.name: entry.contender.runs[0] for entry in trained}

    def said(clause: Callable[[Recipe], str]) -> dict[str, str]:
        return {name: clause(run.recipe) for name, run in runs.items()}

    scaled = {name: scaling(run) for name, run in runs.items()}
    return [
        *(_network(entry) for entry in trained),
        each(said(first_weights), _NETWORKS, ("started", "started")),
        each(said(sampling), _SAMPLES, _WERE, "the samples of {}"),
        each(scaled, _SAMPLES, _WERE, "the samples of {}"),
        each(said(augmentation), _SAMPLES, _WERE, "the samples of {}"),
        each(said(loss), ("Training", "All trainings"), ("minimised", "minimised")),
        each(said(class_weights), ("Classes",) * 2, _WERE, "the classes of {}"),
        each(said(optimizer), _NETWORKS, ("was", "were")),
        each(said(rate), ("The learning rate",) * 2, ("was", "was"), "the learning rate of {}"),
        each(said(restraints), _NETWORKS, ("was", "were")),
        each(said(schedule), ("The learning rate",) * 2, ("", ""), "the learning rate of {}"),
        *_budget(trained),
        each(said(_choice), ("The weights kept",) * 2, _WERE, "the weights kept of {}"),
        *_plainly_validated(trained),
        *_folds(trained),
        *_repeats(trained),
        *_failures(comparison),
    ]


def _network(entry: Entry) -> str:
    parameters = entry.cost.parameters
    size = "" if parameters is None else f", {parameters / 1e6:.2f} million parameters in all"
    return f"{code(entry.name)} is {network(entry.contender.runs[0].recipe)}{size}."


def _budget(trained: tuple[Entry, ...]) -> list[str]:
    sentences = []
    seconds = {entry.name: _allotted(entry.contender.runs[0]) for entry in trained}
    epochs = {entry.name: _epochs(entry) for entry in trained}
    if all(value is not None for value in seconds.values()):
        given = {name: f"given {_span(value or 0)}" for name, value in seconds.items()}
        sentences.append(
            each(given, ("The training", "Each training"), ("was", "was"), "each of {}")
        )
        sentences.append(
            "A short calibration before the first training of a recipe turned that into a fixed "
            "number of epochs."
        )
    sentences.append(each(epochs, _NETWORKS, ("was", "were")))
    for entry in trained:
        stopped = Counter(
            str(run.summary.get("stopped_because"))
            for run in entry.contender.runs
            if run.summary.get("stopped_because") not in (None, _ALL_DONE)
        )
        for reason, count in stopped.items():
            sentences.append(
                f"{counted(count, 'training')} of {code(entry.name)} stopped early: "
                f"{plain(reason)}."
            )
    return sentences


def _allotted(run: Run) -> float | None:
    """The seconds that `compare --time` gave to each training; None where it did not."""
    above = run.path.resolve().parents
    if len(above) < 3 or above[1].name != "runs":
        return None
    try:
        return Experiment(above[2]).recipe(above[0].name).train.time
    except RecipeError:
        return None


def _span(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _epochs(entry: Entry) -> str:
    counts = [run.summary.get("epochs") for run in entry.contender.runs]
    known = [f"{count:g}" for count in dict.fromkeys(counts) if count is not None]
    if not known:
        return "trained for a number of epochs that is not recorded"
    text = f"trained for {listing(known)} epoch{'s' * (known != ['1'])}"
    seconds = entry.cost.training_seconds
    mean = "on average " if len(counts) > 1 else ""
    took = "" if seconds is None else f" ({mean}{duration(seconds)}, validation included)"
    return f"{text}{took}"


def _choice(recipe: Recipe) -> str:
    train = recipe.train
    often = (
        "each epoch"
        if train.validate_every == 1
        else (f"every {train.validate_every} epochs and after the last one")
    )
    if recipe.predict.ensemble:
        return "those at the end of each cycle, whose probabilities were averaged"
    of = "those of"
    if train.ema:
        of = "the averages at" if recipe.predict.ema else "those, as they were before averaging, of"
    return (
        f"{of} the epoch with the {_FIGURES[train.metric]} on the validation images, measured "
        f"after {often}"
    )


def _plainly_validated(trained: tuple[Entry, ...]) -> list[str]:
    """What prediction adds and the choice of the epoch did without."""
    uses = [run.recipe.predict for entry in trained for run in entry.contender.runs]
    added = [
        words
        for words, used in (
            ("mirrored copies", any(predict.flip for predict in uses)),
            ("the CRF", any(predict.crf for predict in uses)),
        )
        if used
    ]
    return [f"That choice was made without {listing(added)}."] if added else []


def _folds(trained: tuple[Entry, ...]) -> list[str]:
    return [
        f"{code(entry.name)} is a cross-validation: a training for each of {run.count} folds."
        for entry in trained
        for run in entry.contender.runs
        if isinstance(run, CrossValidation)
    ]


def _repeats(trained: tuple[Entry, ...]) -> list[str]:
    seeds = {
        entry.name: [str(run.recipe.train.seed) for run in entry.contender.runs]
        for entry in trained
    }
    clauses = {
        name: f"trained {_times(len(own))} (seed{'s' * (len(own) > 1)} {listing(own)})"
        for name, own in seeds.items()
    }
    text = each(clauses, _NETWORKS, ("was", "were"))
    if any(len(own) > 1 for own in seeds.values()):
        text = (
            f"{text[:-1]}; the seed decides random weights, the order of the samples and their "
            "augmentation."
        )
    return [text]


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _failures(comparison: Comparison) -> list[str]:
    sentences = [
        f"Of {code(entry.name)}, {plain(failure)}."
        for entry in comparison.entries
        for failure in entry.contender.failures
    ]
    return sentences + [
        f"No training of {code(each.name)} succeeded; it is left out." for each in comparison.failed
    ]
