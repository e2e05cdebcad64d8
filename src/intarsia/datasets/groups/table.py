"""Groups from a column of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from intarsia.datasets.groups.joining import Groups
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError, did_you_mean

_EXAMPLES = 3
_SNIFFED = 8192


def by_table(samples: Sequence[Sample], root: Path, file: Path, column: str) -> Groups:
    """The value of `column` in the row of every image.

    The column of images is the one whose values fit most of them: names, file names or paths
    relative to `root`, with or without the extension.

    Raises:
        DataError: no such file or column (the nearest is named), no column of images, an image
            twice with two values, or images without a value; all faults of the rows at once.
    """
    header, rows = read_table(file)
    if column not in header:
        raise DataError(
            f'the table has no column "{column}"', where=file, hint=did_you_mean(column, header)
        )
    called = names_of(samples, root)
    images = _image_column(header, rows, called, file)
    groups: Groups = {}
    faults: list[str] = []
    for row in rows:
        value = row[column].strip()
        for sample in called.get(row[images].strip(), ()):
            before = groups.setdefault(sample.name, value)
            if before != value:
                faults.append(f'{sample.name} stands twice, as "{before}" and as "{value}"')
    missing = [s.name for s in samples if not groups.get(s.name)]
    if missing:
        listed = ", ".join(missing[:_EXAMPLES]) + (", ..." if len(missing) > _EXAMPLES else "")
        faults.append(f"no {column} for {len(missing)} of {len(samples)} images: {listed}")
    if faults:
        shown = "\n    ".join(faults[:20])
        raise DataError(
            f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in its rows:\n    {shown}",
            where=file,
            expected=f"one row with a {column} for every image",
        )
    return groups


def read_table(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows of a CSV file with commas, semicolons or tabs.

    Raises:
        DataError: it cannot be read, is empty, or has two columns of one name.
    """
    try:
        # utf-8-sig: spreadsheets write a byte order mark; names need not be UTF-8
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            start = text.read(_SNIFFED).partition("\n")[0]
            text.seek(0)
            delimiter = max(",;\t", key=start.count)
            lines = list(csv.reader(text, delimiter=delimiter))
    except (OSError, csv.Error) as error:
        raise DataError(f"the table cannot be read: {error}", where=file) from error
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if not lines:
        raise DataError("the table is empty", where=file, expected="a header and rows")
    header = [cell.strip() for cell in lines[0]]
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise DataError(f'two columns are called "{doubled[0]}"', where=file)
    rows = [
        dict(zip(header, [*line, *[""] * (len(header) - len(line))], strict=False))
        for line in lines[1:]
    ]
    return header, rows


def names_of(samples: Sequence[Sample], root: Path) -> dict[str, list[Sample]]:
    """Everything that a sample may be called by: name and path, else file name and stem.

    What is the whole name of one sample means no other one, such as "1" beside "more/1".
    """
    called: dict[str, list[Sample]] = {}
    for sample in samples:
        for name in _whole_names(sample, root):
            called.setdefault(name, []).append(sample)
    whole = set(called)
    for sample in samples:
        last = PurePosixPath(sample.name).name
        for name in {sample.image.name, sample.image.stem, last} - whole:
            called.setdefault(name, []).append(sample)
    return called


def _whole_names(sample: Sample, root: Path) -> set[str]:
    names, image = {sample.name}, sample.image
    if image.is_relative_to(root):
        relative = image.relative_to(root)
        names |= {relative.as_posix(), relative.with_suffix("").as_posix()}
    return names


def _image_column(
    header: Sequence[str],
    rows: Sequence[Mapping[str, str]],
    called: Mapping[str, Sequence[Sample]],
    file: Path,
) -> str:
    fits = {name: sum(row[name].strip() in called for row in rows) for name in header}
    best = max(header, key=fits.__getitem__)
    if not fits[best]:
        raise DataError(
            f"no column of the table names the images ({', '.join(header)})",
            where=file,
            expected=f"a column with names such as {next(iter(called), 'image_1.png')}",
        )
    return best
