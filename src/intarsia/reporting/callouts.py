"""Callouts: the remarks of a comparison under a few headings, not as a wall of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intarsia.comparison import Comparison

Look = Literal["warn", "note"]


@dataclass(frozen=True)
class Callout:
    """Remarks of one kind under one heading."""

    heading: str
    look: Look
    remarks: tuple[str, ...]


_FAILED = "Failures"
# how a remark of each kind begins or goes on (comparison/remarks.py), and the heading it goes under
_HEADINGS: tuple[tuple[str, Look, str], ...] = (
    ("LEAK:", "warn", "Leaking splits"),
    ("chose the checkpoint on these images", "note", "Chosen on these images"),
    ("Looks at the test split", "note", "Looks at test"),
)


def callouts(comparison: Comparison) -> list[Callout]:
    """The remarks that are not the statistics', by what they are about, the gravest first."""
    statistics = {text for pair in comparison.pairs for text in pair.remarks}
    failures = {
        f"{entry.name}: {failure}"
        for entry in comparison.entries
        for failure in entry.contender.failures
    }
    found: dict[tuple[str, Look], list[str]] = {}
    for text in comparison.remarks:
        if text in statistics:
            continue
        heading: str
        look: Look
        heading, look = "Unequal conditions", "warn"
        if text in failures:
            heading = _FAILED
        for part, its_look, its_heading in _HEADINGS:
            if part in text:
                heading, look = its_heading, its_look
        found.setdefault((heading, look), []).append(text.removeprefix("LEAK: "))
    for each in comparison.failed:
        told = [f"{each.name}: {failure}" for failure in each.failures]
        found.setdefault((_FAILED, "warn"), []).extend(told)
    made = [Callout(heading, look, tuple(texts)) for (heading, look), texts in found.items()]
    return sorted(made, key=lambda callout: callout.look != "warn")
