"""What belongs together, as a person writes it: `prefix`, `csv:patients.csv:patient`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from intarsia.errors import DataError, nearest

# Every kind with how it is written; a kind that is listed bare takes no argument.
FORMS: dict[str, str] = {
    "none": "none",
    "prefix": "prefix",
    "folder": "folder",
    "regex": "regex:PATTERN",
    "csv": "csv:FILE:COLUMN",
    "dicom": "dicom:PatientID",
    "exif-time": "exif-time:30m",
    "gps": "gps:100m",
    "near-duplicate": "near-duplicate",
    "sequence": "sequence",
    "blocks": "blocks:8",
    "given": "given",
}
_UNITS = {
    "exif-time": {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0},
    "gps": {"m": 1.0, "km": 1000.0},
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


@dataclass(frozen=True)
class Rule:
    """One rule: its kind, and what stands behind the colon."""

    kind: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @property
    def amount(self) -> float:
        """The argument as a number: seconds, metres, or blocks."""
        if self.kind not in _UNITS:
            return float(self.argument)
        match = _QUANTITY.fullmatch(self.argument)
        return float(match[1]) * _UNITS[self.kind][match[2]] if match else 0.0

    @property
    def table(self) -> tuple[str, str]:
        """File and column of a `csv` rule."""
        file, _, column = self.argument.rpartition(":")
        return file, column


def parse_rule(text: str) -> Rule:
    """The rule of one word.

    Raises:
        DataError: no such rule (the nearest is offered), or its argument is missing or wrong.

    >>> parse_rule("exif-time:30m").amount
    1800.0
    >>> str(parse_rule("csv:tables/patients.csv:patient"))
    'csv:tables/patients.csv:patient'
    """
    kind, colon, argument = text.strip().partition(":")
    if kind not in FORMS:
        close = nearest(kind, FORMS)
        offer = f'did you mean "{FORMS[close]}"? ' if close else ""
        raise DataError(
            f'no rule "{text}"',
            where="group-by",
            expected=" | ".join(FORMS.values()),
            hint=f"{offer}see docs/splits.md",
        )
    rule = Rule(kind, argument.strip() or ("PatientID" if kind == "dicom" and not colon else ""))
    takes_argument = ":" in FORMS[kind]
    fault = ""
    if not takes_argument and colon:
        fault = "it takes nothing behind a colon"
    elif takes_argument and not rule.argument:
        fault = "something is missing behind the colon"
    elif kind == "regex":
        fault = _pattern_fault(rule.argument)
    elif kind == "csv" and not all(rule.table):
        fault = "file and column are both needed"
    elif kind in _UNITS and not _is_quantity(rule):
        fault = f"write a number above 0 with its unit ({', '.join(_UNITS[kind])})"
    elif kind == "blocks" and not (argument.isascii() and argument.isdigit() and int(argument) > 1):
        fault = "write a whole number of blocks, 2 or more"
    if fault:
        raise DataError(f'"{text}": {fault}', where="group-by", expected=FORMS[kind])
    return rule


def _is_quantity(rule: Rule) -> bool:
    match = _QUANTITY.fullmatch(rule.argument)
    return bool(match and match[2] in _UNITS[rule.kind] and float(match[1]) > 0)


def _pattern_fault(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        return f"not a regular expression: {error}"
    if groups > 1:
        return f"it has {groups} capturing groups; write one, around the group's name"
    return ""
