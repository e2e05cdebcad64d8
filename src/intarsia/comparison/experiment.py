"""The folder of a comparison that trains: one manifest, one budget, the recipes and their runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intarsia.datasets import Dataset
from intarsia.errors import RecipeError, RunError
from intarsia.images import write_atomic
from intarsia.recipe import Recipe
from intarsia.runs import Run

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

        Raises:
            RunError: the folder is taken (and `resume` is not given), or holds other recipes or
                other data.
        """
        experiment = cls(folder)
        if (folder / _PLAN).is_file():
            if not resume:
                raise RunError(
                    "the folder already holds a comparison",
                    where=folder,
                    hint="add --resume to go on with it, or choose another --out",
                )
            experiment._compare_with(data, recipes)
            return experiment
        if folder.exists() and any(folder.iterdir()) and not resume:
            raise RunError("the folder is not empty", where=folder, hint="choose another --out")
        (folder / "recipes").mkdir(parents=True, exist_ok=True)
        for name, recipe in recipes.items():
            recipe.save(folder / "recipes" / f"{name}.yaml")
        _write(folder / _MANIFEST, data.manifest())
        # last: with it the folder is a comparison
        _write(folder / _PLAN, {"schema": SCHEMA, "recipes": list(recipes)})
        return experiment

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

    def finished(self, name: str, repeat: int) -> Run | None:
        path = self.run_path(name, repeat)
        if not (path / "recipe.yaml").is_file():
            return None
        run = Run.open(path)
        return run if run.finished else None

    def _compare_with(self, data: Dataset, recipes: Mapping[str, Recipe]) -> None:
        names = _read(self.folder / _PLAN)["recipes"]
        if names != list(recipes):
            raise RunError(
                f"the comparison in this folder is of other recipes: {', '.join(names)}",
                where=self.folder,
                expected=", ".join(recipes),
                hint="choose another --out",
            )
        for name, recipe in recipes.items():
            stored, given = self.recipe(name).flat(), recipe.flat()
            changed = [key for key, value in given.items() if stored[key] != value]
            if changed:
                listed = ", ".join(f"{key} was {stored[key]}" for key in changed[:3])
                raise RunError(
                    f"the recipe {name} of this comparison differs: {listed}",
                    where=self.folder,
                    hint="give the same flags to go on with it, or choose another --out",
                )
        manifest = _read(self.folder / _MANIFEST)
        key = ("name", "split", "sha256", "mask_sha256")
        here, there = (
            {tuple(sample[k] for k in key) for sample in each["samples"]}
            for each in (data.manifest(), manifest)
        )
        if here != there:
            names = sorted({str(row[0]) for row in here ^ there})
            raise RunError(
                f"{len(names)} images, masks or splits have changed since the comparison began: "
                f"{', '.join(names[:3])}",
                where=self.folder,
                expected="one manifest for all trainings",
                hint="restore them, or choose another --out",
            )


def recipe_names(recipes: Mapping[str, Recipe] | list[str]) -> dict[str, Recipe]:
    """Recipes by what they are called in the comparison: built-in names, or files' stems.

    Raises:
        RecipeError: no such recipe, fewer than two, or two of one name.
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
            f"{len(found)} recipe to compare: {', '.join(found) or 'none'}",
            expected="two or more: --recipes A,B",
            hint="`intarsia recipes` lists them",
        )
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    write_atomic(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read the comparison: {error}", where=path) from error
    if not isinstance(content, dict):
        raise RunError("not what a comparison holds", where=path, expected="a JSON object")
    return content
