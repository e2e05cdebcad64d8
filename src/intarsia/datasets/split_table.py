"""splits.csv: one row an image, its split or fold, its group, and the hash of its content."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intarsia.datasets.content import content_hash
from intarsia.datasets.groups.table import names_of, read_table
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError, nearest

FILE_NAME = "splits.csv"
SPLITS = ("train", "val", "test")
LEFT_OUT = ""
_MOST_FAULTS = 20
_EXAMPLES = 3


@dataclass(frozen=True)
class Row:
    """One image: `place` is a split, the number of a fold as text, or `LEFT_OUT`."""

    image: str
    place: str
    group: str | None = None
    sha256: str | None = None


def write_rows(rows: Sequence[Row], *, folds: bool) -> bytes:
    """The rows as CSV; the column `fold` of a test that is kept apart says `test`."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image", "fold" if folds else "split", "group", "sha256"])
    table.writerows([r.image, r.place, r.group or "", r.sha256 or ""] for r in rows)
    # names that are no UTF-8 go out as they came in
    return text.getvalue().encode("utf-8", errors="surrogateescape")


def read_rows(file: Path) -> tuple[list[Row], bool]:
    """The rows, and whether they give folds.

    Raises:
        DataError: no such file, no column `image`, or neither `split` nor `fold`; a value that is
            none; an image twice. All faults at once.
    """
    header, lines = read_table(file)
    folds = "fold" in header
    if "image" not in header or folds == ("split" in header):
        raise DataError(
            f"this is no table of splits: its columns are {', '.join(header)}",
            where=file,
            expected="image, one of split and fold, and if you like group and sha256",
        )
    rows: list[Row] = []
    faults: list[str] = []
    seen: set[str] = set()
    for number, line in enumerate(lines, start=2):
        place = line["fold" if folds else "split"].strip()
        place = {"valid": "val", "validation": "val"}.get(place, place)
        image = line["image"]
        allowed = ("test", LEFT_OUT) if folds else (*SPLITS, LEFT_OUT)
        if place not in allowed and not (folds and place.isascii() and place.isdigit()):
            said = "a number from 0, or test" if folds else "train, val or test"
            faults.append(f'row {number}: "{place}" is not {said}')
        if image in seen:
            faults.append(f"row {number}: {image} stands twice")
        seen.add(image)
        rows.append(
            Row(image, place, line.get("group") or None, line.get("sha256", "").lower() or None)
        )
    numbers = sorted({int(row.place) for row in rows if row.place.isdigit()}) if not faults else []
    if numbers and numbers != list(range(len(numbers))):
        faults.append(f"the folds are {', '.join(map(str, numbers[:20]))}: count them from 0")
    if faults:
        raise DataError(
            f"{len(faults)} faults:\n    " + "\n    ".join(faults[:_MOST_FAULTS]), where=file
        )
    return rows, folds


def image_name(sample: Sample, root: Path) -> str:
    """What a sample is called in the table: its path below `root`, its name where it is not."""
    image = sample.image
    return image.relative_to(root).as_posix() if image.is_relative_to(root) else sample.name


def apply_rows(
    rows: Sequence[Row], samples: Sequence[Sample], root: Path, file: Path, *, folds: bool
) -> tuple[tuple[Sample, ...], list[str]]:
    """The samples that the table places, and what there is to say.

    A file under another name is known by its content. Of folds the first is val. Images that
    nobody has labelled are none of the table's business, and stay.

    Raises:
        DataError: the table names none of the images, or one of two.
    """
    unlabelled = tuple(sample for sample in samples if sample.mask is None)
    samples = [sample for sample in samples if sample.mask is not None]
    meant, missing = _match(rows, samples, root, file)
    notes = [f"the splits are those of {file.name}"]
    left = {sample.name: sample for sample in samples}
    for sample in meant.values():
        del left[sample.name]
    renamed = _renamed(missing, left)
    notes += [
        f"{len(renamed)} images have other names than in {file.name} and are known by their "
        f"content: {row.image} is now {image_name(sample, root)}"
        for row, sample in list(renamed.items())[:1]
    ]
    meant |= renamed
    for sample in renamed.values():
        del left[sample.name]
    if gone := [row.image for row in missing if row not in renamed]:
        notes.append(
            f"{len(gone)} images of {file.name} are not there: {', '.join(gone[:_EXAMPLES])}"
        )
    if left:
        notes.append(
            f"{len(left)} images are not in {file.name} and left out: "
            f"{', '.join(list(left)[:_EXAMPLES])}; `intarsia split DATA --extend` adds new ones"
        )
    placed = {sample.name: row for row, sample in meant.items() if row.place != LEFT_OUT}
    if dropped := len(meant) - len(placed):
        notes.append(f"{dropped} images have no split in {file.name} and are left out")
    if folds:
        notes.append(
            f"{len({r.place for r in placed.values()} - {'test'})} folds; val is fold 0 here"
        )
    grouped = any(row.group for row in rows)
    kept = tuple(
        _placed(sample, placed[sample.name], grouped) for sample in samples if sample.name in placed
    )
    return (*kept, *unlabelled), notes


def _placed(sample: Sample, row: Row, grouped: bool) -> Sample:
    fold = int(row.place) if row.place not in SPLITS else None
    split = row.place if fold is None else ("val" if fold == 0 else "train")
    group = row.group if grouped else sample.group
    return replace(sample, split=split, fold=fold, group=group, sha256=row.sha256)


def _match(
    rows: Sequence[Row], samples: Sequence[Sample], root: Path, file: Path
) -> tuple[dict[Row, Sample], list[Row]]:
    """Every row with its sample, and the rows without one."""
    exact = {image_name(sample, root): sample for sample in samples}
    called = names_of(samples, root)
    meant: dict[Row, Sample] = {}
    missing: list[Row] = []
    faults: list[str] = []
    taken: dict[str, str] = {}
    for row in rows:
        found = [exact[row.image]] if row.image in exact else called.get(row.image, [])
        if len(found) > 1:
            faults.append(f"{row.image} may be {found[0].name} or {found[1].name}")
        elif found and found[0].name in taken:
            faults.append(f"{row.image} and {taken[found[0].name]} are one image")
        elif found:
            meant[row] = found[0]
            taken[found[0].name] = row.image
        else:
            missing.append(row)
    if faults:
        raise DataError(
            f"{len(faults)} faults:\n    " + "\n    ".join(faults[:_MOST_FAULTS]), where=file
        )
    if not meant:
        close = nearest(rows[0].image, called) if rows else None
        raise DataError(
            f"none of the {len(samples)} images is in the table",
            where=file,
            expected=f"names such as {next(iter(exact), 'images/a.jpg')}",
            hint=f'did you mean "{close}" by "{rows[0].image}"?' if close else None,
        )
    return meant, missing


def _renamed(missing: Sequence[Row], left: Mapping[str, Sample]) -> dict[Row, Sample]:
    """Rows without a file, and files without a row, that have the same content."""
    wanted = {row.sha256: row for row in missing if row.sha256}
    if not wanted:
        return {}
    found: dict[Row, Sample] = {}
    for sample in left.values():
        row = wanted.pop(content_hash(sample.image_files), None)
        if row is not None:
            found[row] = sample
    return found
