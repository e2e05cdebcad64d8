"""Values of dataset.yaml as people write them, in the one form that the sections hold.

Each function is a pydantic validator: it takes what YAML gave and raises ValueError with what to
write instead; what it does not know is passed on for the section to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from intarsia.datasets.encodings import Value
from intarsia.datasets.groups.rule import FORMS, Rule, parse_rule
from intarsia.datasets.primary import METRICS
from intarsia.datasets.ratio import parse_ratio
from intarsia.datasets.remapping import IGNORE
from intarsia.errors import DataError, did_you_mean
from intarsia.labels import Color


def as_color(value: object) -> Color:
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
    return value if type(value) is int else as_color(value)


def _is_value(value: object) -> bool:
    try:
        _value(value)
    except ValueError:
        return False
    return True


def as_values(value: object) -> list[Value]:
    if type(value) is list and not (len(value) == 3 and all(type(v) is int for v in value)):
        return [_value(v) for v in value]
    return [_value(value)]


def as_classes(value: object) -> object:
    if isinstance(value, Mapping):
        return [{"id": id_, "name": name} for id_, name in value.items()]
    if isinstance(value, list):
        return [item if isinstance(item, Mapping) else {"name": item} for item in value]
    return value


def as_value_map(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    faults = [key for key in value if not _is_value(key)]
    if faults:
        raise ValueError(f'{faults[0]!r} is neither a whole number nor a colour such as "#804000"')
    return {_value(key): target for key, target in value.items()}


def as_target(value: object) -> str | int:
    if value is None:
        return IGNORE
    if isinstance(value, str) or type(value) is int:
        return value
    raise ValueError(f"write the name of a class in quotes, its id, or {IGNORE}")


def as_folder(value: object) -> object:
    return {"dir": value} if isinstance(value, str) else value


def as_lists(value: object) -> object:
    if isinstance(value, str):
        return {"file": value}
    if not isinstance(value, Mapping):
        return value
    return {"val" if key == "valid" else key: names for key, names in value.items()}


def as_names(value: object) -> str | list[str]:
    if isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(name, str) for name in value)
    ):
        return value
    raise ValueError("write a list of names (numbers in quotes), or the name of a list file")


def as_rules(value: object) -> object:
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


def as_ratio(value: object) -> object:
    if isinstance(value, str):
        try:
            parse_ratio(value)
        except DataError as error:
            raise ValueError(f"{error.what}; write {error.expected}") from error
    return value


def as_renames(value: object) -> object:
    """`null` is YAML's word for nothing, and means `ignore`, as in masks.map."""
    if not isinstance(value, Mapping):
        return value
    return {old: IGNORE if new is None else new for old, new in value.items()}


def as_metric(value: object) -> object:
    if isinstance(value, str) and value not in METRICS:
        raise ValueError(f"no such metric; {did_you_mean(value, METRICS)}")
    return value
