"""Callouts: the remarks of a comparison under a few headings, not as a wall of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intarsia.comparison import Comparison
from intarsia.comparison.remark import Kind

Look = Literal["warn", "note"]

# the gravest first; those of the statistics stand beside the pairs that they are about
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
    return made
