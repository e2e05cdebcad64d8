"""Files that list names or paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from intarsia.datasets.formats.source import read_text
from intarsia.datasets.pairing import entries
from intarsia.errors import DataError, nearest

_LONGEST = 4096  # bytes of a path, on Linux
_MOST_OFFERS = 20  # looking for the nearest name is slow, and no more faults are shown


def read_lines(path: Path) -> list[tuple[int, str]]:
    """(line number, name) of every line that is not empty; quotes around a name are dropped.

    Raises:
        DataError: the file cannot be read as UTF-8 text.
    """
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [(number, name) for number, line in lines if (name := line.strip().strip('"'))]


def listed_file(folder: Path, cell: str) -> Path:
    """The file that a list in `folder` means by a relative or absolute path, without "..".

    Raises:
        DataError: no file can be called so.
    """
    file = Path(os.path.normpath(folder / cell))
    if len(os.fsencode(file)) >= _LONGEST or any(len(os.fsencode(p)) > 255 for p in file.parts):
        raise DataError(f"a name in it is too long for a file: {cell[:60]}...", where=folder)
    return file


def sample_name(image: Path, root: Path) -> str:
    """The path below `root` without extension; never absolute and never leading upwards.

    >>> sample_name(Path("/d/set/a/1.png"), Path("/d/set"))
    'a/1'
    >>> sample_name(Path("/d/other/1.png"), Path("/d/set"))
    'other/1'
    """
    relative = Path(os.path.relpath(image, root)).with_suffix("")
    return "/".join(part for part in relative.parts if part not in ("..", relative.anchor))


def offer(name: str, choices: Iterable[str], faults: Sequence[str]) -> str:
    """The nearest name as the end of a sentence, empty where nothing is near."""
    close = nearest(name, choices) if len(faults) < _MOST_OFFERS else None
    return f'; did you mean "{close}"?' if close else ""


def offer_beside(file: Path, faults: Sequence[str]) -> str:
    """As `offer`, out of what lies in the folder of a file that is not there."""
    folder = file.parent
    if len(faults) >= _MOST_OFFERS or not folder.is_dir():
        return ""
    return offer(file.name, [path.name for path in entries(folder)], faults)
