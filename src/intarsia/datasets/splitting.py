"""A split that does not leak, drawn once, written beside the data, and only ever added to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intarsia.datasets.content import content_hash
from intarsia.datasets.dataset import Dataset
from intarsia.datasets.description_text import edit_description
from intarsia.datasets.division import Shape, class_presence, divide, infer_rule, short_names
from intarsia.datasets.extension import Newcomer, extend_rows
from intarsia.datasets.groups import Groups, Rule, group_samples, parse_rule
from intarsia.datasets.groups.joining import join_groups
from intarsia.datasets.groups.recordings import border_frames, follow_blocks
from intarsia.datasets.layouts import read_annotation_file, read_file
from intarsia.datasets.opening import open_dataset
from intarsia.datasets.place import description_file
from intarsia.datasets.ratio import parse_ratio
from intarsia.datasets.sample import Sample
from intarsia.datasets.split_summary import SplitSummary, unreachable_classes
from intarsia.datasets.split_table import (
    FILE_NAME,
    LEFT_OUT,
    Row,
    image_name,
    read_rows,
    write_rows,
)
from intarsia.errors import DataError, nearest
from intarsia.images import write_atomic

if TYPE_CHECKING:
    from intarsia.datasets.description import Description

_EXAMPLES = 3


def split_dataset(
    path: str | os.PathLike[str],
    *,
    group_by: Sequence[str] = (),
    ratio: str | None = None,
    folds: int | None = None,
    leave_one_out: bool = False,
    keep_test: bool = False,
    replace_saved: bool = False,
    seed: int = 0,
) -> SplitSummary:
    """Divide a data set and save it: splits.csv, and two keys of dataset.yaml.

    Whole groups stay together, files of equal content too, and rare classes are spread over all
    parts. Nothing else of dataset.yaml is touched.

    Args:
        group_by: rules such as "prefix" or "csv:patients.csv:patient", joined; without any those
            of dataset.yaml, else what the files show.
        ratio: train/val/test, such as "70/15/15"; or `folds`, or `leave_one_out` (a group a fold).
        keep_test: what is in test stays there, and the rest is divided.
        replace_saved: draw anew where splits are already saved.
        seed: of the draw.

    Raises:
        DataError: a rule, a ratio or the data do not fit, a split is already saved, or another
            table has the name of the one to write.
    """
    shape = _shape(ratio, folds, leave_one_out)
    file, description = _described(Path(path))
    if description is not None and description.splits is not None and not replace_saved:
        keep = "" if description.splits.file is None else "add new images with --extend, or "
        raise DataError(
            "the data set has saved splits",
            where=file,
            hint=f"{keep}draw all anew with --replace (results on the new test cannot be compared "
            "with those on the old)",
        )
    _check_table(file.parent / FILE_NAME, description, replace_saved)
    data = _opened(Path(path))
    hashes = content_hashes(data.samples)
    rules, why = _rules(data, description, group_by, shape, file.parent)
    groups = _groups(data, rules, file.parent, hashes)
    fixed = _tests(data, description, file) if keep_test else frozenset[str]()
    presence, unread = class_presence(data)
    places = divide(data.samples, groups, presence, shape, seed, fixed)
    notes = [why, *unread, *_equal_files(hashes)]
    if any(rule.kind == "blocks" for rule in rules):
        border = border_frames(short_names(data), groups, places)
        places |= dict.fromkeys(border, LEFT_OUT)
        if border:
            notes.append(f"{len(border)} frames at the borders of blocks are left out")
    rows = [
        Row(image_name(s, file.parent), places[s.name], groups[s.name], hashes[s.name])
        for s in data.samples
    ]
    written = {
        "groups": str(rules[0]) if len(rules) == 1 else [str(rule) for rule in rules],
        "splits": shape.to_yaml(seed),
    }
    lost = save_split(file, rows, written, folds=shape.is_folds)
    notes += [f"lost in editing: {', '.join(lost)}"] if lost else []
    reach = unreachable_classes(data, groups, presence, places)
    return SplitSummary.of(data, file, rules, places, groups, presence, (*notes, *reach))


def extend_split(path: str | os.PathLike[str]) -> SplitSummary:
    """Add new images to a saved split; none that is in it moves.

    Images are known by content, so that another name changes nothing. New images follow their
    group; new groups are assigned by a hash of their name, salted with the seed.

    Raises:
        DataError: no split is saved, or its rules do not fit the new images.
    """
    file, description = _described(Path(path))
    table = None if description is None or description.splits is None else description.splits.file
    if description is None or description.splits is None or table is None:
        raise DataError(
            "there is no saved split to extend",
            where=file,
            hint="make one first, without --extend",
        )
    splits = description.splits
    saved, in_folds = read_rows(file.parent / table)
    folds = splits.folds if isinstance(splits.folds, int) else None
    if in_folds and splits.folds is None:
        folds = len({row.place for row in saved if row.place.isdigit()})
    shape = Shape(splits.ratio, folds, splits.folds == "leave-one-out")
    rules = [parse_rule(text) for text in description.groups or ["none"]]
    data = _opened(Path(path))
    hashes = content_hashes(data.samples)
    groups = _groups(data, rules, file.parent, hashes)
    known = {row.sha256: row.group for row in saved}
    follows = _block_neighbours(data, rules, {s: known[h] for s, h in hashes.items() if h in known})
    today = [
        Newcomer(
            image_name(s, file.parent), hashes[s.name], groups[s.name], follows.get(s.name, ())
        )
        for s in data.samples
    ]
    done = extend_rows(saved, today, shape.shares, splits.seed)
    write_atomic(file.parent / table, write_rows(done.rows, folds=in_folds))
    by_image = {row.image: row for row in done.rows}
    placed = {s.name: by_image[image_name(s, file.parent)] for s in data.samples}
    presence, unread = class_presence(data)
    listed = (
        ("new images follow their group", done.followed),
        ("new images are in new groups, assigned by their hash", done.added),
        ("new images belong with images of two splits and are left out", done.between),
        ("images have other content than before, and stay where they were by name", done.changed),
        ("images are not there any more; their rows are kept", done.gone),
    )
    notes = [f"{len(names)} {what}{_examples(names)}" for what, names in listed if names]
    return SplitSummary.of(
        data,
        file,
        rules,
        {name: row.place for name, row in placed.items()},
        {name: row.group for name, row in placed.items()},
        presence,
        (*(notes or ["nothing is new"]), *unread),
    )


def save_split(
    file: Path, rows: Sequence[Row], values: Mapping[str, Any], *, folds: bool
) -> list[str]:
    """Write the table, then the keys of dataset.yaml; what was lost of its text, for people."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    new, lost = edit_description(text, values)
    table = file.parent / FILE_NAME
    before = table.read_bytes() if table.is_file() else None
    write_atomic(table, write_rows(rows, folds=folds))
    try:
        write_atomic(file, new.encode())
    except BaseException:  # a full disk, Ctrl-C: the two files belong together
        if before is None:
            table.unlink()
        else:
            write_atomic(table, before)
        raise
    return lost


