"""What a reference system is: its data, its trainings, its published figures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from intarsia.datasets import Dataset
from intarsia.recipe import Recipe
from intarsia.reproduction.historical import (
    IndexDice,
    OneHotMicro,
    PerImageMiou,
    PlainAccuracy,
    ThresholdIou,
)
from intarsia.reproduction.published import PublishedSystem

_WHY = "Why it misleads."

Score = OneHotMicro | PerImageMiou | IndexDice | ThresholdIou | PlainAccuracy


@dataclass(frozen=True)
class Experiment:
    """One training: `name` is its folder, `model` and `setting` the published row it stands by.

    `ours` marks what the reports do not have. `settings` are other uses of the same run
    (`predict.*`), each measured besides.
    """

    name: str
    recipe: Recipe
    model: str = ""
    setting: str = ""
    ours: bool = False
    settings: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class System:
    """A published system as something that can be run.

    `arrange` gives the data their split and classes; `scores` makes the historical metrics for a
    number of classes; `differences` are those that no run can tell. `tables` maps their split to
    the one of ours that stands beside it, where the names differ. `unscored` is a class that they
    scored and the honest sheet leaves out. `two_classes` says that nothing else fits.
    """

    name: str
    published: PublishedSystem
    experiments: tuple[Experiment, ...]
    arrange: Callable[[Dataset], Dataset]
    scores: Callable[[int], list[Score]]
    differences: tuple[str, ...]
    tables: Mapping[str, str] = field(default_factory=dict)
    unscored: str | None = None
    two_classes: bool = False

    @property
    def key(self) -> str:
        """R0 to R4."""
        return self.published.key

    @property
    def misleading(self) -> tuple[str, ...]:
        """Why each of its metrics misleads: the words of `intarsia.reproduction.historical`."""
        told = []
        for score in self.scores(2):
            paragraphs = (inspect.getdoc(type(score)) or "").split("\n\n")
            told += [" ".join(p.split()) for p in paragraphs if p.startswith(_WHY)]
        return tuple(text.removeprefix(_WHY).strip() for text in told)

    def open(self, folder: Path) -> Dataset:
        """The data set of a folder, arranged as the report did."""
        return self.arrange(Dataset.open(folder))
