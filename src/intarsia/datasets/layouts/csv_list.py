"""A CSV of paths: the columns image and mask, and split and group where they are wanted."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from intarsia.datasets.formats.source import read_text
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.lists import listed_file, offer_beside, sample_name
from intarsia.datasets.layouts.names import split_name
from intarsia.datasets.pairing import Pairs
from intarsia.datasets.sample import Sample
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError, did_you_mean, nearest

COLUMNS = ("image", "mask", "split", "group")
_NEEDED = COLUMNS[:2]
_SPLITS = ("train", "val", "test")


def read(path: Path) -> Found | None:
    """Samples of train.csv, val.csv and test.csv; None where they list something else.

    Raises:
        DataError: faults in the rows of a list.
    """
    files = _split_files(path)
    try:
        fit = bool(files) and all(set(_NEEDED) <= set(_header(file)) for _, file in files)
    except DataError:  # a table of something else, in another encoding
        return None
    return _read(files) if fit else None


def read_misnamed(path: Path) -> Found | None:
    """Says what is wrong with such lists, where no other layout fits the folder.

    Raises:
        DataError: there are lists, with other columns.
    """
    files = _split_files(path)
    return _read(files) if files else None


def read_file(path: Path) -> Found | None:
    """Samples of one CSV.

    Raises:
        DataError: other columns (the nearest are offered), or faults in the rows, all at once.
    """
    return _read([(None, path)]) if path.suffix.lower() == ".csv" else None


def _split_files(path: Path) -> list[tuple[str | None, Path]]:
    files = [f for f in sorted(path.glob("*.csv")) if f.is_file()]
    found = [(split, f) for f in files if (split := split_name(f.stem)) is not None]
    return sorted(found, key=lambda item: _SPLITS.index(item[0] or ""))


def _header(path: Path) -> list[str]:
    start = read_text(path).splitlines()[:1]
    try:
        rows = list(csv.reader(start, delimiter=_delimiter(start[0]))) if start else []
    except csv.Error as error:
        raise DataError(f"not a CSV: {error}", where=path) from error
    return [cell.strip().lower() for cell in rows[0]] if rows else []


def _delimiter(line: str) -> str:
    """What stands most often in the first line: a comma, a semicolon (Excel) or a tab."""
    return max((",", ";", "\t"), key=line.count)


def _read(files: list[tuple[str | None, Path]]) -> Found:
    samples: list[Sample] = []
    bare: list[Path] = []
    seen: dict[Path, str] = {}
    for split, file in files:
        inside, without = _rows(file, split, seen)
        samples += inside
        bare += without
    notes = []
    if bare:
        notes.append(
            f"{len(bare)} rows have no mask and are left out, such as {bare[0].name}; none is "
            "taken for background"
        )
    named = ", ".join(file.name for _, file in files)
    return Found(f"CSV of paths: {named}", Pairs(tuple(samples)), tuple(notes))


def _rows(path: Path, split: str | None, seen: dict[Path, str]) -> tuple[list[Sample], list[Path]]:
    header = _header(path)
    _check_columns(header, path)
    text = read_text(path)
    rows = csv.reader(io.StringIO(text), delimiter=_delimiter(text.splitlines()[0]))
    try:
        lines = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise DataError(
            f"not a CSV: {error}", where=path, hint=f"see line {rows.line_num}"
        ) from error
    samples: list[Sample] = []
    bare: list[Path] = []
    faults: list[str] = []
    for line, row in lines[1:]:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            faults.append(f"line {line}: {len(row)} cells, and the first line has {len(header)}")
            continue
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        image = _file(cells["image"], "image", path, line, faults)
        mask = _file(cells["mask"], "mask", path, line, faults) if cells["mask"] else None
        own = _split(cells, split, line, faults)
        if image is None or (cells["mask"] and mask is None):
            continue
        if image in seen:
            faults.append(f"line {line}: {cells['image']} stands in {seen[image]} too")
            continue
        seen[image] = f"{path.name} line {line}"
        if mask is None:
            bare.append(image)
            continue
        name = sample_name(image, path.parent)
        samples.append(Sample(name, image, mask, own, cells.get("group") or None))
    if faults:
        raise faulty(faults, path)
    return samples, bare


def _check_columns(header: list[str], path: Path) -> None:
    missing = [name for name in _NEEDED if name not in header]
    doubled = [name for name in COLUMNS if header.count(name) > 1]
    if not missing and not doubled:
        return
    others = [name for name in header if name not in COLUMNS]
    offers = [
        f'rename the column "{close}" to "{name}"'
        for name in missing
        if (close := nearest(name, others)) is not None
    ]
    what = (
        f"no column {' and no column '.join(missing)}"
        if missing
        else f"the column {doubled[0]} stands twice"
    )
    raise DataError(
        f"{what} (found: {', '.join(header) or 'nothing'})",
        where=path,
        expected="the columns image and mask, and optionally split and group",
        hint="; ".join(offers) or "write the names of the columns into the first line",
    )


def _file(cell: str, column: str, path: Path, line: int, faults: list[str]) -> Path | None:
    file = listed_file(path.parent, cell)
    if cell and file.is_file():
        return file
    if not cell:
        faults.append(f"line {line}: no image")
        return None
    faults.append(f"line {line}: no {column} {cell}{offer_beside(file, faults)}")
    return None


def _split(cells: Mapping[str, str], split: str | None, line: int, faults: list[str]) -> str | None:
    named = cells.get("split", "")
    own = split_name(named) if named else split
    if named and own is None:
        faults.append(f'line {line}: no split "{named}"; {did_you_mean(named, _SPLITS)}')
    elif split is not None and own != split:
        faults.append(f"line {line}: the split {named} in the list of {split}")
    return own
