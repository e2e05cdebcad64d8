"""One sentence that must be said beside a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["leak", "failure", "conditions", "selection", "looks", "statistics"]


@dataclass(frozen=True)
class Remark:
    """A sentence and what it is about.

    Of `conditions` are the data, classes and budgets that were not equal.
    """

    kind: Kind
    text: str

    def to_json(self) -> dict[str, str]:
        return {"kind": self.kind, "text": self.text}
