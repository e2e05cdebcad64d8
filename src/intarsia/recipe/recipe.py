"""The recipe: everything that decides a training, validated in one place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from intarsia.errors import RecipeError, did_you_mean, nearest
from intarsia.images import write_atomic
from intarsia.recipe.sections import (
    DataSection,
    LossSection,
    ModelSection,
    PredictSection,
    ScheduleSection,
    Section,
    TrainSection,
)
from intarsia.strict_yaml import parse_yaml

SCHEMA = 1

DEFAULT = "deeplabv3plus-mobilenetv2"
"""The recipe to begin with; docs/benchmarks.md has the measurements that chose it."""

_NAME_LISTS = ("data.ignore", "data.classes", "predict.portrait")


class Recipe(Section):
    """A whole training, resolved.

    >>> recipe = Recipe.load("mini-unet").replace(**{"train.epochs": 3})
    >>> recipe.train.epochs, recipe.model.name
    (3, 'mini-unet')
    """

    schema_: Literal[1] = Field(1, alias="schema")
    description: str = ""
    reference: Literal["R0", "R1", "R2", "R3", "R4"] | None = Field(
        None, description="the reference system that a historical recipe is of"
    )
    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    train: TrainSection = TrainSection()
    loss: LossSection = LossSection()
    schedule: ScheduleSection = ScheduleSection()
    predict: PredictSection = PredictSection()

    @model_validator(mode="after")
    def _validated_at_all(self) -> Self:
        if self.train.validate_every > self.train.epochs and self.train.time is None:
            raise ValueError("train.validate_every is more than train.epochs")
        return self

    @model_validator(mode="after")
    def _thaws(self) -> Self:
        frozen = self.train.freeze_epochs
        if frozen and frozen >= self.train.epochs and self.train.time is None:
            raise ValueError(
                "train.freeze_epochs leaves no epoch; train.encoder_lr_factor: 0 freezes for good"
            )
        return self

    @model_validator(mode="after")
    def _grid_is_used(self) -> Self:
        if self.data.grid != (1, 1) and self.data.fit != "grid":
            raise ValueError("data.grid needs data.fit: grid")
        return self

    @model_validator(mode="after")
    def _tiles_agree(self) -> Self:
        data = self.data
        if data.tile is None:
            for key in ("tile_overlap", "tile_rare_power"):
                if getattr(data, key) != DataSection.model_fields[key].default:
                    raise ValueError(f"data.{key} needs data.tile")
            return self
        if data.fit != "tiles":
            raise ValueError("data.tile needs data.fit: tiles")
        if data.longest_side is not None:
            raise ValueError(
                "data.tile cuts images at their own resolution, data.longest_side shrinks them "
                "first: give one of the two"
            )
        height, width = data.image_size
        times = data.tile[0] // height
        if times < 1 or data.tile != (times * height, times * width):
            raise ValueError(
                f"data.tile is {data.tile[0]}x{data.tile[1]}: it must be data.image_size, here "
                f"{height}x{width}, or a whole multiple of it, such as {2 * height}x{2 * width}"
            )
        return self

    @model_validator(mode="after")
    def _classes_have_one_place(self) -> Self:
        both = [name for name in self.data.classes if name in self.data.ignore]
        if both:
            raise ValueError(f"data.ignore and data.classes both name {', '.join(both)}")
        return self

    @model_validator(mode="after")
    def _cycles_fit(self) -> Self:
        cycles, snapshot = self.schedule.cycles, self.schedule.name == "snapshot"
        if snapshot and cycles > self.train.epochs and self.train.time is None:
            raise ValueError("schedule.cycles is more than train.epochs")
        if cycles > 1 and not snapshot:
            raise ValueError("schedule.cycles needs schedule.name: snapshot")
        if self.predict.ensemble and not snapshot:
            raise ValueError("predict.ensemble needs schedule.name: snapshot")
        if self.predict.ensemble and (self.train.patience or self.train.stop_at is not None):
            raise ValueError("predict.ensemble needs whole cycles: no train.patience or stop_at")
        return self

    @model_validator(mode="after")
    def _averages_are_there(self) -> Self:
        if self.predict.ema:
            return self
        if not self.train.ema:
            raise ValueError("predict.ema: false needs train.ema: no weights were averaged")
        if self.predict.ensemble:
            raise ValueError("predict.ema: false has no snapshots: they are of averaged weights")
        return self

    @classmethod
    def load(cls, name: str | Path) -> Recipe:
        """A built-in recipe by name, or a YAML file by path.

        Raises:
            RecipeError: unknown name, unreadable file, or wrong keys or values (all at once).
        """
        path = Path(name)
        if str(name) in recipe_names():
            path = Path(str(_folder().joinpath(f"{name}.yaml")))
        elif path.suffix not in (".yaml", ".yml"):
            raise RecipeError(
                f'no recipe "{name}"',
                hint=did_you_mean(str(name), recipe_names()) + ", or a path to a .yaml file",
            )
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"cannot read the recipe: {error}", where=path) from error
        return cls.parse(text, where=str(path))

    @classmethod
    def parse(cls, text: str, *, where: str) -> Recipe:
        """A recipe from YAML text; `where` names it in errors."""
        content = parse_yaml(text, where=where, error=RecipeError)
        if content is None:
            content = {}
        if not isinstance(content, dict):
            raise RecipeError(
                "a recipe is a mapping of sections",
                where=where,
                expected=", ".join(_sections()),
            )
        schema = content.get("schema", SCHEMA)
        if isinstance(schema, int) and schema > SCHEMA:
            raise RecipeError(
                f"schema {schema} is newer than this Intarsia",
                where=f"{where}: schema",
                expected=f"{SCHEMA} or lower",
                hint="upgrade Intarsia",
            )
        return cls._validate(content, where)

    @classmethod
    def _validate(cls, content: Mapping[str, Any], where: str) -> Recipe:
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise RecipeError(_explain(error, where)) from None

    def replace(self, **changes: object) -> Recipe:
        """A copy with dotted keys changed, validated as a whole.

        A preset brings its encoder: naming one forgets the encoder of the network that was.

        Raises:
            RecipeError: an unknown key (the nearest is offered) or a wrong value.
        """
        content = self.model_dump(by_alias=True)
        problems = []
        for key, value in changes.items():
            *parents, last = key.split(".")
            place: Any = content
            for parent in parents:
                place = place.get(parent) if isinstance(place, dict) else None
            if not isinstance(place, dict) or last not in place or isinstance(place[last], dict):
                problems.append(f'no key "{key}": {_nearest_key(key)}')
            else:
                place[last] = value
        if problems:
            raise RecipeError("\n".join(problems), hint="see `intarsia recipes NAME` for all keys")
        if {"model.name", "model.encoder"} & changes.keys() and "description" not in changes:
            # it speaks of the network that was
            content["description"] = ""
        if "model.name" in changes and "model.encoder" not in changes:
            from intarsia.models import preset_names  # only here: it imports torch

            if changes["model.name"] in preset_names():
                content["model"]["encoder"] = None
        return self._validate(content, "recipe")

    def set(self, assignments: Iterable[str]) -> Recipe:
        """A copy with `KEY=VALUE` texts applied; values are read as YAML."""
        changes: dict[str, object] = {}
        for text in assignments:
            key, equals, value = text.partition("=")
            if not equals:
                raise RecipeError(f'"{text}" is not KEY=VALUE', hint="for example train.epochs=20")
            changes[key.strip()] = _parse_value(key.strip(), value.strip())
        return self.replace(**changes)

    def to_yaml(self) -> str:
        """YAML text that `parse` reads back to an equal recipe."""
        content = json.loads(self.model_dump_json(by_alias=True))
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)

    def save(self, path: Path) -> None:
        write_atomic(path, self.to_yaml().encode())

    def flat(self) -> dict[str, object]:
        """Every dotted key with its value."""
        return _flatten(self.model_dump(by_alias=True))


def recipe_names() -> list[str]:
    """The built-in recipes."""
    return sorted(f.name[:-5] for f in _folder().iterdir() if f.name.endswith(".yaml"))


def _folder() -> Any:
    return files("intarsia").joinpath("recipes")


def _parse_value(key: str, text: str) -> object:
    value = parse_yaml(text, where=f"{key}={text}", error=RecipeError)
    if isinstance(value, bool) and text.lower() in ("none", "no", "off") and not _is_switch(key):
        return text
    if key in _NAME_LISTS and isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if key == "train.time":
        return parse_duration(text)
    return value


def _is_switch(key: str) -> bool:
    return isinstance(Recipe().flat().get(key), bool)


def parse_duration(text: str) -> float:
    """Seconds from `90`, `90s`, `30m` or `1.5h`.

    >>> parse_duration("1.5h")
    5400.0
    """
    units = {"s": 1, "m": 60, "h": 3600}
    unit = units.get(text[-1:].lower())
    try:
        seconds = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise RecipeError(f'"{text}" is not a duration', expected="for example 90s, 30m or 1.5h")
    return seconds


def _flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _sections() -> list[str]:
    return [f.alias or name for name, f in Recipe.model_fields.items()]


def _known_keys() -> list[str]:
    return list(Recipe().flat())


def _nearest_key(key: str) -> str:
    known = _known_keys()
    # a bare last part ("epochs") means the key that ends with it
    ending = [k for k in known if k.rpartition(".")[2] == key.rpartition(".")[2]]
    close = ending[0] if ending else nearest(key, known)
    return f'did you mean "{close}"?' if close else "it is none of the recipe's keys"


def _explain(error: ValidationError, where: str) -> str:
    lines = []
    for problem in error.errors():
        place = [str(p) for p in problem["loc"] if str(p) not in ("tuple", "schema_")]
        key = ".".join(p for p in place if not p.startswith(("literal[", "tuple[", "function-")))
        if problem["type"] == "extra_forbidden":
            lines.append(f'{where}: no key "{key}": {_nearest_key(key)}')
            continue
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "missing" and key.rpartition(".")[2].isdigit():
            # the place of a value in a list that is too short
            key, message = key.rpartition(".")[0], "more values are expected"
        value = problem["input"]
        given = "" if isinstance(value, dict | BaseModel) else f" = {value!r}"
        offer = ""
        allowed = problem.get("ctx", {}).get("expected")
        if isinstance(value, str) and isinstance(allowed, str):
            names = [part.strip("' ") for part in allowed.replace(" or ", ", ").split(",")]
            close = nearest(value, names)
            offer = f'; did you mean "{close}"?' if close else ""
        lines.append(f"{': '.join(filter(None, (where, key)))}{given}: {message}{offer}")
    return "\n".join(dict.fromkeys(lines))
