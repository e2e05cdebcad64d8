"""The stored result of one experiment: what a report and a table are made of."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from intarsia.errors import RunError
from intarsia.images import write_atomic

SCHEMA = 1


@dataclass(frozen=True)
class Measured:
    """One use of a run on one split.

    `historical` are their metrics by name, `honest` the plain sheet's figures; `unscored` is the
    same sheet without the class that only they scored. `settings` are the `predict.*` keys that
    differ from the recipe.
    """

    split: str
    images: int
    settings: dict[str, Any]
    historical: dict[str, float | None]
    honest: dict[str, float | None]
    classes: dict[str, float | None]
    unscored: dict[str, float | None] | None
    seconds: float
    milliseconds_per_image: float


@dataclass(frozen=True)
class Result:
    """One training and everything measured on it."""

    system: str
    experiment: str
    data: str
    classes: tuple[str, ...]
    model: str
    setting: str
    ours: bool
    quick: bool
    network: str
    parameters: int
    weights: str
    epochs: int
    best_epoch: int
    batch_size: int
    precision: str
    image_size: tuple[int, int]
    images: dict[str, int]
    training_seconds: float
    peak_memory_bytes: int
    measured: tuple[Measured, ...]
    command: str
    machine: dict[str, Any]

    @property
    def budget(self) -> str | None:
        """The time that the epochs were fitted to, as the command says it."""
        words = shlex.split(self.command)
        return words[words.index("--time") + 1] if "--time" in words else None

    def on(self, split: str, *, changed: bool = False) -> Measured | None:
        """The measurement on a split as the recipe predicts, or with other settings."""
        for measured in self.measured:
            if measured.split == split and bool(measured.settings) == changed:
                return measured
        return None

    def save(self, path: Path) -> None:
        content = {"schema": SCHEMA, **asdict(self)}
        write_atomic(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> Self:
        """The inverse of `save`.

        Raises:
            RunError: the file is damaged or of another version.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("schema") != SCHEMA:
                raise RunError("the result is of another version of Intarsia", where=path)
            content["measured"] = tuple(Measured(**each) for each in content["measured"])
            content["classes"] = tuple(content["classes"])
            content["image_size"] = tuple(content["image_size"])
            return cls(**content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"the result is damaged: {error!r}",
                where=path,
                hint="delete it; the same command with --resume makes it again",
            ) from error
