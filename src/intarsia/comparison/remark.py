"""One sentence that must be said beside a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "leak", "unchecked", "failure", "conditions", "primary", "selection", "looks", "statistics"
]


@dataclass(frozen=True)
class Remark:
    """A sentence and what it is about.

    `unchecked` are splits of which nobody can tell any more whether they leak, `conditions` the
    data, classes and budgets that were not equal; `primary` is about the figure that ranks.
    """

    kind: Kind
    text: str

    def to_json(self) -> dict[str, str]:
        return {"kind": self.kind, "text": self.text}
