"""The folder that a training leaves, read and extended."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from intarsia.datasets import Dataset
from intarsia.errors import RunError
from intarsia.images import write_atomic
from intarsia.inference import Inference, Network, Settings
from intarsia.labels import LabelMap
from intarsia.recipe import Recipe
from intarsia.runs.checkpoint import BEST, BEST_RAW, LAST, SNAPSHOTS, load_weights
from intarsia.runs.json_files import SCHEMA, read_json, write_json
from intarsia.runs.network import build_network
from intarsia.runs.temperatures import TEMPERATURES, fitted_temperature
from intarsia.runs.uses import settings_of, used_otherwise
from intarsia.transforms import Preprocessing

if TYPE_CHECKING:
    from torch import nn

FOLDS = "folds.json"

_RECIPE = "recipe.yaml"
_MANIFEST = "dataset.json"
_ENVIRONMENT = "environment.json"
_LOG = "log.jsonl"
_SUMMARY = "summary.json"
_LOOKS = "test-looks.jsonl"
_PICTURES_ONLY = ("soft", "portrait", "portrait_blur")  # what else is written beside the masks


class Run:
    """One training's folder. `Run.open` reads an existing one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """A run that exists; a `CrossValidation` where the folder holds one.

        Raises:
            RunError: no such folder, or no run in it.
        """
        folder = Path(path)
        if folder.is_file():
            raise RunError(
                "this is a file, not the folder of a run",
                where=folder,
                expected="a folder left by `intarsia train`; of bundles, Predictor, `predict` and "
                "`serve` alone take the file",
            )
        if not folder.is_dir():
            raise RunError("no such run folder", where=folder, hint="`intarsia runs` lists runs")
        missing = [name for name in (_RECIPE, _MANIFEST) if not (folder / name).is_file()]
        if missing:
            raise RunError(
                f"the folder is not a run: {' and '.join(missing)} missing",
                where=folder,
                expected="a folder left by `intarsia train`",
            )
        if (folder / FOLDS).is_file():
            from intarsia.runs.cross_validation import CrossValidation

            return CrossValidation(folder)
        return cls(folder)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        recipe: Recipe,
        data: Dataset,
        preprocessing: Preprocessing,
        environment: dict[str, Any],
    ) -> Self:
        """Writes what a training knows before its first step."""
        run = cls(path)
        manifest = {**data.manifest(), "preprocessing": preprocessing.to_json()}
        run._write(_MANIFEST, manifest)
        run._write(_ENVIRONMENT, {"schema": SCHEMA, **environment})
        # last: a folder with a recipe is a run
        recipe.save(path / _RECIPE)
        return run

    def setting(self, assignments: Iterable[str]) -> Self:
        """The same run used with other `predict.*` keys, given as `KEY=VALUE`; nothing is written.

        Raises:
            RecipeError: a key that does not belong to prediction, or a wrong value.
        """
        other = type(self)(self.path)
        other.recipe = used_otherwise(self.recipe, assignments)
        return other

    @property
    def settings(self) -> dict[str, Any]:
        """The `predict.*` keys that `setting` changed and masks depend on, without their prefix."""
        stored = Recipe.load(self.path / _RECIPE).predict.model_dump()
        now = self.recipe.predict.model_dump()
        return {k: v for k, v in now.items() if v != stored[k] and k not in _PICTURES_ONLY}

    @property
    def assignments(self) -> list[str]:
        """`settings` as the texts that `setting` takes."""
        return [f"predict.{key}={json.dumps(value)}" for key, value in self.settings.items()]

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @cached_property
    def recipe(self) -> Recipe:
        return Recipe.load(self.path / _RECIPE)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        content = self._read(_MANIFEST)
        needed = ("name", "labels", "encoding", "channels", "scaling", "samples", "preprocessing")
        missing = [key for key in needed if key not in content]
        if missing:
            raise RunError(
                f"the manifest is damaged: no {', '.join(missing)}", where=self.path / _MANIFEST
            )
        return content

    @property
    def environment(self) -> dict[str, Any]:
        return self._read(_ENVIRONMENT)

    @cached_property
    def labels(self) -> LabelMap:
        return LabelMap.from_json(self.manifest["labels"])

    @cached_property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing.from_json(self.manifest["preprocessing"])

    @property
    def suffixes(self) -> frozenset[str]:
        """How the names of its data's images end: `.jpg`, `.tif`, ..."""
        return frozenset(Path(item["image"]).suffix.lower() for item in self.manifest["samples"])

    def dataset(self) -> Dataset:
        """The data set as it was when the training began."""
        return Dataset.from_manifest(self.manifest)

    @property
    def log(self) -> list[dict[str, Any]]:
        """A row an epoch; empty before the first one ends."""
        path = self.path / _LOG
        if not path.is_file():
            return []
        try:
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except ValueError as error:
            raise RunError(f"the log is damaged: {error}", where=path) from error

    def write_log(self, rows: list[dict[str, Any]]) -> None:
        write_atomic(self.path / _LOG, "".join(json.dumps(row) + "\n" for row in rows).encode())

    @property
    def summary(self) -> dict[str, Any]:
        """What the whole training came to; empty while it is unfinished."""
        return self._read(_SUMMARY) if self.finished else {}

    @property
    def finished(self) -> bool:
        return (self.path / _SUMMARY).is_file()

    def finish(self, summary: dict[str, Any]) -> None:
        self._write(_SUMMARY, {"schema": SCHEMA, **summary})

    @property
    def evaluations(self) -> dict[str, dict[str, Any]]:
        """Every stored metric sheet by its name, `DATA-SPLIT`."""
        folder = self.path / "evaluations"
        return {
            path.stem: self._read(f"evaluations/{path.name}")
            for path in sorted(folder.glob("*.json"))
        }

    def write_evaluation(self, name: str, content: dict[str, Any]) -> Path:
        return self._write(f"evaluations/{name}.json", content)

    @property
    def test_looks(self) -> int:
        """How often a metric sheet was made on a test split."""
        path = self.path / _LOOKS
        return len(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else 0

    def record_test_look(self, data: str) -> None:
        """Notes that the test split of `data` has been looked at, and when."""
        path = self.path / _LOOKS
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"data": data, "time": now}) + "\n"
        # one appending write, so that two evaluations at once are two looks
        with path.open("ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())

    @property
    def temperature(self) -> float:
        """What `predict.temperature` comes to.

        Raises:
            RunError: it is `fitted`, and none was found for this use of the network.
        """
        predict = self.recipe.predict
        if predict.temperature != "fitted":
            return predict.temperature
        value = fitted_temperature(self.path, predict)
        if value is None:
            raise self._no_temperature()
        return value

    def _no_temperature(self) -> RunError:
        changed = {k: v for k, v in self.settings.items() if k not in ("temperature", "threshold")}
        if Recipe.load(self.path / _RECIPE).predict.temperature != 1:
            changed["temperature"] = 1
        texts = (f"predict.{k}={json.dumps(v)}" for k, v in changed.items())
        flags = "".join(f" --set {shlex.quote(text)}" for text in texts)
        return RunError(
            "no temperature has been fitted" + (" for this use of the network" if flags else ""),
            where=self.path / TEMPERATURES,
            hint=f"intarsia evaluate {self.path} --split val --details{flags}",
        )

    @property
    def used_as(self) -> Settings:
        """How the recipe uses the networks.

        Raises:
            RunError: a fitted temperature is asked for, and there is none.
        """
        return settings_of(self.recipe.predict, temperature=self.temperature)

    def inference(self, network: Network) -> Inference:
        """How this run's recipe uses `network` on images.

        Raises:
            RecipeError: the recipe's `predict.*` keys do not fit the classes.
            RunError: a fitted temperature is asked for, and there is none.
        """
        return self.used_as.inference(network, self.preprocessing, self.labels)

    def load_models(self) -> list[nn.Module]:
        """The networks that predict, in evaluation mode, on the CPU.

        The best epoch's, with `predict.ema: false` as it was before averaging, or with
        `predict.ensemble` every snapshot's.

        Raises:
            RunError: not there yet, or a damaged file.
        """
        if not self.recipe.predict.ema:
            if (self.checkpoints / BEST).is_file() and not (self.checkpoints / BEST_RAW).is_file():
                raise RunError(
                    "the weights before averaging were not kept",
                    where=self.checkpoints / BEST_RAW,
                    hint="leave predict.ema out, or train again: trainings keep them now",
                )
            return [self.load_model(BEST_RAW)]
        if not self.recipe.predict.ensemble:
            return [self.load_model(BEST)]
        found = sorted(path.name for path in self.checkpoints.glob(SNAPSHOTS))
        if not found:
            raise RunError(
                "the run has no snapshots yet",
                where=self.checkpoints,
                hint="finish its first cycle, or --set predict.ensemble=false",
            )
        return [self.load_model(name) for name in found]

    def load_model(self, name: str = BEST) -> nn.Module:
        """The network of one weights file in `checkpoints/`, in evaluation mode, on the CPU.

        Raises:
            RunError: no such file yet, or a damaged one.
        """
        path = self.checkpoints / name
        if not path.is_file():
            begun = (self.checkpoints / LAST).is_file()
            raise RunError(
                "the run has no trained weights yet",
                where=path,
                hint="finish it with `intarsia train ... --resume`" if begun else "train it first",
            )
        model = build_network(
            self.recipe.model, classes=len(self.labels), channels=int(self.manifest["channels"])
        )
        state = load_weights(path)
        own = model.state_dict()
        odd = [k for k in own if k not in state or own[k].shape != state[k].shape]
        if odd or len(own) != len(state):
            raise RunError(
                f"the weights are not those of {self.recipe.model.name} with "
                f"{len(self.labels)} classes: {', '.join((odd or sorted(state))[:3])}",
                where=path,
            )
        model.load_state_dict(state)
        return model.eval()

    def _read(self, name: str) -> dict[str, Any]:
        return read_json(self.path / name)

    def _write(self, name: str, content: dict[str, Any]) -> Path:
        write_json(self.path / name, content)
        return self.path / name
