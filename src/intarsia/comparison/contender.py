"""What takes part in a comparison: a recipe with its runs, or a second annotator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intarsia.datasets.pairing import EXTENSIONS
from intarsia.errors import DataError, RunError
from intarsia.runs import CrossValidation, Run


@dataclass(frozen=True)
class Contender:
    """One row of a comparison. `runs` are its repeats: one recipe, other seeds.

    `annotator` is a folder of masks by a second person, in place of runs. `failures` says of each
    repeat that could not be trained why.
    """

    name: str
    runs: tuple[Run, ...] = ()
    annotator: Path | None = None
    failures: tuple[str, ...] = ()


def open_contender(path: str | Path) -> Contender:
    """A run, a folder whose sub-folders are the repeats of one recipe, or a folder of masks.

    Raises:
        RunError: none of these, or a run that is not finished.
        DataError: the sub-folders are runs of different recipes.
    """
    folder = Path(path)
    if (folder / "recipe.yaml").is_file() or not folder.is_dir():
        return Contender(folder.resolve().name, (_finished(Run.open(folder)),))
    inside = [p for p in sorted(folder.iterdir()) if (p / "recipe.yaml").is_file()]
    if inside:
        runs = tuple(_finished(Run.open(p)) for p in inside)
        _check_repeats(folder, runs)
        return Contender(folder.resolve().name, runs)
    if any(p.suffix.lower() in EXTENSIONS for p in folder.rglob("*")):
        return Contender(folder.resolve().name, annotator=folder)
    raise RunError(
        "neither a run nor masks are in this folder",
        where=folder,
        expected="a folder left by `intarsia train`, one that holds several of these (the repeats "
        "of one recipe), or the masks of a second annotator",
    )


def _finished(run: Run) -> Run:
    if isinstance(run, CrossValidation):
        run.check_trained()
    elif not run.finished:
        raise RunError(
            "the training is not finished",
            where=run.path,
            hint="finish it with `intarsia train ... --resume`",
        )
    return run


def _check_repeats(folder: Path, runs: tuple[Run, ...]) -> None:
    """Raises where the runs differ in more than their seeds."""
    first, *others = (run.recipe.replace(**{"train.seed": 0}) for run in runs)
    for run, recipe in zip(runs[1:], others, strict=True):
        changed = sorted(key for key, value in recipe.flat().items() if value != first.flat()[key])
        if changed:
            raise DataError(
                f"{run.name} and {runs[0].name} are no repeats of one recipe: they differ in "
                f"{', '.join(changed[:5])}",
                where=folder,
                expected="runs that differ in train.seed only",
                hint="name the runs one by one to compare them",
            )
