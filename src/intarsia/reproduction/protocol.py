"""Running a reference system: its trainings, its measurements, its report."""

from __future__ import annotations

import logging
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from intarsia.datasets import Dataset
from intarsia.datasets.synthetic import make_street
from intarsia.errors import DataError, RecipeError, RunError, WeightsNotHere, did_you_mean, nearest
from intarsia.models import pretrained_encoder, pretrained_name
from intarsia.recipe import Recipe
from intarsia.reproduction import (
    campus_transfer,
    camvid_unet_deeplab,
    hd_resnet18,
    lungs_inception,
    pets_mobilenetv2,
)
from intarsia.reproduction.measurement import measure
from intarsia.reproduction.page import stored_results, write_page
from intarsia.reproduction.results import Measured, Result
from intarsia.reproduction.splits import few
from intarsia.reproduction.system import Experiment, System
from intarsia.runs import Run
from intarsia.training import train

SYSTEMS: tuple[System, ...] = (
    hd_resnet18.SYSTEM,
    pets_mobilenetv2.SYSTEM,
    camvid_unet_deeplab.SYSTEM,
    campus_transfer.SYSTEM,
    lungs_inception.SYSTEM,
)

_MADE_SCENES = 24
_QUICK_IMAGES = {"train": 8, "val": 3, "test": 3}
_QUICK_SIDE = 64

_log = logging.getLogger("intarsia")


def find_system(name: str) -> System:
    """A system by its name or its key, R0 to R4.

    Raises:
        RecipeError: neither is known; the nearest is offered.
    """
    for system in SYSTEMS:
        if name.casefold() in (system.name, system.key.casefold()):
            return system
    known = [each for system in SYSTEMS for each in (system.name, system.key)]
    raise RecipeError(
        f'no reference system "{name}"',
        expected=", ".join(f"{system.key} ({system.name})" for system in SYSTEMS),
        hint=f"did you mean {nearest(name, known)}?" if nearest(name, known) else None,
    )


