"""dataset.yaml: what a person says about a data set. It wins over everything inferred.

```yaml
schema: 1
classes:                       # `id` is the value in the mask files; plain names count from 0
  - {id: 0, name: sky, color: [128, 128, 128]}
  - {id: 1, name: road, color: "#804000"}
ignore_index: 255              # a value (or colour, or a list of them) that does not count
remap: {truck: vehicle, car: vehicle, fence: ignore}     # rename, merge, drop, by name
order: [sky, road, vehicle]    # the ids 0, 1, 2 inside Intarsia; every class that is left
images: photos                 # the two folders, where no layout fits
masks: {dir: drawn, encoding: ids, map: {0: sky, 1: road, 7: ignore}}
image: {channels: [red, green, blue, nir], scale: {clip: [0, 4095]}, page: 0}
splits: {train: train.txt, val: [photo_7, photo_9]}      # names, files, groups, or a list file
groups: "regex:^(patient\\d+)"  # one rule of `intarsia split --group-by`, or a list of them
primary: {metric: iou, class: road}
empty: background              # masks of background only: right as they are, ignore, or drop
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from intarsia.datasets.encodings import Value
from intarsia.datasets.groups.rule import FORMS, Rule, parse_rule
from intarsia.datasets.primary import METRICS, OF_A_CLASS, PrimaryMetric
from intarsia.datasets.ratio import parse_ratio
from intarsia.datasets.strict_yaml import faulty, read_yaml
from intarsia.errors import DataError, did_you_mean, nearest
from intarsia.labels import Color

SCHEMA = 1
IGNORE = "ignore"


def _color(value: object) -> Color:
    """A colour from [r, g, b], "r,g,b" or "#rrggbb"."""
    if isinstance(value, str):
        if re.fullmatch(r"#?[0-9a-fA-F]{6}", value):
            number = int(value.removeprefix("#"), 16)
            return (number >> 16, number >> 8 & 255, number & 255)
        parts = [part.strip() for part in value.split(",")]
        value = [int(part) if part.isdigit() else part for part in parts]
    if isinstance(value, (list, tuple)) and len(value) == 3:
        red, green, blue = value
        if all(type(c) is int and 0 <= c <= 255 for c in value):
            return (red, green, blue)
    raise ValueError('not a colour; write [r, g, b] with 0 to 255, or "#rrggbb" in quotes')


def _value(value: object) -> Value:
    """What a mask file can hold: a whole number or a colour."""
    return value if type(value) is int else _color(value)


def _is_value(value: object) -> bool:
    try:
        _value(value)
    except ValueError:
        return False
    return True


def _values(value: object) -> list[Value]:
    if type(value) is list and not (len(value) == 3 and all(type(v) is int for v in value)):
        return [_value(v) for v in value]
    return [_value(value)]


def _classes(value: object) -> object:
    if isinstance(value, Mapping):
        return [{"id": id_, "name": name} for id_, name in value.items()]
    if isinstance(value, list):
        return [item if isinstance(item, Mapping) else {"name": item} for item in value]
    return value


def _map(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    faults = [key for key in value if not _is_value(key)]
    if faults:
        raise ValueError(f'{faults[0]!r} is neither a whole number nor a colour such as "#804000"')
    return {_value(key): target for key, target in value.items()}


def _target(value: object) -> str | int:
    if value is None:
        return IGNORE
    if isinstance(value, str) or type(value) is int:
        return value
    raise ValueError(f"write the name of a class in quotes, its id, or {IGNORE}")


def _folder(value: object) -> object:
    return {"dir": value} if isinstance(value, str) else value


def _lists(value: object) -> object:
    if isinstance(value, str):
        return {"file": value}
    if not isinstance(value, Mapping):
        return value
    return {"val" if key == "valid" else key: names for key, names in value.items()}


def _names(value: object) -> str | list[str]:
    if isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(name, str) for name in value)
    ):
        return value
    raise ValueError("write a list of names (numbers in quotes), or the name of a list file")


def _rules(value: object) -> object:
    items = value if isinstance(value, list) else [value]
    return [str(_rule(item)) for item in items]


def _rule(value: object) -> Rule:
    """One rule, also as {pattern: ...}, which is how a regular expression was written at first."""
    if isinstance(value, Mapping) and list(value) == ["pattern"]:
        value = f"regex:{value['pattern']}"
    if not isinstance(value, str):
        raise ValueError(f"write one of {', '.join(FORMS.values())}, or a list of them")
    try:
        return parse_rule(value)
    except DataError as error:
        offer = (error.hint or "").partition("see ")[0]
        raise ValueError(f"{error.what}; {offer}write {error.expected}") from error


def _ratio(value: object) -> object:
    if isinstance(value, str):
        try:
            parse_ratio(value)
        except DataError as error:
            raise ValueError(f"{error.what}; write {error.expected}") from error
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ClassItem(_Section):
    """One class: `id` is its value in the mask files."""

    name: str = Field(min_length=1)
    id: int | None = Field(None, ge=0, le=65535)
    color: Annotated[Color | None, BeforeValidator(lambda v: None if v is None else _color(v))] = (
        None
    )


class ImageFolder(_Section):
    """Where the images are, relative to dataset.yaml."""

    dir: str


class Masks(_Section):
    """Where the masks are and how they hold the classes."""

    dir: str | None = None
    encoding: Literal["ids", "colors", "binary"] | None = None
    map: Annotated[
        dict[Any, Annotated[str | int, BeforeValidator(_target)]] | None, BeforeValidator(_map)
    ] = None
    threshold: int | None = Field(None, ge=1, le=65535)


class Window(_Section):
    """A display window, in the units after `rescale`."""

    center: float = Field(allow_inf_nan=False)
    width: float = Field(gt=0, allow_inf_nan=False)


_Number = Annotated[float, Field(allow_inf_nan=False)]
_Percent = Annotated[float, Field(ge=0, le=100)]


class Scale(_Section):
    """Which values become 0 and 1: one of the three rules."""

    window: Window | None = None
    clip: list[_Number] | None = Field(None, min_length=2, max_length=2)
    percentile: list[_Percent] | None = Field(None, min_length=2, max_length=2)
    per_channel: bool = False

    @model_validator(mode="after")
    def _one_rule(self) -> Scale:
        rules = [r for r in (self.window, self.clip, self.percentile) if r is not None]
        if len(rules) != 1:
            raise ValueError("write one of window, clip, percentile")
        if self.per_channel and self.percentile is None:
            raise ValueError("per_channel: only with percentile")
        for pair in (self.clip, self.percentile):
            if pair is not None and pair[0] >= pair[1]:
                raise ValueError(f"{pair[0]:g} is not below {pair[1]:g}")
        return self


class Rescale(_Section):
    """Units of a value: slope * value + intercept (Hounsfield units, reflectance)."""

    slope: float = Field(1.0, gt=0, allow_inf_nan=False)
    intercept: float = Field(0.0, allow_inf_nan=False)


class ImageSection(_Section):
    """How the images are read."""

    channels: list[str] | None = Field(None, min_length=1)
    scale: Scale | None = None
    rescale: Rescale | None = None
    page: int | None = Field(None, ge=0)


def _old_to_new(value: object) -> object:
    """`null` is YAML's word for nothing, and means `ignore`, as in masks.map."""
    if not isinstance(value, Mapping):
        return value
    return {old: IGNORE if new is None else new for old, new in value.items()}


