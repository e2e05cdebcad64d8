"""Arguments that several verbs take, said once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intarsia.errors import DataError

if TYPE_CHECKING:
    from intarsia.cli.display import Progress
    from intarsia.datasets import Dataset
    from intarsia.file_cache import FileCache

DataArgument = Annotated[
    Path | None,
    typer.Argument(metavar="DATA", help="A folder, a zip or a dataset.yaml.", show_default=False),
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Instead of DATA, with --masks.", show_default=False),
]
MasksOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Instead of DATA, with --images.", show_default=False),
]
DeviceOption = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where the network runs.")
]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")]


def open_dataset(
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    cache: FileCache | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The data set that the arguments name.

    Raises:
        DataError: neither or both of DATA and --images/--masks, or no data set is there.
    """
    from intarsia.datasets import Dataset

    check_named(data, images, masks)
    if data is None:
        return Dataset.open(images=images, masks=masks, cache=cache, progress=progress)
    return Dataset.open(data, cache=cache, progress=progress)


def check_named(data: Path | None, images: Path | None, masks: Path | None) -> None:
    """Whether the arguments name one data set.

    Raises:
        DataError: neither or both of DATA and --images/--masks, or only one of these two.
    """
    apart = images is not None and masks is not None
    if (data is None) == (not apart) or (images is None) != (masks is None):
        raise DataError(
            "which data set?",
            expected="DATA, or both --images DIR and --masks DIR",
            hint="for example: intarsia check camvid/",
        )


def check_output_file(file: Path | None, flag: str) -> None:
    """Whether a file can be written there, asked before long work rather than after it.

    Raises:
        DataError: its folder does not exist, or a folder has its name.
    """
    if file is None:
        return
    if file.is_dir():
        raise DataError("this is a folder, not a file", where=file, hint=f"name a file for {flag}")
    if not file.parent.is_dir():
        raise DataError(
            "no such folder", where=file.parent, hint=f"make it first, or choose another {flag}"
        )
