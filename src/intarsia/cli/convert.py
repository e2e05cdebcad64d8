"""`intarsia convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import ImagesOption, MasksOption, VerboseOption, open_dataset
from intarsia.cli.display import progress
from intarsia.errors import DataError


def convert(
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="index, palette (VOC), color, coco, labelme, cvat or label-studio.",
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Argument(metavar="IN", help="A folder, a zip or a dataset.yaml.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="A new or an empty folder.", show_default=False),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="Rename a class; repeatable.", show_default=False),
    ] = None,
    merge: Annotated[
        list[str] | None,
        typer.Option(metavar="NEW=A+B", help="Join classes; repeatable.", show_default=False),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B", help="Let classes not count.", show_default=False),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="All classes that are left.", show_default=False),
    ] = None,
    images: ImagesOption = None,
    masks: MasksOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Write a data set again in another format, to the pixel.

    Images are copied, nothing of IN is touched, and what a format cannot hold is said. With
    --images and --masks only OUT is named.

    \b
    Example: intarsia convert camvid/ camvid-cvat/ --to cvat
             intarsia convert camvid/ merged/ --to index --merge Vehicle=Car+Truck --drop Fence
    """
    from intarsia.conversion import FORMATS
    from intarsia.conversion import convert as write
    from intarsia.datasets.class_flags import ClassFlags
    from intarsia.errors import did_you_mean
    from intarsia.file_cache import FileCache

    if to not in FORMATS:  # before a large data set is opened
        raise DataError(f'no format "{to}"', hint=did_you_mean(to, FORMATS))
    if images is not None and masks is not None and out is None:
        data, out = None, data
    if out is None:
        raise DataError(
            "where to?", expected="intarsia convert IN OUT --to FORMAT", hint="name a new folder"
        )
    with progress("reading the masks") as show:
        opened = open_dataset(data, images, masks, FileCache.of_user(), show)
    flags = ClassFlags(rename or (), merge or (), drop or (), order)
    with progress("converting") as show:
        done = write(flags.apply(opened), out, to, progress=show)
    typer.echo(str(done))
