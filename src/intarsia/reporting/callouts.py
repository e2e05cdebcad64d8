"""Callouts: the remarks of a comparison under a few headings, not as a wall of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intarsia.comparison import Comparison
from intarsia.comparison.remark import Kind
from intarsia.reporting.verdicts import shared_remarks
from intarsia.statistics import FEW_GROUPS

Look = Literal["warn", "note"]

_BASIS = "What this rests on"
# the gravest first; what the statistics say of some pairs only stands beside these
_HEADINGS: dict[Kind, tuple[str, Look]] = {
    "leak": ("Leaking splits", "warn"),
    "unchecked": ("Leaks not looked for", "warn"),
    "conditions": ("Unequal conditions", "warn"),
    "failure": ("Failures", "warn"),
    "primary": ("Declared late", "warn"),
    "selection": ("Chosen on these images", "note"),
    "looks": ("Looks at test", "note"),
}


@dataclass(frozen=True)
class Callout:
    """Remarks of one kind under one heading."""

    heading: str
    look: Look
    remarks: tuple[str, ...]


def callouts(comparison: Comparison) -> list[Callout]:
    """The remarks that are not the statistics', by what they are about."""
    made = []
    for kind, (heading, look) in _HEADINGS.items():
        texts = [remark.text for remark in comparison.remarks if remark.kind == kind]
        if kind == "failure":
            texts += [f"{each.name}: {why}" for each in comparison.failed for why in each.failures]
        if texts:
            made.append(Callout(heading, look, tuple(texts)))
    if shared := shared_remarks(comparison):
        few = len(set(comparison.groups)) < FEW_GROUPS
        made.insert(0 if few else len(made), Callout(_BASIS, "warn" if few else "note", shared))
    return made
