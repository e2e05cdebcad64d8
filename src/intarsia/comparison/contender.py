"""What takes part in a comparison: a recipe with its runs, or a second annotator."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intarsia.comparison.manifests import same_data
from intarsia.datasets.pairing import has_images
from intarsia.errors import DataError, RunError
from intarsia.runs import CrossValidation, Run


@dataclass(frozen=True)
class Contender:
    """One row of a comparison. `runs` are its repeats: one recipe, other seeds.

    `annotator` is a folder of masks by a second person, in place of runs. `failures` says of each
    repeat that could not be trained why. `folder` is where it was opened.
    """

    name: str
    runs: tuple[Run, ...] = ()
    annotator: Path | None = None
    failures: tuple[str, ...] = ()
    folder: Path | None = None


_DEEPEST = 64  # folders above one that a name can have


def open_contender(path: str | Path) -> Contender:
    """A run, a folder whose sub-folders are the repeats of one recipe, or a folder of masks.

    Raises:
        RunError: none of these, or a run that is not finished.
        DataError: the sub-folders are runs of different recipes or data, or one training twice.
    """
    folder = Path(path)
    name = folder.resolve().name
    if (folder / "recipe.yaml").is_file() or not folder.is_dir():
        return Contender(name, (_finished(Run.open(folder)),), folder=folder)
    if (folder / "experiment.json").is_file():
        there = sorted(inside.as_posix() for inside in (folder / "runs").glob("*/"))
        raise RunError(
            "this is the folder of a whole comparison",
            where=folder,
            expected="its runs one by one",
            hint=f"intarsia compare DATA {shlex.join(there)}" if there else None,
        )
    inside = [p for p in sorted(folder.iterdir()) if (p / "recipe.yaml").is_file()]
    if inside:
        runs = tuple(_finished(Run.open(p)) for p in inside)
        _check_repeats(folder, runs)
        return Contender(name, runs, folder=folder)
    if has_images(folder):
        return Contender(name, annotator=folder, folder=folder)
    raise RunError(
        "neither a run nor masks are in this folder",
        where=folder,
        expected="a folder left by `intarsia train`, one that holds several of these (the repeats "
        "of one recipe), or the masks of a second annotator",
    )


def contender_of(run: Contender | Run | str | Path) -> Contender:
    """A contender from whatever stands for one; what `Run.setting` changed is in its name.

    Raises:
        RunError, DataError: see `open_contender`.
    """
    if isinstance(run, Contender):
        return run
    if not isinstance(run, Run):
        return open_contender(run)
    changed = "".join(f"+{key}={value}" for key, value in run.settings.items())
    return Contender(run.name + changed, (_finished(run),), folder=run.path)


def told_apart(contenders: Sequence[Contender]) -> list[Contender]:
    """The same with names that differ: folders of one name get those of the folders above.

    Raises:
        DataError: the same run or folder takes part twice.
    """
    seen: dict[tuple[Path, str], str] = {}
    for each in contenders:
        for key in _identity(each):
            if key in seen:
                raise DataError(
                    "the same run takes part twice",
                    where=key[0],
                    expected="runs that differ",
                    hint=f"it is in {seen[key]} and in {each.name}"
                    if seen[key] != each.name
                    else None,
                )
            seen[key] = each.name
    doubled = _doubled([each.name for each in contenders])
    for depth in range(_DEEPEST):
        names = [_name(e, depth) if e.name in doubled else e.name for e in contenders]
        if not _doubled(names):
            return [replace(e, name=name) for e, name in zip(contenders, names, strict=True)]
    raise DataError(f'two contenders are called "{doubled[0]}"', expected="names that differ")


def _identity(each: Contender) -> list[tuple[Path, str]]:
    if each.annotator is not None:
        return [(each.annotator.resolve(), "")]
    return [(run.path.resolve(), str(sorted(run.settings.items()))) for run in each.runs]


def _doubled(names: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _name(each: Contender, depth: int) -> str:
    """With the names of so many folders above."""
    if each.folder is None or depth == 0:
        return each.name
    return "/".join((*each.folder.resolve().parts[1:-1][-depth:], each.name))


def _finished(run: Run) -> Run:
    if isinstance(run, CrossValidation):
        run.check_trained()
    elif not run.finished:
        raise RunError(
            "the training is not finished",
            where=run.path,
            hint="finish it: the command that began it, with --resume",
        )
    return run


def _check_repeats(folder: Path, runs: tuple[Run, ...]) -> None:
    """Raises where the runs differ in more than their seeds, or do not differ."""
    first, *others = (run.recipe.replace(**{"train.seed": 0}) for run in runs)
    hint = "name the runs one by one to compare them"
    for run, recipe in zip(runs[1:], others, strict=True):
        changed = sorted(key for key, value in recipe.flat().items() if value != first.flat()[key])
        if changed or not same_data(run.manifest, runs[0].manifest):
            raise DataError(
                f"{run.name} and {runs[0].name} are no repeats of one recipe: they differ in "
                f"{', '.join(changed[:5]) or 'their data'}",
                where=folder,
                expected="runs that differ in train.seed only",
                hint=hint,
            )
    seeds = [run.recipe.train.seed for run in runs]
    if len(set(seeds)) < len(seeds):
        raise DataError(
            f"the runs in this folder are no independent repeats: their seeds are "
            f"{', '.join(map(str, seeds))}",
            where=folder,
            expected="a seed of its own for each",
            hint=hint,
        )
