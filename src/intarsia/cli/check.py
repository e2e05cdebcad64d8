"""`intarsia check`."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import (
    DataArgument,
    ImagesOption,
    MasksOption,
    VerboseOption,
    open_dataset,
)
from intarsia.cli.display import progress


def check(
    data: DataArgument = None,
    images: ImagesOption = None,
    masks: MasksOption = None,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write all findings here.", show_default=False),
    ] = None,
    verbose: VerboseOption = False,
) -> None:
    """Find the faults of a data set before a training does.

    Reads every image and every mask in full. Exit code 0: clean or warnings only; 2: errors.

    \b
    Example: intarsia check camvid/ --json findings.json
    """
    from intarsia.doctor import check as examine
    from intarsia.images import write_atomic

    dataset = open_dataset(data, images, masks)
    with progress("checking") as show:
        report = examine(dataset, progress=show)
    typer.echo(str(report))
    if json is not None:
        write_atomic(json, json_.dumps(report.to_json(), indent=1).encode())
    if report.errors:
        raise typer.Exit(2)
