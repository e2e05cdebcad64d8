"""dataset.yaml and the tables beside it: what the format itself cannot hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from intarsia.conversion.writer import Placed, Writer
from intarsia.datasets import Dataset, Drawing, Sample
from intarsia.datasets.declaration import FILE_NAME, describe
from intarsia.datasets.description_text import edit_description
from intarsia.datasets.split_table import FILE_NAME as SPLITS
from intarsia.datasets.split_table import rows_of, write_rows
from intarsia.images import Scaling, write_atomic

_GROUPS = "groups.csv"


def write_description(
    folder: Path, data: Dataset, placed: Sequence[Placed], writer: Writer, *, pictures: bool
) -> None:
    """Write dataset.yaml, and splits.csv or groups.csv where splits or groups were given.

    With `pictures` the images are no longer in the depth and with the channels of `data`.

    Raises:
        IntarsiaError: the disk is full.
    """
    samples = tuple(_written(folder, one, writer) for one in placed)
    split_given = data.splits_drawn != "all"
    made = replace(
        data,
        root=folder,
        samples=samples,
        labels=writer.labels,
        encoding=writer.encoding,
        layout=writer.layout,
        notes=(f"converted from {data.name}: {data.layout}",),
        unpaired_images=(),
        unpaired_masks=(),
        doubled=(),
        empty=data.empty if data.empty == "background" else None,
        groups_given=False,
    )
    if pictures:
        made = replace(
            made, channels=3, scaling=Scaling(0, 255, "8 bit"), channel_names=(), page=None
        )
    # both by name, so that no layout has to be recognised again
    edits: dict[str, Any] = {"images": writer.images, "masks": {"dir": writer.masks}}
    if writer.naming is None:
        edits["masks"]["encoding"] = writer.encoding.kind
    else:
        renamed = writer.naming.renamed(data.labels)
        edits["remap"] = renamed or None
        edits["order"] = [renamed.get(label, label) for label in writer.naming.labels]
    if split_given:
        write_atomic(folder / SPLITS, write_rows(rows_of(samples, folder), folds=data.folds > 0))
    else:
        edits["splits"] = None
        if data.groups_declared and any(s.group is not None for s in samples):
            write_atomic(folder / _GROUPS, _groups_table(samples, folder))
            edits["groups"] = f"csv:{_GROUPS}:group"
    text = describe(made, table=SPLITS if split_given else None)
    write_atomic(folder / FILE_NAME, edit_description(text, edits)[0].encode())


def _written(folder: Path, placed: Placed, writer: Writer) -> Sample:
    """The sample with the place of its mask, as `describe` looks at it."""
    mask = placed.sample.mask
    if mask is not None and writer.naming is None:
        mask = folder / writer.masks / f"{placed.sample.place}.png"
    elif mask is not None:
        mask = Drawing(folder / writer.masks, writer.layout, "", placed.size, ())
    return replace(placed.sample, name=placed.sample.place, mask=mask)


def _groups_table(samples: Sequence[Sample], root: Path) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image", "group"])
    table.writerows([s.image.relative_to(root).as_posix(), s.group or s.name] for s in samples)
    return text.getvalue().encode()
