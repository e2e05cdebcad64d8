"""The exception tree. Every fault a user can cause is an `IntarsiaError`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class IntarsiaError(Exception):
    """What went wrong, where, what was expected and what to do.

    >>> print(DataError("mask is missing", where="cat.jpg", hint="add masks/cat.png"))
    mask is missing
      where: cat.jpg
      do: add masks/cat.png
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.expected = expected
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.what]
        parts = [("where", self.where), ("expected", self.expected), ("do", self.hint)]
        # what is long comes last, so that nobody misses what to do
        parts.sort(key=lambda part: part[1] is not None and "\n" in part[1])
        for label, text in parts:
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)


class DataError(IntarsiaError):
    """A data set, an image or a mask is not what it should be."""


class ImageError(DataError):
    """One file cannot be read as an image; `kind` says in one word why, for the check."""

    def __init__(
        self,
        what: str,
        *,
        kind: str = "damaged",
        where: object = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what, where=where, expected=expected, hint=hint)
        self.kind = kind

    def to_json(self) -> dict[str, str | None]:
        """Plain JSON, without the place."""
        return {
            "what": self.what,
            "kind": self.kind,
            "expected": self.expected,
            "hint": self.hint,
        }

    @classmethod
    def from_json(cls, item: Mapping[str, str | None], *, where: object) -> ImageError:
        """The inverse of `to_json`, for the file that it is about."""
        return cls(
            item["what"] or "",
            kind=item["kind"] or "damaged",
            where=where,
            expected=item["expected"],
            hint=item["hint"],
        )


class RecipeError(IntarsiaError):
    """A recipe, a flag or a `--set` value is wrong."""


class ModelError(IntarsiaError):
    """A model cannot be built, or its weights do not fit."""


class WeightsNotHere(ModelError):
    """Pretrained weights are neither on this machine nor to be had from the hub."""


class RunError(IntarsiaError):
    """A run folder is missing, locked, damaged or already taken."""


class BundleError(IntarsiaError):
    """An exported model is missing, damaged, or needs what is not here."""


class ExportError(IntarsiaError):
    """A run cannot be exported, or what came of it does not do what the run does."""


class PredictionError(IntarsiaError):
    """Some inputs of a prediction failed; the rest were written."""


class ServiceError(IntarsiaError):
    """The service cannot start as it was asked to."""


class Interrupted(IntarsiaError):
    """The training was asked to stop, by `signal_name`, and has saved its state."""

    signal_name = "SIGINT"


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, or None when nothing is close.

    >>> nearest("mini-unett", ["mini-unet", "unet-mobilenetv2"])
    'mini-unet'
    """
    options = list(choices)
    folded = {option.casefold(): option for option in reversed(options)}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.5)
    return folded[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A hint that offers the nearest valid name and lists all of them.

    >>> did_you_mean("vall", ["train", "val"])
    'did you mean "val"? (valid: train, val)'
    """
    options = list(choices)
    close = nearest(word, options)
    offer = f'did you mean "{close}"? ' if close else ""
    return f"{offer}(valid: {', '.join(options)})"
