"""What all files of annotations have in common: reading them, and saying what is wrong."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError
from intarsia.images import MAX_PIXELS

_START = 1 << 16
_FARTHEST = 1e7
_EXAMPLES = 3
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # emoji are two of them; one alone is no text


def read_start(path: Path) -> str:
    """The first 64 KiB of a regular file as text, "" where it cannot be read."""
    if not path.is_file():  # reading a pipe would wait for ever
        return ""
    try:
        with path.open("rb") as file:
            return file.read(_START).decode("utf-8-sig", errors="replace")
    except OSError:  # whoever needs the file will say so
        return ""


def read_text(path: Path) -> str:
    """The whole file.

    Raises:
        DataError: it cannot be read or is not UTF-8.
    """
    try:
        if not path.is_file():
            raise DataError("there is no such file", where=path)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=path) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"the file is not UTF-8: {error}", where=path, hint="export the annotations again"
        ) from error


def read_json(path: Path) -> object:
    """The content of a JSON file.

    Raises:
        DataError: it cannot be read, or is not JSON; the place of the fault is named.
    """
    text = read_text(path)
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        cut = isinstance(error, json.JSONDecodeError) and (
            error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        )
        raise DataError(
            f"the file is cut short: {error}" if cut else f"not valid JSON: {error}",
            where=path,
            hint="copy it or export the annotations again",
        ) from error
    if _HALF.search(text):
        try:
            json.dumps(content, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"a text in it is half a character ({error.object[error.start]!r})",
                where=path,
                hint="correct the name, or export the annotations again",
            ) from error
    return content


def refused(faults: Sequence[str], source: Path, hint: str) -> DataError:
    """One error that lists every fault of a file."""
    error = faulty(list(faults), source)
    error.hint = hint
    return error


def ring(numbers: object) -> NDArray[np.float64]:
    """(N, 2) from [x, y, x, y, ...] or [[x, y], ...].

    Raises:
        ValueError: anything else, or numbers that are no coordinates.
    """
    try:
        flat = np.asarray(numbers, np.float64).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("its points are not pairs of numbers") from error
    if flat.size % 2:
        raise ValueError(f"its points are {flat.size} numbers, an odd count")
    if not np.isfinite(flat).all() or (flat.size and np.abs(flat).max() > _FARTHEST):
        raise ValueError("its points hold numbers that are no coordinates")
    return flat.reshape(-1, 2)


def number(item: Mapping[str, object], name: str) -> float:
    """A finite number of a mapping; XML attributes are text.

    Raises:
        ValueError: missing, or no coordinate.
    """
    value = item.get(name)
    try:
        result = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        result = math.nan
    if not abs(result) <= _FARTHEST:
        raise ValueError(f"{name} is {value!r}, not a number")
    return result


def image_size(height: object, width: object) -> tuple[int, int]:
    """(height, width) in pixels.

    Raises:
        ValueError: no whole numbers above 0, or more pixels than an image may have.
    """
    if isinstance(height, str) and isinstance(width, str):
        height, width = (int(v) if v.isdigit() else v for v in (height, width))
    sides = [int(v) if isinstance(v, float) and v.is_integer() else v for v in (height, width)]
    rows, columns = sides
    if type(rows) is not int or type(columns) is not int or rows < 1 or columns < 1:
        raise ValueError(f"its size is {width!r} x {height!r} (width x height)")
    if rows * columns > MAX_PIXELS:
        raise ValueError(f"its size {columns} x {rows} is more than an image may have")
    return rows, columns


def runs(lengths: Any, pixels: int) -> NDArray[np.int64]:
    """Run lengths, numbers or their texts, that fill a box of so many pixels.

    Raises:
        ValueError: they are no lengths, or do not add up.
    """
    try:
        texts = isinstance(lengths, list) and lengths and isinstance(lengths[0], str)
        counts = np.asarray([int(n) for n in lengths] if texts else lengths, np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("its RLE is not a list of whole numbers") from error
    if counts.ndim != 1 or (counts.size and counts.min() < 0):
        raise ValueError("its RLE is not a list of lengths")
    there = float(counts.sum(dtype=np.float64))  # whole numbers might wrap around
    if there != pixels:
        raise ValueError(f"its RLE has {there:.0f} pixels, not the {pixels} of its box")
    return counts


def beyond(points: NDArray[np.float64], size: tuple[int, int]) -> bool:
    """True where points lie more than one pixel outside an image of (height, width)."""
    height, width = size
    return bool(len(points)) and bool(
        (points < -1).any() or (points[:, 0] > width + 1).any() or (points[:, 1] > height + 1).any()
    )


class Oddities:
    """Counts what is left out or cut, to be said once for all."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def add(self, what: str, where: str) -> None:
        """One more case; `what` is a sentence about several."""
        self._counts[what] += 1
        examples = self._examples.setdefault(what, [])
        if where not in examples and len(examples) < _EXAMPLES:
            examples.append(where)

    def notes(self, source: Path) -> tuple[str, ...]:
        """A sentence a kind, with its count and where it was first seen."""
        return tuple(
            f"{source.name}: {what}: {count} ({listed(self._examples[what], count)})"
            for what, count in self._counts.items()
        )


def listed(names: Iterable[str], count: int) -> str:
    """A few names, and ", ..." where there are more."""
    shown = list(names)[:_EXAMPLES]
    return ", ".join(shown) + (", ..." if count > len(shown) else "")


TOO_FEW = "polygons of fewer than 3 points, which cover nothing, are left out"
OUTSIDE = "shapes reach beyond the image and are cut at its border"
EMPTY = "shapes without any point or pixel are left out"
