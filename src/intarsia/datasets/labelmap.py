"""The `labelmap.txt` that CVAT writes beside colour masks."""

from __future__ import annotations

from pathlib import Path

from intarsia.errors import DataError
from intarsia.labels import Color

FILE_NAME = "labelmap.txt"
_VOID = frozenset({"void", "ignore", "ignored", "unlabeled", "unlabelled"})


def is_void(name: str) -> bool:
    """True for a name that says itself that its pixels do not count."""
    return name.strip().lower() in _VOID


def read_labelmap(path: Path) -> list[tuple[str, Color]]:
    """(name, colour) of every class in the order of the file.

    A line is `name:r,g,b:parts:actions`; lines that start with # are comments.

    Raises:
        DataError: a line of another form, or a name or colour twice; all faults at once.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the label map cannot be read: {error}", where=path) from error
    classes: list[tuple[str, Color]] = []
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = line.split(":")
        color = _color(parts[1]) if len(parts) > 1 else None
        name = parts[0].strip()
        if not name or color is None:
            faults.append(f"line {number}: {line.strip()!r} is not name:r,g,b::")
        elif any(name == n for n, _ in classes):
            faults.append(f'line {number}: class "{name}" stands twice')
        elif any(color == c for _, c in classes):
            faults.append(f"line {number}: colour {color} stands twice")
        else:
            classes.append((name, color))
    if not classes and not faults:
        faults.append("it names no class")
    if faults:
        raise DataError("; ".join(faults), where=path, expected="a line a class: name:r,g,b::")
    return classes


def _color(text: str) -> Color | None:
    numbers = text.split(",")
    if len(numbers) != 3 or not all(
        n.strip().isdecimal() and len(n) < 9 and int(n) < 256 for n in numbers
    ):
        return None
    red, green, blue = (int(n) for n in numbers)
    return (red, green, blue)
