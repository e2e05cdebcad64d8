"""Class names of a few public data sets, from `known.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from intarsia.datasets.encodings import Value
from intarsia.labels import Color

_FEWEST_VALUES = 4
_MOST_STRANGE = 0.01  # a few wrong pixels are a finding of the check, not another data set


@dataclass(frozen=True)
class Known:
    """One entry: the values of the masks with names and colours, and the values ignored."""

    name: str
    files: re.Pattern[str]
    classes: tuple[tuple[int, str, Color], ...]
    ignored: tuple[tuple[int, str], ...]
    independent: bool
    palette: bool


def find_known(
    stems: Sequence[str], counts: Mapping[Value, int], palettes: Sequence[Mapping[int, Color]] = ()
) -> Known | None:
    """The entry that fits the file names (or the palettes) and the values of the masks.

    `palettes` holds, for every mask, the colours of the indices in use.
    """
    for entry in _table():
        named = bool(stems) and all(entry.files.fullmatch(stem) for stem in stems)
        if named or (entry.palette and _has_palette(entry, palettes)):
            values = {v for v, _, _ in entry.classes} | {v for v, _ in entry.ignored}
            strange = sum(n for value, n in counts.items() if value not in values)
            few = entry.palette and len(values.intersection(counts)) < _FEWEST_VALUES
            if not few and strange <= _MOST_STRANGE * sum(counts.values()):
                return entry
    return None


def _has_palette(entry: Known, palettes: Sequence[Mapping[int, Color]]) -> bool:
    """True where every mask has a palette, and of the entry's colours."""
    colors = {value: color for value, _, color in entry.classes}
    ignored = {value for value, _ in entry.ignored}
    return bool(palettes) and all(
        palette and all(colors.get(v) == c for v, c in palette.items() if v not in ignored)
        for palette in palettes
    )


@cache
def _table() -> tuple[Known, ...]:
    text = files("intarsia.datasets").joinpath("known.yaml").read_text(encoding="utf-8")
    return tuple(_entry(item) for item in yaml.safe_load(text))


def _entry(item: Mapping[str, Any]) -> Known:
    return Known(
        item["name"],
        re.compile(item["files"]),
        tuple((c["value"], c["name"], tuple(c["color"])) for c in item["classes"]),
        tuple((c["value"], c["name"]) for c in item.get("ignored", ())),
        bool(item.get("independent", False)),
        bool(item.get("palette", False)),
    )
