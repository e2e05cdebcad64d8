"""The folder of a comparison that trains: one manifest, one budget, the recipes and their runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intarsia.datasets import Dataset
from intarsia.errors import RecipeError, RunError
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.runs.json_files import write_json
from intarsia.training.folder import compare_data

SCHEMA = 1
_PLAN, _MANIFEST = "experiment.json", "dataset.json"


@dataclass(frozen=True)
class Experiment:
    """`out/dataset.json`, `out/recipes/NAME.yaml`, `out/runs/NAME/repeat-0`, ...: ordinary runs."""

    folder: Path

    @classmethod
    def begin(
        cls, folder: Path, data: Dataset, recipes: Mapping[str, Recipe], *, resume: bool
    ) -> Experiment:
        """Writes what all trainings share, or finds it as it was written before.

        To be called with the folder's lock held; `check_folder` comes before it.

        Raises:
            RunError: the folder holds other recipes or other data.
        """
        experiment = cls(folder)
        if resume and (folder / _PLAN).is_file():
            experiment._compare_recipes(recipes)
            stored = _read(folder / _MANIFEST)
            compare_data(stored, data)
            if stored["root"] != data.root.as_posix():
                # the same files, elsewhere by now
                write_json(folder / _MANIFEST, data.manifest())
            return experiment
        (folder / "recipes").mkdir(exist_ok=True)
        for name, recipe in recipes.items():
            recipe.save(folder / "recipes" / f"{name}.yaml")
        write_json(folder / _MANIFEST, data.manifest())
        # last: with it the folder is a comparison
        write_json(folder / _PLAN, {"schema": SCHEMA, "recipes": list(recipes)})
        return experiment

    @staticmethod
    def check_folder(folder: Path, *, resume: bool) -> None:
        """Raises RunError where the folder cannot become a comparison, or go on as one."""
        if not folder.exists():
            return
        if not folder.is_dir():
            raise RunError("this is a file", where=folder, hint="choose another --out")
        holds_comparison = (folder / _PLAN).is_file()
        if holds_comparison and not resume:
            raise RunError(
                "the folder already holds a comparison",
                where=folder,
                hint="add --resume to go on with it, or choose another --out",
            )
        # what a comparison has that was killed before its plan was whole
        begun = {"recipes", _MANIFEST} if resume else set()
        other = {path.name for path in folder.iterdir() if not path.name.startswith(".")} - begun
        if other and not holds_comparison:
            raise RunError(
                f"the folder is not empty: {', '.join(sorted(other)[:3])}",
                where=folder,
                hint="choose another --out",
            )

    def dataset(self) -> Dataset:
        """The data as they were when the first training began."""
        return Dataset.from_manifest(_read(self.folder / _MANIFEST))

    def recipe(self, name: str) -> Recipe:
        return Recipe.load(self.folder / "recipes" / f"{name}.yaml")

    def run_path(self, name: str, repeat: int) -> Path:
        return self.folder / "runs" / name / f"repeat-{repeat}"

    def failure_path(self, name: str, repeat: int) -> Path:
        """Where a training that failed says why."""
        return self.folder / "failures" / f"{name}-repeat-{repeat}.txt"

    def begun(self, name: str) -> list[Run]:
        """The repeats of a recipe that have begun, finished or not."""
        folders = (self.folder / "runs" / name).glob("repeat-*")
        return [Run.open(path) for path in sorted(folders) if (path / "recipe.yaml").is_file()]

    def finished(self, name: str, repeat: int) -> Run | None:
        path = self.run_path(name, repeat)
        if not (path / "recipe.yaml").is_file():
            return None
        run = Run.open(path)
        return run if run.finished else None

    def _compare_recipes(self, recipes: Mapping[str, Recipe]) -> None:
        names = _read(self.folder / _PLAN)["recipes"]
        if names != list(recipes):
            raise RunError(
                f"the comparison in this folder is of other recipes: {', '.join(names)}",
                where=self.folder,
                expected=", ".join(recipes),
                hint="choose another --out",
            )
        for name, recipe in recipes.items():
            stored = self.recipe(name).flat()
            changed = [
                f"{key} was {stored[key]} and is {value}"
                for key, value in recipe.flat().items()
                if stored[key] != value
            ]
            if changed:
                raise RunError(
                    f"the recipe {name} of this comparison differs: {', '.join(changed[:3])}",
                    where=self.folder,
                    hint="give the same flags to go on with it, or choose another --out",
                )


def load_recipes(recipes: Mapping[str, Recipe] | Sequence[str]) -> dict[str, Recipe]:
    """Recipes by what they are called in the comparison: built-in names, or files' stems.

    Raises:
        RecipeError: no such recipe, fewer than two, two of one name, or a name that is no folder's.
    """
    if isinstance(recipes, Mapping):
        found = dict(recipes)
    else:
        found = {}
        for given in recipes:
            name = Path(given).stem if given.endswith((".yaml", ".yml")) else given
            if name in found:
                raise RecipeError(
                    f'two recipes are called "{name}"',
                    expected="names that differ",
                    hint="rename one of the files; repeats of one recipe are --repeats",
                )
            found[name] = Recipe.load(given)
    if len(found) < 2:
        raise RecipeError(
            f"{len(found)} recipe{'s' * (len(found) != 1)} to compare: "
            f"{', '.join(found) or 'none'}",
            expected="two or more: --recipes A,B",
            hint="`intarsia recipes` lists them",
        )
    for name in found:
        if name in ("", ".", "..") or Path(name).name != name:
            raise RecipeError(f'"{name}" cannot be the name of a folder', expected="a plain name")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read the comparison: {error}", where=path) from error
    if not isinstance(content, dict):
        raise RunError("not what a comparison holds", where=path, expected="a JSON object")
    return content
