"""Text files that list names, one a line."""

from __future__ import annotations

from pathlib import Path

from intarsia.errors import DataError


def read_lines(path: Path) -> list[tuple[int, str]]:
    """(line number, name) of every line that is not empty; quotes around a name are dropped.

    Raises:
        DataError: the file cannot be read as UTF-8 text.
    """
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [(number, name) for number, line in lines if (name := line.strip().strip('"'))]


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, without a byte-order mark.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the file cannot be read: {error}", where=path) from error
