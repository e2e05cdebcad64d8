"""The recipe: everything that decides a training, validated in one place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from intarsia.errors import RecipeError, did_you_mean, nearest
from intarsia.images import write_atomic
from intarsia.strict_yaml import parse_yaml

SCHEMA = 1

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(_Section):
    """Which network."""

    name: str = Field("unet-mobilenetv2", description="an architecture or a preset")
    encoder: str | None = Field(None, description="a timm encoder, for architectures")


class AugmentSection(_Section):
    """Random transforms of training samples; 0 switches one off."""

    flip: Probability = Field(0.5, description="probability of a horizontal flip")
    vertical_flip: Probability = Field(0.0, description="probability of a vertical flip")
    rotation: float = Field(
        10.0, strict=True, ge=0, le=180, description="up to ± this many degrees"
    )
    scale: tuple[Positive, Positive] = Field((0.75, 1.5), description="zoom, lowest and highest")
    shift: float = Field(
        0.1, strict=True, ge=0, le=1, description="up to ± this share of the sample's size"
    )
    brightness: float = Field(
        0.2, strict=True, ge=0, le=1, description="up to ± this share of full range"
    )
    contrast: float = Field(0.2, strict=True, ge=0, lt=1, description="factor within 1 ± this")
    blur: Probability = Field(0.1, description="probability of a Gaussian blur up to sigma 1.5 px")

    @field_validator("scale")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("the lowest zoom comes first")
        return value


class DataSection(_Section):
    """What the network sees."""

    image_size: tuple[int, int] = Field((256, 256), description="(height, width) of a sample, px")
    fit: Literal["letterbox", "crop", "stretch", "tiles"] = Field(
        "letterbox", description="how an image comes to that size"
    )
    normalise: Literal["imagenet", "dataset", "none"] = Field(
        "imagenet", description="mean and std; `dataset`: of the train split"
    )
    ignore: tuple[str, ...] = Field((), description="classes that do not count")
    cache: Literal["auto", "memory", "none"] = Field(
        "auto", description="keep decoded images in memory; auto: where they fit"
    )
    augment: AugmentSection = AugmentSection()

    @field_validator("image_size", mode="before")
    @classmethod
    def _square(cls, value: object) -> object:
        if isinstance(value, str):
            parts = value.lower().split("x")
            if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
                raise ValueError("a size is N or HxW, in pixels")
            return tuple(int(part) for part in (parts if len(parts) == 2 else parts * 2))
        if isinstance(value, int) and not isinstance(value, bool):
            return (value, value)
        return value

    @field_validator("image_size")
    @classmethod
    def _sane(cls, value: tuple[int, int]) -> tuple[int, int]:
        if min(value) < 16 or max(value) > 16384:
            raise ValueError("each side lies between 16 and 16384")
        return value


class TrainSection(_Section):
    """How long, how fast, from where."""

    weights: str = Field("imagenet", description="imagenet, none, a weights file or a run folder")
    epochs: int = Field(40, strict=True, ge=1)
    time: Positive | None = Field(
        None, description="seconds to fit the epochs to; `epochs` is then set by measurement"
    )
    batch_size: int = Field(8, strict=True, ge=1)
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: Positive = Field(1e-3, description="highest learning rate, of the decoder")
    encoder_lr_factor: NotNegative = Field(
        0.33, description="the encoder's rate as a share of lr; 0 freezes it"
    )
    weight_decay: NotNegative = 0.01
    clip_norm: NotNegative = Field(5.0, description="highest gradient norm; 0 is none")
    ema: float = Field(
        0.0, strict=True, ge=0, lt=1, description="decay of averaged weights; 0 is none"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seed: int = Field(0, strict=True, ge=0)
    metric: Literal["miou", "pixel_accuracy", "mean_dice", "loss"] = Field(
        "miou", description="the validation figure that chooses the best epoch"
    )
    validate_every: int = Field(1, strict=True, ge=1, description="epochs between validations")
    patience: int = Field(
        0, strict=True, ge=0, description="stop after so many epochs without gain; 0 never"
    )
    stop_at: NotNegative | None = Field(None, description="stop when the metric reaches this")
    keep: Literal["best-and-last", "every"] = Field(
        "best-and-last", description="which epochs' weights stay"
    )


class LossSection(_Section):
    """What is minimised."""

    name: Literal[
        "cross-entropy",
        "dice",
        "cross-entropy+dice",
        "focal",
        "lovasz",
        "cross-entropy+lovasz",
    ] = "cross-entropy+dice"
    class_weights: Literal["none", "frequency"] | tuple[Positive, ...] = Field(
        "none", description="`frequency`: (1 / share of pixels) ** weight_power, mean 1 a pixel"
    )
    weight_power: float = Field(
        0.4, strict=True, ge=0, le=1, description="0: no weights; 1: full inverse"
    )
    gamma: NotNegative = Field(2.0, description="of the focal loss")


class ScheduleSection(_Section):
    """How the learning rate moves."""

    name: Literal["one-cycle", "cosine", "constant", "plateau"] = "one-cycle"
    warmup: Probability = Field(
        0.2, description="share of all steps in which the rate rises: one-cycle, constant"
    )
    plateau_factor: float = Field(0.3, strict=True, gt=0, lt=1)
    plateau_patience: int = Field(
        3, strict=True, ge=0, description="validations without gain before a drop"
    )


class PredictSection(_Section):
    """How a trained network is used."""

    flip: bool = Field(False, strict=True, description="average with the mirrored image")
    overlap: float = Field(
        0.5, strict=True, ge=0, lt=1, description="share of a tile its neighbour repeats"
    )
    max_pixels: int = Field(
        2_000_000, strict=True, ge=4096, description="larger images go through tiles"
    )


class Recipe(_Section):
    """A whole training, resolved.

    >>> recipe = Recipe.load("mini-unet").replace(**{"train.epochs": 3})
    >>> recipe.train.epochs, recipe.model.name
    (3, 'mini-unet')
    """

    schema_: Literal[1] = Field(1, alias="schema")
    description: str = ""
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
    if isinstance(value, bool) and text.lower() in ("none", "no", "off") and key != "predict.flip":
        return text
    if key == "data.ignore" and isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if key == "train.time":
        return parse_duration(text)
    return value


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
        value = problem["input"]
        given = "" if isinstance(value, dict | BaseModel) else f" = {value!r}"
        offer = ""
        allowed = problem.get("ctx", {}).get("expected")
        if isinstance(value, str) and isinstance(allowed, str):
            names = [part.strip("' ") for part in allowed.replace(" or ", ", ").split(",")]
            close = nearest(value, names)
            offer = f'; did you mean "{close}"?' if close else ""
        lines.append(f"{where}: {key or 'recipe'}{given}: {message}{offer}")
    return "\n".join(dict.fromkeys(lines))
