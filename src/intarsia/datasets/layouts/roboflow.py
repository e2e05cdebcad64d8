"""Roboflow's "Semantic Segmentation Masks" export: x.jpg, x_mask.png and _classes.csv."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

from intarsia.datasets.classes import Classes, from_values
from intarsia.datasets.formats.source import read_text
from intarsia.datasets.layouts import suffixes
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import split_folders
from intarsia.datasets.pairing import Pairs
from intarsia.datasets.sample import Sample
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError

_FILE = "_classes.csv"
_COPY = ".rf."  # NAME_jpg.rf.HASH.jpg: one copy of NAME, augmented or not


def read(path: Path) -> Found | None:
    """Samples of train/, valid/ and test/, or of one folder, by the suffix _mask.

    Raises:
        DataError: faults in a _classes.csv, or two that differ.
    """
    splits: list[tuple[str | None, Path]] = [
        (split, folder) for split, folder in split_folders(path) if (folder / _FILE).is_file()
    ]
    if not splits:
        if not (path / _FILE).is_file():
            return None
        splits = [(None, path)]
    tables = {folder / _FILE: _read_classes(folder / _FILE) for _, folder in splits}
    (first, names), *others = tables.items()
    for file, other in others:
        if other != names:
            raise DataError(
                f"the classes differ from those of {first.parent.name}/{_FILE}",
                where=file,
                expected=", ".join(f"{value} {name}" for value, name in names.items()),
                hint="export all splits from one version of the project",
            )
    pairs = Pairs()
    for split, folder in splits:
        prefix = "" if split is None else f"{folder.name}/"
        pairs += suffixes.pair_by_suffix(folder, prefix=prefix, split=split) or Pairs()
    pairs = replace(pairs, samples=_grouped(pairs.samples))
    return Found(f"Roboflow: pairs with {_FILE}", pairs, (), _classes(names))


def _read_classes(path: Path) -> dict[int, str]:
    rows = list(csv.reader(read_text(path).splitlines(), skipinitialspace=True))
    named: dict[int, str] = {}
    faults: list[str] = []
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if header != ["pixel value", "class"]:
        raise DataError(
            f"the first line is {', '.join(header) or 'empty'!s}",
            where=path,
            expected="Pixel Value, Class",
            hint="export again from Roboflow as Semantic Segmentation Masks",
        )
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        value = row[0].strip()
        name = row[1].strip() if len(row) == 2 else ""
        if not value.isdecimal() or not name:
            faults.append(f"line {number}: {', '.join(row)!r} is not a pixel value and a class")
        elif int(value) in named:
            faults.append(f"line {number}: the pixel value {value} stands twice")
        else:
            named[int(value)] = name
    if faults:
        raise faulty(faults, path)
    return named


def _classes(named: dict[int, str]) -> Classes:
    return from_values(named, _FILE)


def _grouped(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Copies of one photograph belong together, where there are copies."""
    sources = {s.name: s.name.rpartition("/")[2].partition(_COPY)[0] for s in samples}
    if max(Counter(sources.values()).values(), default=0) < 2:
        return samples
    return tuple(replace(s, group=sources[s.name]) for s in samples)
