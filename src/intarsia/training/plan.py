"""What a training is about to do: steps, memory and time, measured in a short calibration."""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass

from intarsia.backends.device import peak_memory
from intarsia.datasets import Dataset
from intarsia.errors import RecipeError
from intarsia.recipe import Recipe
from intarsia.training.setup import Setup, checked, prepare
from intarsia.training.step import Stepper
from intarsia.training.validation import validate

_WARM_UP, _MEASURED, _VALIDATED = 2, 6, 3
# of a time budget: six steps alone say little about the twenty minutes that follow
_SHARE_MEASURED = 0.02
# a schedule is fixed before it begins, and machines have bad minutes: aim below the budget
_MARGIN = 0.94
_KEPT = {
    "memory": "kept in memory",
    "disk": "kept on disk",
    "files": "read again each epoch: too large to keep",
}

_log = logging.getLogger("intarsia")


@dataclass(frozen=True)
class Speed:
    """Seconds of a step and of a validation image, and the parameters a step changes."""

    step: float
    validation_image: float
    trainable: int

    def epoch(self, setup: Setup) -> float:
        """Seconds of a mean epoch, its share of the validations included."""
        validation = self.validation_image * len(setup.validation_samples)
        return self.step * setup.batches.steps + validation / setup.recipe.train.validate_every


@dataclass(frozen=True)
class Plan:
    """What `--dry-run` prints; nothing was trained and nothing written."""

    recipe: Recipe
    splits: dict[str, int]
    classes: list[str]
    parameters: int
    trainable: int
    device: str
    steps: int
    place: str
    cache_bytes: int
    peak_memory_bytes: int
    seconds: float
    notes: tuple[str, ...]
    folds: int = 1

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.splits.items())
        height, width = self.recipe.data.image_size
        kept = _KEPT[self.place]
        lines = [
            f"data        {counts} images; {len(self.classes)} classes: {', '.join(self.classes)}",
            f"model       {self.recipe.model.name}: {self.parameters:,} parameters, "
            f"{self.trainable:,} trained",
            f"samples     {height}x{width} px, {self.recipe.data.fit}; {kept} "
            f"({self.cache_bytes / 2**20:.0f} MiB)",
            f"training    {self.recipe.train.epochs} epochs of {self.steps} steps of "
            f"{self.recipe.train.batch_size} on {self.device}, {self.recipe.train.precision}",
            f"memory      {self.peak_memory_bytes / 2**30:.1f} GiB at the highest so far",
            f"time        about {readable_duration(self.seconds)}",
        ]
        if self.folds > 1:
            lines[-1] += f" for all {self.folds} folds; the rest is about fold 0"
        return "\n".join([*lines, *(f"note        {note}" for note in self.notes)])


def plan(data: Dataset, recipe: Recipe, *, device: str = "auto") -> Plan:
    """Measures a few steps on copies and says what the training would take.

    Raises:
        IntarsiaError: whatever `train` would raise before its first step.
    """
    return measured_plan(prepare(checked(data, recipe), recipe, device))


def measured_plan(setup: Setup) -> Plan:
    """The plan of a training that is ready for its first step."""
    speed = calibrate(setup)
    if setup.recipe.train.time is not None:
        setup = setup.with_epochs(fitting_epochs(setup, speed))
    return Plan(
        recipe=setup.recipe,
        splits={name: len(samples) for name, samples in setup.data.splits.items()},
        classes=setup.data.labels.names,
        parameters=sum(p.numel() for p in setup.model.parameters()),
        trainable=speed.trainable,
        device=setup.device,
        steps=setup.batches.steps,
        place=setup.pairs.place,
        cache_bytes=setup.pairs.bytes,
        peak_memory_bytes=peak_memory(setup.device),
        seconds=speed.epoch(setup) * setup.recipe.train.epochs,
        notes=tuple(setup.said),
    )


def calibrate(setup: Setup) -> Speed:
    """Times a few steps and validation images on a copy of the network."""
    trial = Stepper(setup, copy.deepcopy(setup.model))
    # behind the epochs with a frozen encoder, which are the quicker ones
    first = setup.recipe.train.freeze_epochs * setup.batches.steps
    shortest = _SHARE_MEASURED * (setup.recipe.train.time or 0.0)
    count, seconds = 0, 0.0
    begun = time.perf_counter()
    while count < _WARM_UP + _MEASURED or seconds < shortest:
        # a small split is gone through again: its first batches are made anew each time
        for batch in setup.batches.epoch(0):
            trial.step(batch, first + count, 1.0)
            count += 1
            if count == _WARM_UP:
                begun = time.perf_counter()
            seconds = time.perf_counter() - begun
            if count >= _WARM_UP + _MEASURED and seconds >= shortest:
                break
    per_step = seconds / (count - _WARM_UP)
    few = setup.validation_samples[:_VALIDATED]
    begun = time.perf_counter()
    validate(
        setup.network(trial.model),
        setup.data,
        few,
        setup.preprocessing,
        setup.recipe.predict,
        setup.loss,
    )
    per_image = (time.perf_counter() - begun) / len(few)
    return Speed(per_step, per_image, sum(p.numel() for p in trial.trained))


def fitting_epochs(setup: Setup, speed: Speed) -> int:
    """The number of epochs that fits `train.time`.

    Raises:
        RecipeError: not even one does.
    """
    budget = setup.recipe.train.time or 0.0
    each = speed.epoch(setup)
    epochs = int(_MARGIN * budget / each)
    fewest = setup.recipe.schedule.cycles
    if epochs < fewest:
        needed = "one epoch takes" if fewest == 1 else f"{fewest} cycles of one epoch take"
        raise RecipeError(
            f"{needed} about {readable_duration(fewest * each)}",
            where=f"train.time = {readable_duration(budget)}",
            hint="allow more time, or take a smaller --image-size",
        )
    _log.info(
        "%s fit %d epochs of about %s",
        readable_duration(budget),
        epochs,
        readable_duration(each),
    )
    return epochs


def readable_duration(seconds: float) -> str:
    """Seconds in the words of a clock.

    >>> readable_duration(4000), readable_duration(75), readable_duration(5.25)
    ('1 h 06 min', '1 min 15 s', '5.2 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
