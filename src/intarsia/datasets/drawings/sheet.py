"""What a file of annotations holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from intarsia.datasets.drawings.areas import Area


@dataclass(frozen=True, eq=False)
class Stroke:
    """One object: its label, and its areas, which count as one."""

    label: str
    areas: tuple[Area, ...]


@dataclass(frozen=True, eq=False)
class Sheet:
    """The annotation of one image: `strokes` in painting order, later ones on top.

    `picture` is the image's name as the file gives it; `size` (height, width) where the file
    says it; `split` likewise. `drawn` is False where nobody has annotated the image yet.
    """

    picture: str
    size: tuple[int, int] | None
    strokes: tuple[Stroke, ...]
    drawn: bool = True
    split: str | None = None

    def digest(self) -> str:
        """SHA-256 that changes where the annotation of this image does."""
        digest = hashlib.sha256(f"{self.size} {self.drawn}".encode())
        for stroke in self.strokes:
            digest.update(f"\0{len(stroke.areas)} {stroke.label}\0".encode())
            for area in stroke.areas:
                signature = area.signature()
                digest.update(len(signature).to_bytes(8, "little"))
                digest.update(signature)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Annotations:
    """All sheets of one source by key, the labels in the file's order, and what to say about it.

    `labels` maps every label to the name of its class; `boxes` counts the objects that are
    given by a box alone.
    """

    sheets: Mapping[str, Sheet]
    labels: Mapping[str, str]
    notes: tuple[str, ...] = ()
    boxes: int = 0
