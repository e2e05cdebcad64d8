"""What a layout reader found."""

from __future__ import annotations

from dataclasses import dataclass, replace

from intarsia.datasets.pairing import Pairs


@dataclass(frozen=True)
class Found:
    """The pairs of a folder and the name of its layout, for people."""

    layout: str
    pairs: Pairs
    notes: tuple[str, ...] = ()

    def with_note(self, note: str) -> Found:
        """The same with one thing more to say."""
        return replace(self, notes=(*self.notes, note))
