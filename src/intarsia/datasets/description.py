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

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from intarsia.datasets.primary import OF_A_CLASS, PrimaryMetric
from intarsia.datasets.strict_yaml import faulty, read_yaml
from intarsia.datasets.written_values import (
    as_classes,
    as_color,
    as_folder,
    as_lists,
    as_metric,
    as_names,
    as_ratio,
    as_renames,
    as_rules,
    as_target,
    as_value_map,
    as_values,
)
from intarsia.errors import DataError, nearest
from intarsia.labels import Color

SCHEMA = 1


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ClassItem(_Section):
    """One class: `id` is its value in the mask files."""

    name: str = Field(min_length=1)
    id: int | None = Field(None, ge=0, le=65535)
    color: Annotated[Color, BeforeValidator(as_color)] | None = None


class ImageFolder(_Section):
    """Where the images are, relative to dataset.yaml."""

    dir: str


_Target = Annotated[str | int, BeforeValidator(as_target)]


class Masks(_Section):
    """Where the masks are and how they hold the classes."""

    dir: str | None = None
    encoding: Literal["ids", "colors", "binary"] | None = None
    map: Annotated[dict[Any, _Target] | None, BeforeValidator(as_value_map)] = None
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


class PrimarySection(_Section):
    """The figure that the data set is judged by."""

    metric: Annotated[PrimaryMetric, BeforeValidator(as_metric)]
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


_Split = Annotated[str | list[str], BeforeValidator(as_names)]


class Splits(_Section):
    """Lists by split, or one table, as `intarsia split` writes it, and how it was made."""

    train: _Split | None = None
    val: _Split | None = None
    test: _Split | None = None
    file: str | None = None
    ratio: Annotated[str | None, BeforeValidator(as_ratio)] = None
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
    classes: Annotated[list[ClassItem] | None, BeforeValidator(as_classes)] = Field(
        None, min_length=1
    )
    ignore_index: Annotated[list[Any], BeforeValidator(as_values)] = Field(default_factory=list)
    remap: Annotated[dict[str, str] | None, BeforeValidator(as_renames)] = None
    order: list[str] | None = Field(None, min_length=1)
    images: Annotated[ImageFolder | None, BeforeValidator(as_folder)] = None
    masks: Annotated[Masks, BeforeValidator(as_folder)] = Masks()
    image: ImageSection = ImageSection()
    splits: Annotated[Splits | None, BeforeValidator(as_lists)] = None
    groups: Annotated[list[str] | None, BeforeValidator(as_rules)] = Field(None, min_length=1)
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
