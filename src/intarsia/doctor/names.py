"""Findings about the names of files, and about links."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from intarsia.datasets import Dataset
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Finding

_LONGEST = 240  # bytes: with an ending of its own, what is written beside it has to fit too


def findings(data: Dataset) -> Iterator[Finding]:
    """Everything about names and links, of samples and of files that stayed alone."""
    files = [s.image for s in data.samples]
    files += [s.mask for s in data.samples if isinstance(s.mask, Path)]
    files += [*data.unpaired_images, *data.unpaired_masks]
    for path in files:
        fault = _fault(path.name)
        if fault is not None:
            yield Finding.of(
                "odd-name",
                shown(path, data),
                fault,
                expected="printable UTF-8 of at most 240 bytes",
                hint="it works here; rename image and mask before others have to read them",
            )
    yield from _collisions(files, data)
    yield from _links(files, data)


def _fault(name: str) -> str | None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "the name is not UTF-8"
    if not name.isprintable() and any(ord(c) < 32 or ord(c) == 127 for c in name):
        return "a line break or another control character in the name"
    if name != name.strip() or " ." in name:
        return "a space at the beginning or the end of the name"
    return f"a name of {size} bytes" if size > _LONGEST else None


def _collisions(files: Iterable[Path], data: Dataset) -> Iterator[Finding]:
    seen: dict[str, Path] = {}
    for path in files:
        first = seen.setdefault(str(path).casefold(), path)
        if first != path:
            yield Finding.of(
                "case-collision",
                shown(path, data),
                f"differs from {shown(first, data)} in upper and lower case only",
                expected="names that differ on every computer",
                hint="Windows and macOS keep one of the two: rename one",
                other=shown(first, data),
            )


def _links(files: Iterable[Path], data: Dataset) -> Iterator[Finding]:
    root = Path(os.path.realpath(data.root))
    for path in files:
        # os.path: thrice as fast, and there may be 100,000. A link to nothing has its own finding.
        if not os.path.islink(path) or not path.exists():  # noqa: PTH114
            continue
        target = Path(os.path.realpath(path))
        if path.is_relative_to(data.root) and not target.is_relative_to(root):
            yield Finding.of(
                "link-outside",
                shown(path, data),
                f"leads to {target}",
                expected="files inside the data set's folder",
                hint="the data set cannot be moved or packed so: copy the file into it",
            )