def _metric(value: object) -> object:
    if isinstance(value, str) and value not in METRICS:
        raise ValueError(f"no such metric; {did_you_mean(value, METRICS)}")
    return value


class PrimarySection(_Section):
    """The figure that the data set is judged by."""

    metric: Annotated[PrimaryMetric, BeforeValidator(_metric)]
    class_: str | None = Field(None, alias="class")

    @model_validator(mode="after")
    def _of_one_class(self) -> PrimarySection:
        if self.metric in OF_A_CLASS and self.class_ is None:
            raise ValueError(
                f"{self.metric} is of one class: {{metric: {self.metric}, class: ...}}"
            )
        if self.metric not in OF_A_CLASS and self.class_ is not None:
            raise ValueError(f"{self.metric} is of all classes; {', '.join(OF_A_CLASS)} are of one")
        return self


_Split = Annotated[str | list[str], BeforeValidator(_names)]


class Splits(_Section):
    """Lists by split, or one table, as `intarsia split` writes it, and how it was made."""

    train: _Split | None = None
    val: _Split | None = None
    test: _Split | None = None
    file: str | None = None
    ratio: Annotated[str | None, BeforeValidator(_ratio)] = None
    folds: Annotated[int, Field(ge=2)] | Literal["leave-one-out"] | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _one_form(self) -> Splits:
        if (self.file is None) == (not self.lists):
            raise ValueError("write lists for train, val and test, or one table (file: splits.csv)")
        if self.file is None and (self.ratio is not None or self.folds is not None):
            raise ValueError("ratio and folds belong to a table (file: splits.csv)")
        if self.ratio is not None and self.folds is not None:
            raise ValueError("write ratio or folds")
        return self

    @property
    def lists(self) -> dict[str, str | list[str]]:
        """The lists by split, without those that are not given."""
        given = {"train": self.train, "val": self.val, "test": self.test}
        return {split: names for split, names in given.items() if names is not None}