def content_hashes(samples: Sequence[Sample]) -> dict[str, str]:
    """The hash of every image by name.

    Raises:
        DataError: a file cannot be read.
    """
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda sample: content_hash(sample.image_files), samples))
    return {sample.name: digest for sample, digest in zip(samples, found, strict=True)}


def _shape(ratio: str | None, folds: int | None, leave_one_out: bool) -> Shape:
    if sum((ratio is not None, folds is not None, leave_one_out)) > 1:
        raise DataError("ratio, folds and leave-one-out exclude each other", expected="one of them")
    if folds is not None and folds < 2:
        raise DataError(f"{folds} folds", where="folds", expected="2 or more")
    if ratio is not None:
        parse_ratio(ratio)
    return Shape(ratio, folds, leave_one_out)


def _described(path: Path) -> tuple[Path, Description | None]:
    """The dataset.yaml to write, and what it says where it is there."""
    from intarsia.datasets.description import read_description

    if path.is_file() and path.suffix.lower() not in (".yaml", ".yml"):
        raise DataError(
            "a split is saved in a dataset.yaml beside the data, and this is another file",
            where=path,
            expected="the folder of the data set, or its dataset.yaml",
            hint="unpack it first" if path.suffix.lower() == ".zip" else None,
        )
    file = description_file(path)
    if file.suffix.lower() in (".yaml", ".yml"):
        if read_file(file) is not None or read_annotation_file(file, file.parent) is not None:
            raise DataError(
                "this YAML is that of Ultralytics and cannot hold a split",
                where=file,
                hint="rename it data.yaml: the split is then written into a dataset.yaml beside it",
            )
        return file, read_description(file)
    if file.is_file():
        raise DataError(
            "this file lists a data set and cannot hold its split",
            where=file,
            expected="the folder, where the split is written into dataset.yaml",
        )
    return file / "dataset.yaml", None


