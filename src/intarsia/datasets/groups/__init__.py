"""Which images belong together and must not be split: one small file a rule."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from intarsia.datasets.groups import capture, dicom, lookalikes, names, recordings, table
from intarsia.datasets.groups.joining import Groups, join_groups
from intarsia.datasets.groups.lookalikes import Read
from intarsia.datasets.groups.names import group_by_prefix, without_split
from intarsia.datasets.groups.rule import FORMS, Rule, parse_rule
from intarsia.datasets.sample import Sample

__all__ = [
    "FORMS",
    "Groups",
    "Read",
    "Rule",
    "group_by_prefix",
    "group_samples",
    "parse_rule",
    "without_split",
]


def group_samples(
    samples: Sequence[Sample], rules: Sequence[Rule], *, root: Path, read: Read
) -> Groups:
    """The group of every sample by name, joined over all rules; None for an image on its own.

    The file of a `csv` rule is relative to `root`; `read` gives the pixels (H, W, C) of a sample.

    Raises:
        DataError: a rule does not fit the data: see each rule.
    """
    found = [_apply(rule, samples, root, read) for rule in rules]
    return join_groups([sample.name for sample in samples], found)


def _apply(rule: Rule, samples: Sequence[Sample], root: Path, read: Read) -> Groups:
    short = {sample.name: without_split(sample) for sample in samples}
    match rule.kind:
        case "prefix":
            return names.by_prefix(short)
        case "folder":
            return names.by_folder(short)
        case "regex":
            return names.by_pattern(short, rule.argument)
        case "csv":
            file, column = rule.table
            return table.by_table(samples, root, Path(os.path.normpath(root / file)), column)
        case "dicom":
            return dicom.by_field(samples, rule.argument)
        case "exif-time":
            return capture.by_time(samples, rule.amount)
        case "gps":
            return capture.by_place(samples, rule.amount)
        case "near-duplicate":
            return lookalikes.by_looks(samples, read)
        case "sequence":
            recordings.check_numbered(short, str(rule))
            return recordings.by_sequence(short)
        case "blocks":
            recordings.check_numbered(short, str(rule))
            return recordings.by_blocks(short, int(rule.amount))
        case "given":
            return {sample.name: sample.group for sample in samples}
        case _:
            return {}
