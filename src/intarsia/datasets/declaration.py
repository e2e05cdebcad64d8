"""A data set as a dataset.yaml: all that was inferred, for a person to read and correct."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from intarsia.datasets.dataset import Dataset
from intarsia.datasets.drawings.drawing import Drawing
from intarsia.datasets.encodings import Value, show
from intarsia.datasets.layouts.names import split_name
from intarsia.errors import DataError
from intarsia.file_cache import cache_folder
from intarsia.images import write_atomic

FILE_NAME = "dataset.yaml"
_HEAD = """\
# Written by Intarsia from what the files show. It wins over all that is inferred: correct what
# is wrong, and leave out what may be inferred again.
schema: 1
"""


def write_description(data: Dataset, *, empty: str | None = None) -> Path:
    """Write `dataset.yaml` into the data set's folder; opened again it gives the same data set.

    `empty` says what masks of background only mean (background, ignore or drop).

    Raises:
        DataError: there is one already, the data set is a zip, or a file name cannot be written
            as text.
    """
    path = data.root / FILE_NAME
    if path.is_relative_to(cache_folder()):
        raise DataError(
            "a zip cannot hold the dataset.yaml, and the folder that it was unpacked into may be "
            "deleted at any time",
            where=data.root,
            hint="unpack the zip yourself and name the folder",
        )
    for name in (FILE_NAME, "dataset.yml"):
        if (data.root / name).exists():
            raise DataError(
                f"there is a {name} already, and it is not overwritten",
                where=data.root / name,
                hint="edit it; or move it away, and --write writes a fresh one",
            )
    text = describe(data, empty=empty)
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            "a file name is not UTF-8 and cannot stand in dataset.yaml",
            where=data.root,
            hint="rename the files that `intarsia check` calls odd-name",
        ) from error
    write_atomic(path, content)
    return path


def describe(data: Dataset, *, empty: str | None = None, table: str | None = None) -> str:
    """The text of a dataset.yaml that says what this data set is.

    Classes and ignored values, the encoding of the masks, the two folders where images and masks
    lie in one each, channels and scale, groups, splits that were drawn rather than found, and the
    primary figure.
    `table` names a file of splits and groups, as `intarsia split` writes it, that says both.
    """
    lines = [f"# {note}" for note in data.notes if note.isprintable()]
    parts = [_HEAD + "".join(f"{line}\n" for line in lines), _classes(data), _folders(data)]
    parts += [_image(data), _groups(data, table), _splits(data, table)]
    if data.primary is not None:
        of = "" if data.primary.class_name is None else f", class: {_text(data.primary.class_name)}"
        parts.append(f"primary: {{metric: {data.primary.metric}{of}}}\n")
    if meant := empty or data.empty:
        parts.append(f"empty: {meant}  # what masks of background only mean\n")
    return "\n".join(part for part in parts if part)


def _classes(data: Dataset) -> str:
    """Classes by the value in the files, else by name with a map."""
    encoding, table = data.encoding, data.encoding.map
    lines = ["classes:"]
    values = {id_: value for value, id_ in table.items() if id_ is not None}
    # The values of drawings are ours, and others once a class is added: their names are what lasts.
    drawn = any(isinstance(sample.mask, Drawing) for sample in data.samples)
    one_each = len(values) == sum(id_ is not None for id_ in table.values())
    numbers = [values.get(c.id) for c in data.labels.classes]
    by_id = encoding.kind == "ids" and one_each and _ascending(numbers) and not drawn
    by_color = (
        encoding.kind == "colors"
        and one_each
        and all(values.get(c.id) == c.color for c in data.labels.classes)
    )
    standard = {0: 0, 255: 1}
    by_kind = encoding.kind == "binary" and all(table.get(v) == i for v, i in standard.items())
    for label in data.labels.classes:
        id_ = f"id: {values[label.id]}, " if by_id else ""
        color = ", ".join(map(str, label.color))
        lines.append(f"  - {{{id_}name: {_text(label.name)}, color: [{color}]}}")
    mapped = not (by_id or by_color or by_kind or drawn)
    ignored = [value for value, id_ in table.items() if id_ is None]
    if data.ignored:
        lines.append(f"# ignored: {', '.join(_text(name) for name in data.ignored)}")
    if ignored and not mapped and not drawn:
        lines.append(f"ignore_index: [{', '.join(_stored(v) for v in ignored)}]")
    lines.append(f"masks:\n  encoding: {encoding.kind}")
    if encoding.threshold is not None:
        lines.append(f"  threshold: {encoding.threshold}  # from this value on: the second class")
    elif mapped:
        names = data.labels.names
        pairs = [
            f"    {_stored(v)}: {'ignore' if id_ is None else _text(names[id_])}"
            for v, id_ in table.items()
        ]
        lines += ["  map:", *pairs]
    return "\n".join(lines) + "\n" + _mask_folder(data)


def _ascending(values: Iterable[Value | None]) -> bool:
    """Whole numbers from 0, in order: what classes by id stand for."""
    last = -1
    for value in values:
        if not isinstance(value, int) or not last < value <= 65535:
            return False
        last = value
    return True


def _both_folders(data: Dataset) -> tuple[Path, Path] | None:
    """The folder of all images and that of all masks, where the one is never inside the other.

    Instead of the masks, the file of annotations that lies elsewhere.
    """
    if data.groups_given:
        return None  # folders alone would not say that
    drawn = {s.mask.source for s in data.samples if isinstance(s.mask, Drawing)}
    if drawn:
        elsewhere = [source for source in drawn if not source.is_relative_to(data.root)]
        return (data.root, elsewhere[0]) if elsewhere and len(drawn) == 1 else None
    images = [s.image.parent for s in data.samples] + [p.parent for p in data.unpaired_images]
    masks = [s.mask.parent for s in data.samples if isinstance(s.mask, Path)]
    masks += [p.parent for p in data.unpaired_masks]
    if not images or not masks:
        return None
    first, second = Path(os.path.commonpath(images)), Path(os.path.commonpath(masks))
    if first.is_relative_to(cache_folder()):
        return None  # written there out of a table, and gone one day
    if first.is_relative_to(second) or second.is_relative_to(first):
        return None
    # Only where names come out alike: below the image folder, as the layout gave them.
    for sample in data.samples:
        if sample.image.with_suffix("").relative_to(first).as_posix() != sample.name:
            return None
    return first, second


def _folders(data: Dataset) -> str:
    both = _both_folders(data)
    if both is None:
        return f"# images and masks are found by the layout: {data.layout}\n"
    return f"images: {_text(_relative(both[0], data.root))}\n"


def _mask_folder(data: Dataset) -> str:
    both = _both_folders(data)
    return "" if both is None else f"  dir: {_text(_relative(both[1], data.root))}\n"


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _image(data: Dataset) -> str:
    lines = []
    if data.channel_names:
        names = ", ".join(map(_text, data.channel_names))
        lines.append(f"  channels: [{names}]")
    else:
        lines.append(f"  # channels: {data.channels}, without names")
    scaling = data.scaling
    if scaling.rule == "8 bit":
        lines.append("  # scale: 8 bit, 0 to 255 become 0 to 1")
    else:
        lines.append(f"  scale: {{clip: [{scaling.low!r}, {scaling.high!r}]}}  # {scaling.rule}")
    if data.page is not None:
        lines.append(f"  page: {data.page}")
    said = any(not line.lstrip().startswith("#") for line in lines)
    return "\n".join(["image:" if said else "# image:", *lines]) + "\n"


def _groups(data: Dataset, table: str | None) -> str:
    groups = {s.group for s in data.samples}
    if groups == {None}:
        return "groups: none  # every image stands for itself\n"
    if table is not None:
        rule = f"groups: csv:{table}:group\n"
        return rule if data.groups_declared else f"# guessed from the start of the names\n# {rule}"
    if data.groups_given:
        return f"# {len(groups)} groups, as the data set's own files say\n"
    example = _text(str(next(s.group for s in data.samples if s.group is not None)))
    return (
        f"# {len(groups)} groups by the start of the names, such as {example}; other rules are\n"
        '# none, folder, "regex:^(patient\\\\d+)", "csv:patients.csv:patient" ..., or a list\n'
        "# groups: prefix\n"
    )


def _splits(data: Dataset, table: str | None) -> str:
    """Drawn splits by file; those of folders stay where they are."""
    if table is not None:
        return f"splits:\n  file: {table}\n"
    placed = [s for s in data.samples if s.mask is not None or s.split is not None]
    if all(s.split is None for s in placed):
        return "# splits: none yet; `intarsia split` makes some that stay\n"
    if all(_split_of_folders(s.image, data.root) == s.split for s in placed):
        return "# splits: as the folders say\n"
    lines = ["splits:"]
    for split, samples in data.splits.items():
        lines.append(f"  {split}:")
        lines += [f"    - {_text(_file(s.image, data.root))}" for s in samples]
    return "\n".join(lines) + "\n"


def _split_of_folders(path: Path, root: Path) -> str | None:
    parts = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else path.parts[-3:-1]
    found = [split for part in parts if (split := split_name(part)) is not None]
    return found[0] if found else None


def _file(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _stored(value: Value) -> str:
    return str(value) if isinstance(value, int) else f'"{show(value)}"'


def _text(text: str) -> str:
    """A YAML scalar in double quotes, which JSON's are; what YAML would not read is escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(
        c if c.isprintable() or "\ud800" <= c < "\ue000" else rf"\U{ord(c):08x}" for c in quoted
    )
