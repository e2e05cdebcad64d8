"""The splits and groups that a dataset.yaml declares, brought together with the samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from intarsia.datasets.description import Description
from intarsia.datasets.groups import Groups, group_samples, parse_rule
from intarsia.datasets.groups.table import names_of
from intarsia.datasets.sample import Sample
from intarsia.datasets.split_table import apply_rows, read_rows
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError, nearest
from intarsia.images.pixels import read_stack


def declared_splits(
    description: Description, samples: Sequence[Sample], where: Path
) -> tuple[tuple[Sample, ...], list[str]]:
    """The samples with the splits that dataset.yaml lists by name, file or group, or in a table.

    Raises:
        DataError: a name that is no sample, or one in two splits; all faults at once.
    """
    splits = description.splits
    if splits is None:
        return tuple(samples), []
    if splits.file is not None:
        table = where.parent / splits.file
        rows, folds = read_rows(table)
        return apply_rows(rows, samples, where.parent, table, folds=folds)
    by_name = _names(samples, where.parent)
    chosen: dict[str, str] = {}
    faults: list[str] = []
    for split, listed in splits.lists.items():
        names = _list_file(where.parent / listed) if isinstance(listed, str) else listed
        for name in names:
            meant = by_name.get(name)
            if meant is None:
                close = nearest(name, by_name)
                offer = f'; did you mean "{close}"?' if close else ""
                faults.append(f'splits.{split}: no image or group "{name}"{offer}')
                continue
            for sample in meant:
                other = chosen.setdefault(sample.name, split)
                if other != split:
                    faults.append(f"splits: {sample.name} is in {other} and in {split}")
    if faults:
        raise faulty(faults, where)
    kept = tuple(replace(s, split=chosen[s.name]) for s in samples if s.name in chosen)
    notes = [f"the splits are those of {where.name}"]
    if left := len(samples) - len(kept):
        notes.append(f"{left} images are in none of its splits and left out")
    return kept, notes


def _names(samples: Sequence[Sample], root: Path) -> dict[str, list[Sample]]:
    """Everything that a sample may be called by, its group too."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.group is not None:
            groups.setdefault(sample.group, []).append(sample)
    return groups | names_of(samples, root)


def _list_file(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the list of a split cannot be read: {error}", where=path) from error
    return [line.strip() for line in lines if line.strip()]


def declared_groups(
    description: Description, samples: Sequence[Sample], root: Path
) -> Groups | None:
    """The group of every sample by the declared rules, None where each is on its own.

    Groups that stand in the table of a saved split are not worked out again.

    Raises:
        DataError: a rule does not fit the data.
    """
    rules = [parse_rule(text) for text in description.groups or ()]
    saved = description.splits is not None and description.splits.file is not None
    if saved or all(rule.kind == "none" for rule in rules):
        return None

    def read(sample: Sample) -> NDArray[Any]:
        return read_stack(sample.image_files, page=description.image.page)

    return group_samples(samples, rules, root=root, read=read)