def reproduce(
    name: str,
    data: str | Path | None,
    out: str | Path,
    *,
    quick: bool = False,
    seconds: float | None = None,
    only: Sequence[str] = (),
    resume: bool = False,
    device: str = "auto",
    on_experiment: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Trains and measures a published system and writes `report.html`; returns its path.

    `out` gets a run folder and a result, `EXPERIMENT.json`, for each training; `seconds` is a time
    budget for each, `only` names those to run. `quick` trains for an epoch or a cycle on a few
    small images, on made ones where no data are given: it shows that everything works, and its
    figures mean nothing. Where the encoder's weights cannot be had, training starts from random
    ones and the report says so. With `resume` finished trainings are kept and others go on.

    Raises:
        RecipeError: no such system or experiment, or no data for a full run.
        DataError: the data cannot be used.
        RunError: `out` exists and `resume` is not given.
    """
    system = find_system(name)
    folder = Path(out)
    known = [experiment.name for experiment in system.experiments]
    for each in only:
        if each not in known:
            raise RecipeError(
                f'{system.name} has no experiment "{each}"',
                expected=", ".join(known),
                hint=did_you_mean(each, known),
            )
    if quick and seconds is not None:
        raise RecipeError(
            "a quick look has no time budget", where="--time", hint="leave --time or --quick out"
        )
    if folder.exists() and not resume and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            "the folder is not empty",
            where=folder,
            hint="add --resume to go on with it, or choose another --out",
        )
    wanted = [e for e in system.experiments if not only or e.name in only]
    dataset = _dataset(system, data, folder, quick)
    _check_earlier(system, folder, dataset, quick, seconds, [e.name for e in wanted])
    for number, experiment in enumerate(wanted, start=1):
        if on_experiment is not None:
            on_experiment(experiment.name, number, len(wanted))
        stored = folder / f"{experiment.name}.json"
        if stored.is_file():
            _log.info("%s is done", experiment.name)
            continue
        recipe = _recipe(experiment, quick, seconds)
        run = train(dataset, recipe, folder / experiment.name, resume=True, device=device)
        command = _command(system, data, out, quick, seconds, experiment)
        result = _result(system, experiment, run, dataset, command, quick, data is None, device)
        result.save(stored)
    return write_page(system, folder)


def _check_earlier(
    system: System,
    folder: Path,
    data: Dataset,
    quick: bool,
    seconds: float | None,
    wanted: Sequence[str],
) -> None:
    """Raises where the folder holds trainings of another kind or on other data."""
    for result in stored_results(system, folder):
        where = folder / f"{result.experiment}.json"
        if result.quick != quick:
            raise RunError(
                f"the folder holds {'a full training' if quick else 'a quick look'}",
                where=where,
                hint="choose another --out",
            )
        if result.experiment in wanted and result.budget != _budget(seconds):
            raise RunError(
                f"{result.experiment} was trained with --time {result.budget or '(none)'}",
                where=where,
                hint="give the same --time, or choose another --out",
            )
    splits = {sample.name: sample.split for sample in data.samples}
    for experiment in system.experiments:
        path = folder / experiment.name
        if (path / "recipe.yaml").is_file():
            manifest = Run.open(path).manifest
            if {s["name"]: s["split"] for s in manifest["samples"]} != splits:
                raise RunError(
                    "the folder holds a training on other images",
                    where=path,
                    hint="give the same --data, or choose another --out",
                )


def _dataset(system: System, data: str | Path | None, folder: Path, quick: bool) -> Dataset:
    if data is not None:
        dataset = system.open(Path(data))
        if system.two_classes and len(dataset.labels) != 2:
            raise DataError(
                f"{system.name} separates two classes; these data have {len(dataset.labels)}",
                where=data,
                expected="masks of one kind of thing and its background",
            )
    elif not quick:
        raise RecipeError(
            "which data?", hint=f"intarsia reproduce {system.name} --data DIR --out DIR, or --quick"
        )
    else:
        made = folder / "made"
        if not (made / "dataset.yaml").is_file():
            # made beside its place, so that what was stopped meanwhile can be begun again
            part = folder / "made.part"
            shutil.rmtree(part, ignore_errors=True)
            make_street(part, count=_MADE_SCENES).rename(made)
        dataset = Dataset.open(made)
        if system.two_classes:
            dataset = dataset.keeping(dataset.labels.names[-1:])
        dataset = system.arrange(dataset)
    return few(dataset, _QUICK_IMAGES) if quick else dataset


def _recipe(experiment: Experiment, quick: bool, seconds: float | None) -> Recipe:
    recipe = experiment.recipe
    if seconds is not None:
        recipe = recipe.replace(**{"train.time": seconds})
    if quick:
        sides = tuple(min(side, _QUICK_SIDE) for side in recipe.data.image_size)
        recipe = recipe.replace(
            **{
                "train.epochs": recipe.schedule.cycles,
                "train.validate_every": 1,
                "train.batch_size": min(4, recipe.train.batch_size),
                "data.image_size": sides,
            }
        )
    encoder = pretrained_name(recipe.model.name, recipe.model.encoder)
    if recipe.train.weights == "imagenet" and encoder is not None:
        try:
            pretrained_encoder(encoder)
        except WeightsNotHere as error:
            _log.warning("%s: %s; it starts from random weights", experiment.name, error.what)
            recipe = recipe.replace(**{"train.weights": "none"})
    return recipe


def _result(
    system: System,
    experiment: Experiment,
    run: Run,
    data: Dataset,
    command: str,
    quick: bool,
    made: bool,
    device: str,
) -> Result:
    summary, recipe, environment = run.summary, run.recipe, run.environment
    return Result(
        system=system.key,
        experiment=experiment.name,
        data="street scenes made by Intarsia" if made else data.name,
        classes=tuple(data.labels.names),
        model=experiment.model,
        setting=experiment.setting,
        ours=experiment.ours,
        quick=quick,
        network=recipe.model.name,
        parameters=summary["parameters"],
        weights=recipe.train.weights,
        epochs=summary["epochs"],
        best_epoch=summary["best_epoch"],
        batch_size=recipe.train.batch_size,
        precision=recipe.train.precision,
        image_size=recipe.data.image_size,
        images={split: len(samples) for split, samples in data.splits.items()},
        training_seconds=summary["training_seconds"],
        peak_memory_bytes=summary["peak_memory_bytes"],
        measured=_measured(system, experiment, run, data, device),
        command=command,
        machine={
            "device": environment.get("device"),
            "versions": environment.get("versions"),
            "threads": environment.get("threads"),
            "commit": environment.get("git_commit"),
            "cpu": environment.get("cpu"),
        },
    )


def _measured(
    system: System, experiment: Experiment, run: Run, data: Dataset, device: str
) -> tuple[Measured, ...]:
    # of train only as many as validate: it is there to show overfitting, not to be exact
    counts = {split: len(samples) for split, samples in data.splits.items()}
    part = few(data, {**counts, "train": counts["val"]})
    found = [measure(run, system, part, split, (), device) for split in ("test", "val", "train")]
    found += [measure(run, system, data, "test", each, device) for each in experiment.settings]
    return tuple(found)


def _budget(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:g}s"


def _command(
    system: System,
    data: str | Path | None,
    out: str | Path,
    quick: bool,
    seconds: float | None,
    experiment: Experiment,
) -> str:
    words = ["intarsia", "reproduce", system.name]
    words += ["--data", str(data)] if data is not None else []
    words += ["--out", str(out), "--only", experiment.name]
    words += ["--time", str(_budget(seconds))] if seconds is not None else []
    return shlex.join([*words, *(["--quick"] if quick else []), "--resume"])