class Description(_Section):
    """The content of one dataset.yaml."""

    schema_: Literal[1] = Field(1, alias="schema")
    classes: Annotated[list[ClassItem] | None, BeforeValidator(_classes)] = Field(
        None, min_length=1
    )
    ignore_index: Annotated[list[Any], BeforeValidator(_values)] = Field(default_factory=list)
    remap: Annotated[dict[str, str] | None, BeforeValidator(_old_to_new)] = None
    order: list[str] | None = Field(None, min_length=1)
    images: Annotated[ImageFolder | None, BeforeValidator(_folder)] = None
    masks: Annotated[Masks, BeforeValidator(_folder)] = Masks()
    image: ImageSection = ImageSection()
    splits: Annotated[Splits | None, BeforeValidator(_lists)] = None
    groups: Annotated[list[str] | None, BeforeValidator(_rules)] = Field(None, min_length=1)
    primary: PrimarySection | None = None
    empty: Literal["background", "ignore", "drop"] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Description:
        if (self.images is None) != (self.masks.dir is None):
            raise ValueError("name both folders, images: DIR and masks: {dir: DIR}, or neither")
        ids = [c.id for c in self.classes or () if c.id is not None]
        if ids and len(ids) != len(self.classes or ()):
            raise ValueError("classes: give every class an id, or none")
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"classes: id {twice[0]} stands twice")
        names = [c.name for c in self.classes or ()]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise ValueError(f'classes: the name "{doubled[0]}" stands twice')
        return self


def read_description(path: Path) -> Description:
    """Read and check one dataset.yaml.

    Raises:
        DataError: not YAML, or faults in it: all of them, each with key, value and what is allowed.
    """
    content = read_yaml(path)
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise DataError("it holds no keys", where=path, expected="keys such as classes: and masks:")
    schema = content.get("schema", SCHEMA)
    if type(schema) is int and schema > SCHEMA:
        raise DataError(
            f"schema {schema} is newer than this version of Intarsia reads",
            where=path,
            expected=f"schema: {SCHEMA}",
            hint="update Intarsia",
        )
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        faults = [_explain(item) for item in error.errors(include_url=False)]
        raise faulty(list(dict.fromkeys(faults)), path) from error


_ALLOWED: dict[str, type[BaseModel]] = {
    "": Description,
    "classes": ClassItem,
    "images": ImageFolder,
    "masks": Masks,
    "image": ImageSection,
    "image.scale": Scale,
    "image.scale.window": Window,
    "image.rescale": Rescale,
    "splits": Splits,
    "primary": PrimarySection,
}


def _explain(item: Any) -> str:
    """One fault as `key: value - what is allowed`."""
    location = [part for part in item["loc"] if part != "[key]"]
    key = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")
    value = item["input"]
    if item["type"] == "extra_forbidden":
        section = ".".join(str(p) for p in location[:-1] if not isinstance(p, int))
        model = _ALLOWED.get(section, Description)
        names = [field.alias or name for name, field in model.model_fields.items()]
        close = nearest(str(location[-1]), names)
        offer = f'did you mean "{close}"? ' if close else ""
        return f"{key}: unknown key; {offer}(valid: {', '.join(names)})"
    if item["type"] == "missing":
        return f"{key}: missing"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error" and not location:
        return str(message)
    if isinstance(value, bool) and item["type"] == "string_type":
        message = "YAML reads yes, no, on and off as true and false: put the word in quotes"
    elif isinstance(value, str) and item["type"] in ("float_type", "int_type"):
        message = "this is text, not a number; write 1.0e-4 for 1e-4"
    if message[1:2].islower():
        message = message[0].lower() + message[1:]
    shown = repr(value) if len(repr(value)) <= 60 else f"{type(value).__name__}"
    return f"{key}: {shown}: {message}"
