"""What a layout reader found."""

from __future__ import annotations

from dataclasses import dataclass, replace

from intarsia.datasets.classes import Classes
from intarsia.datasets.pairing import Pairs


@dataclass(frozen=True)
class Found:
    """The pairs of a folder and the name of its layout, for people.

    `classes` are those that the layout's own files name: they win over everything inferred, and
    only dataset.yaml wins over them. `channel_names` are given where an image is several files.
    Samples may carry groups; then none are guessed from their names.
    """

    layout: str
    pairs: Pairs
    notes: tuple[str, ...] = ()
    classes: Classes | None = None
    channel_names: tuple[str, ...] = ()

    def with_note(self, note: str) -> Found:
        """The same with one thing more to say."""
        return replace(self, notes=(*self.notes, note))
