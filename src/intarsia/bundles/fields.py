"""JSON from elsewhere, read key by key and type by type."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from intarsia.errors import BundleError, did_you_mean


class Fields:
    """The keys of one JSON object. Each is asked for by type; keys nobody asked for are refused.

    `place` names the object in errors, `where` the file.

    >>> fields = Fields({"size": [32, 48], "flip": 1}, "bundle.json", "model.intarsia")
    >>> fields.wholes("size", 2)
    (32, 48)
    >>> fields.flag("flip")
    Traceback (most recent call last):
    intarsia.errors.BundleError: bundle.json: flip is 1
      where: model.intarsia
      expected: true or false
    """

    def __init__(self, content: object, place: str, where: object) -> None:
        self.place = place
        self.where = where
        if not isinstance(content, Mapping):
            raise self.wrong("", content, "a JSON object")
        self._content: Mapping[str, Any] = content
        self._asked: set[str] = set()

    def text(self, key: str) -> str:
        value = self._take(key)
        if not isinstance(value, str):
            raise self.wrong(key, value, "a text")
        return value

    def choice(self, key: str, valid: Sequence[str]) -> str:
        value = self.text(key)
        if value not in valid:
            raise BundleError(
                f'{self.place}: {key} is "{value}"',
                where=self.where,
                hint=f"{did_you_mean(value, valid)}; a newer Intarsia may know it",
            )
        return value

    def flag(self, key: str) -> bool:
        value = self._take(key)
        if not isinstance(value, bool):
            raise self.wrong(key, value, "true or false")
        return value

    def whole(self, key: str, low: int, high: int) -> int:
        return self._whole(key, self._take(key), low, high)

    def wholes(self, key: str, count: int, low: int = 1, high: int = 1_000_000) -> tuple[int, ...]:
        """Exactly `count` whole numbers."""
        items = self.items(key)
        if len(items) != count:
            raise self.wrong(key, items, f"{count} whole numbers")
        return tuple(self._whole(key, item, low, high) for item in items)

    def number(self, key: str) -> float:
        return self._number(key, self._take(key))

    def numbers(self, key: str, count: int | None = None) -> tuple[float, ...]:
        """`count` finite numbers, or any number of them."""
        items = self.items(key)
        if count is not None and len(items) != count:
            raise self.wrong(key, items, f"{count} numbers")
        return tuple(self._number(key, item) for item in items)

    def texts(self, key: str) -> tuple[str, ...]:
        items = self.items(key)
        if not all(isinstance(item, str) for item in items):
            raise self.wrong(key, items, "texts")
        return tuple(items)

    def items(self, key: str) -> list[Any]:
        value = self._take(key)
        if not isinstance(value, list):
            raise self.wrong(key, value, "a list")
        return value

    def inner(self, key: str) -> Fields:
        """The object that stands under a key."""
        return Fields(self._take(key), f"{self.place}: {key}", self.where)

    def each(self, key: str) -> list[Fields]:
        """The objects of a list."""
        return [Fields(item, f"{self.place}: {key}", self.where) for item in self.items(key)]

    def empty(self, key: str) -> bool:
        """True where the value is null."""
        return self._take(key) is None

    def has(self, key: str) -> bool:
        return key in self._content

    def done(self) -> None:
        """Raises BundleError where there is a key that nobody asked for."""
        unknown = sorted(set(self._content) - self._asked)
        if unknown:
            raise BundleError(
                f'{self.place}: unknown key "{unknown[0]}"',
                where=self.where,
                hint="it was written by another version of Intarsia: upgrade, or export again",
            )

    def wrong(self, key: str, value: object, expected: str) -> BundleError:
        """The error for a value that cannot be."""
        said = repr(value)
        said = said if len(said) < 60 else f"{said[:57]}..."
        place = f"{self.place}: {key}" if key else self.place
        return BundleError(f"{place} is {said}", where=self.where, expected=expected)

    def _take(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._content:
            raise BundleError(f"{self.place}: no {key}", where=self.where)
        return self._content[key]

    def _whole(self, key: str, value: object, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, value, f"a whole number from {low} to {high}")
        return value

    def _number(self, key: str, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong(key, value, "a number")
        if not abs(value) <= sys.float_info.max:  # JSON's whole numbers have no end
            raise self.wrong(key, value, "a finite number")
        return float(value)
