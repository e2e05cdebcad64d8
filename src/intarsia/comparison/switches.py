"""The free gains of a run: what its use can be given, or spared, without training again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from intarsia.evaluation import OUT_OF_FOLD
from intarsia.runs import CrossValidation, Run
from intarsia.runs.checkpoint import BEST_RAW, SNAPSHOTS

Gain = Literal["flip", "scales", "overlap", "CRF", "EMA", "snapshots", "folds", "temperature"]

SCALES = (0.75, 1.0, 1.25)
OVERLAPS = (0.0, 0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Switch:
    """One free gain: the use of a run `without` it and `with_` it, in words.

    The run as it is has one of the two (`has`: the latter); `settings`, as `KEY=VALUE`, give the
    other. `names` are the two in a sentence, with the gain first. `reason` says why there is
    nothing to measure.
    """

    gain: Gain
    without: str
    with_: str
    has: bool
    settings: tuple[str, ...] = ()
    names: tuple[str, str] = ("", "")
    reason: str | None = None

    def __post_init__(self) -> None:
        if not any(self.names):
            names = f"{self.gain} {self.with_}", f"{self.gain} {self.without}"
            object.__setattr__(self, "names", names)


def find_switches(run: Run, split: str, tiled: int) -> list[Switch]:
    """Every free gain; `tiled` is how many of the images go through overlapping tiles."""
    return [
        _flip(run),
        _scales(run),
        *_overlaps(run, tiled),
        _crf(run),
        _ema(run),
        _snapshots(run),
        _folds(run, split),
        _temperature(run),
    ]


def _flip(run: Run) -> Switch:
    has = run.recipe.predict.flip
    return Switch("flip", "off", "on", has, (f"predict.flip={_yaml(not has)}",))


def _scales(run: Run) -> Switch:
    own = run.recipe.predict.scales
    has = own != (1.0,)
    several = _listed(own if has else SCALES)
    return Switch("scales", "1", several, has, (f"predict.scales={'1' if has else several}",))


def _overlaps(run: Run, tiled: int) -> list[Switch]:
    """One for each other overlap: the larger of the two is the gain."""
    if tiled == 0:
        return [_absent("overlap", "no image is large enough to go through tiles")]
    own = run.recipe.predict.overlap
    found = []
    for other in OVERLAPS:
        if other != own:
            less, more = sorted((own, other))
            setting = (f"predict.overlap={other}",)
            found.append(Switch("overlap", f"{less:g}", f"{more:g}", own == more, setting))
    return found


def _crf(run: Run) -> Switch:
    has = run.recipe.predict.crf
    return Switch("CRF", "off", "on", has, (f"predict.crf={_yaml(not has)}",))


def _ema(run: Run) -> Switch:
    recipe = run.recipe
    if not recipe.train.ema:
        return _absent("EMA", "no weights were averaged (train.ema is 0)")
    if recipe.predict.ensemble:
        return _absent("EMA", "the snapshots, which the recipe uses, are of averaged weights only")
    if not all((part.checkpoints / BEST_RAW).is_file() for part in _trainings(run)):
        return _absent("EMA", "the weights before averaging were not kept by this training")
    has = recipe.predict.ema
    return Switch("EMA", "off", "on", has, (f"predict.ema={_yaml(not has)}",))


def _snapshots(run: Run) -> Switch:
    recipe = run.recipe
    if recipe.schedule.name != "snapshot":
        return _absent("snapshots", f"none are kept (schedule.name is {recipe.schedule.name})")
    if recipe.train.patience or recipe.train.stop_at is not None:
        return _absent("snapshots", "cycles may have been cut short (train.patience, stop_at)")
    if not recipe.predict.ema:
        return _absent("snapshots", "they are of averaged weights (predict.ema is off)")
    counts = [len(list(part.checkpoints.glob(SNAPSHOTS))) for part in _trainings(run)]
    count = min(counts)
    if count < 2:
        return _absent("snapshots", f"an ensemble needs two or more, and {count} is kept")
    has = recipe.predict.ensemble
    return Switch(
        "snapshots",
        "1",
        f"{count}",
        has,
        (f"predict.ensemble={_yaml(not has)}",),
        (f"the ensemble of {count} snapshots", "the best epoch"),
    )


def _folds(run: Run, split: str) -> Switch:
    if not isinstance(run, CrossValidation):
        return _absent("folds", "the run is one training, no cross-validation")
    if split == OUT_OF_FOLD:
        return _absent("folds", "each image has trained all folds but one: --split test")
    names = f"the ensemble of {run.count} folds", "a single fold"
    return Switch("folds", "1", f"{run.count}", True, (), names)


def _temperature(run: Run) -> Switch:
    own = run.recipe.predict.temperature
    if own == 1:
        return Switch("temperature", "1", "fitted", False, ("predict.temperature=fitted",))
    named = own if isinstance(own, str) else f"{own:g}"
    return Switch("temperature", "1", named, True, ("predict.temperature=1",))


def _trainings(run: Run) -> Sequence[Run]:
    return run.folds if isinstance(run, CrossValidation) else [run]


def _absent(gain: Gain, reason: str) -> Switch:
    return Switch(gain, "", "", False, reason=reason)


def _listed(scales: Sequence[float]) -> str:
    return ",".join(f"{scale:g}" for scale in scales)


def _yaml(value: bool) -> str:
    return "true" if value else "false"