def _check_table(table: Path, description: Description | None, replace_saved: bool) -> None:
    """Raise where a table lies there that dataset.yaml does not name: somebody's own work."""
    splits = None if description is None else description.splits
    named = splits is not None and splits.file and Path(splits.file) == Path(FILE_NAME)
    if table.exists() and not named and not replace_saved:
        raise DataError(
            f"there is a {FILE_NAME} that dataset.yaml does not name",
            where=table,
            hint=f"use it with `splits: {{file: {FILE_NAME}}}` in dataset.yaml, or move it away; "
            "--replace overwrites it",
        )


def _opened(path: Path) -> Dataset:
    """All labelled images, with the splits and groups that come with the files."""
    data = open_dataset(path, None, None, 0, divided=False)
    return replace(data, samples=tuple(s for s in data.samples if s.mask is not None))


def _rules(
    data: Dataset,
    description: Description | None,
    group_by: Sequence[str],
    shape: Shape,
    root: Path,
) -> tuple[list[Rule], str]:
    """The rules, and how they came to be."""
    if group_by:
        rules = [_placed_table(parse_rule(text), root) for text in group_by]
        if len(rules) > 1 and any(rule.kind == "none" for rule in rules):
            raise DataError("none is not joined with other rules", where="group-by")
        return rules, f"groups: {' and '.join(map(str, rules))}, as asked for"
    if description is not None and description.groups is not None:
        rules = [parse_rule(text) for text in description.groups]
        return rules, f"groups: {' and '.join(map(str, rules))}, as dataset.yaml says"
    rule, why = infer_rule(data, shape.shares)
    return [rule], f"groups: {rule}, because {why}; --group-by says otherwise"


def _placed_table(rule: Rule, root: Path) -> Rule:
    """A CSV named from where the command is run, named from dataset.yaml instead."""
    if rule.kind != "csv":
        return rule
    file, column = rule.table
    if Path(file).is_file():
        file = Path(os.path.relpath(file, root)).as_posix()
    elif not (root / file).is_file():
        folder = Path(file).parent
        beside = [p.name for place in (folder, root / folder) for p in place.glob("*.csv")]
        close = nearest(Path(file).name, beside)
        raise DataError(
            "the table cannot be read: it is neither here nor in the folder of the data",
            where=file,
            hint=f'did you mean "{folder / close}"?' if close else None,
        )
    return replace(rule, argument=f"{file}:{column}")


def _groups(data: Dataset, rules: Sequence[Rule], root: Path, hashes: Mapping[str, str]) -> Groups:
    """By the rules; and files of equal content together, whatever the rules say."""
    by_rule = group_samples(data.samples, rules, root=root, read=data.read_image)
    first: dict[str, str] = {}
    copies: dict[str, str | None] = {}
    for name, digest in hashes.items():
        if (original := first.setdefault(digest, name)) != name:
            copies[name] = copies[original] = f"same as {original}"
    return join_groups(list(hashes), [by_rule, copies])


def _equal_files(hashes: Mapping[str, str]) -> list[str]:
    extra = len(hashes) - len(set(hashes.values()))
    return [f"{extra} images are copies of others, byte by byte, and stay with them"] * bool(extra)


def _tests(data: Dataset, description: Description | None, file: Path) -> frozenset[str]:
    """The images that lie in test by their folder, or by dataset.yaml."""
    from intarsia.datasets.declared_partition import declared_splits

    samples: Sequence[Sample] = data.samples
    if description is not None:
        samples, _ = declared_splits(description, samples, file)
    found = frozenset(s.name for s in samples if s.split == "test")
    if not found:
        raise DataError("there is no test to keep", where=file.parent, hint="leave out --keep-test")
    return found


def _block_neighbours(
    data: Dataset, rules: Sequence[Rule], saved: Mapping[str, str | None]
) -> dict[str, tuple[str, ...]]:
    if not any(rule.kind == "blocks" for rule in rules):
        return {}
    return follow_blocks(short_names(data), saved)


def _examples(names: Sequence[str]) -> str:
    return f": {', '.join(names[:_EXAMPLES])}" + (", ..." if len(names) > _EXAMPLES else "")
