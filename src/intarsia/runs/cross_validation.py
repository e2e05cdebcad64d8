"""The folder that the trainings of a cross-validation leave: a run a fold, and their ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intarsia.errors import DataError, RunError
from intarsia.runs.json_files import SCHEMA
from intarsia.runs.run import FOLDS, Run

if TYPE_CHECKING:
    from torch import nn

    from intarsia.datasets import Dataset
    from intarsia.recipe import Recipe
    from intarsia.transforms import Preprocessing


class CrossValidation(Run):
    """One training a fold: `fold-0`, `fold-1`, ... in the folder are ordinary runs.

    As a run it has the recipe and the data that all of them share, its own evaluations, and for
    networks those of every fold, whose probabilities are averaged. It has no log of its own.
    """

    def __repr__(self) -> str:
        return f"CrossValidation({str(self.path)!r})"

    @classmethod
    def begin(
        cls,
        path: Path,
        *,
        recipe: Recipe,
        data: Dataset,
        preprocessing: Preprocessing,
        environment: dict[str, Any],
    ) -> CrossValidation:
        """Writes what is known before the first fold's first step."""
        # before the recipe, which makes the folder a run: none is ever taken for a single one
        cls(path)._write(FOLDS, {"schema": SCHEMA, "folds": data.folds})
        return cls.create(
            path,
            recipe=recipe,
            data=data,
            preprocessing=preprocessing,
            environment=environment,
        )

    @cached_property
    def count(self) -> int:
        """How many folds there are, trained or not."""
        number = self._read(FOLDS).get("folds")
        if not isinstance(number, int) or number < 2:
            raise RunError(
                f"{number!r} is no number of folds", where=self.path / FOLDS, expected="2 or more"
            )
        return number

    def fold_path(self, number: int) -> Path:
        return self.path / f"fold-{number}"

    def begun(self, number: int) -> Run | None:
        """The run of one fold, None before it has begun.

        It is used with the `predict.*` keys that this one is used with.
        """
        path = self.fold_path(number)
        if not (path / "recipe.yaml").is_file():
            return None
        run = Run.open(path)
        run.recipe = self.recipe
        return run

    @property
    def folds(self) -> list[Run]:
        """The runs of the folds that are trained to their end, in order."""
        there = (self.begun(number) for number in range(self.count))
        return [run for run in there if run is not None and run.finished]

    def check_trained(self) -> None:
        """Raises RunError where a fold is not trained to its end."""
        done = self.folds
        if len(done) < self.count:
            one = f"; or use one fold, such as {done[0].path}" if done else ""
            raise RunError(
                f"{len(done)} of {self.count} folds are trained",
                where=self.path,
                hint="finish the others: the same `intarsia train DATA --folds --out "
                f"{self.path}` with --resume{one}",
            )

    @cached_property
    def held_out(self) -> Mapping[str, int]:
        """The fold in which each image was held out, by the image's name; test has none."""
        samples = self.manifest["samples"]
        return {s["name"]: s["fold"] for s in samples if s.get("fold") is not None}

    def judge(self, name: str) -> Run:
        """The run of the one fold that was not trained on this image.

        Raises:
            DataError: the image is in no fold.
            RunError: its fold has not begun.
        """
        if name not in self.held_out:
            raise DataError(f"the image {name} is in no fold", where=self.path)
        run = self.begun(self.held_out[name])
        if run is None:
            raise RunError(f"fold {self.held_out[name]} has not begun", where=self.path)
        return run

    @property
    def log(self) -> list[dict[str, Any]]:
        """Always empty: each fold has its own."""
        return []

    def _no_temperature(self) -> RunError:
        return RunError(
            "the ensemble of the folds has no fitted temperature: every image has trained some",
            where=self.path,
            hint="predict.temperature with a number, or one fold",
        )

    def load_models(self) -> list[nn.Module]:
        """The networks of all folds, in evaluation mode, on the CPU.

        Each takes what `preprocessing` gives, whatever mean and deviation it was trained with.

        Raises:
            RunError: a fold is not trained yet, or a damaged file.
        """
        from intarsia.runs.normalised import normalised_as

        self.check_trained()
        return [
            normalised_as(model, given=self.preprocessing, own=fold.preprocessing)
            for fold in self.folds
            for model in fold.load_models()
        ]
