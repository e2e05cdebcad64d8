"""`intarsia evaluate`."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import (
    DataArgument,
    DeviceOption,
    ImagesOption,
    MasksOption,
    VerboseOption,
    check_output_file,
    open_dataset,
)
from intarsia.cli.display import progress
from intarsia.cli.settings import SettingsOption, open_run


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    data: DataArgument = None,
    images: ImagesOption = None,
    masks: MasksOption = None,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="train, val or test; of folds, out-of-fold or test.")
    ] = "val",
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the sheet here.", show_default=False),
    ] = None,
    details: Annotated[
        bool,
        typer.Option("--details", help="Also borders, calibration and kinds of error (slower)."),
    ] = False,
    settings: SettingsOption = None,
    device: DeviceOption = "auto",
    verbose: VerboseOption = False,
) -> None:
    """The metric sheet of a run on one split.

    Measured at the images' own size, and added to the run's report. Without DATA: the data of
    the training. A look at `test` is recorded in the run. What --set changes is measured
    beside the run's own sheet, under a name that says so. Of a cross-validation, out-of-fold
    measures each image with the fold that has not seen it, everything else the ensemble.

    \b
    Example: intarsia evaluate runs/camvid camvid/ --split val
    """
    from intarsia.evaluation import evaluate as measure
    from intarsia.file_cache import FileCache
    from intarsia.images import write_atomic
    from intarsia.reporting import write_report
    from intarsia.runs import Run

    check_output_file(json, "--json")
    opened = open_run(run, settings)
    given = data is not None or images is not None or masks is not None
    dataset = open_dataset(data, images, masks, FileCache.of_user()) if given else None
    with progress(f"evaluating {split}") as show:
        sheet = measure(opened, dataset, split=split, details=details, device=device, progress=show)
    typer.echo(str(sheet))
    if json is not None:
        write_atomic(json, json_.dumps(sheet.to_json(), indent=1).encode())
    with progress("writing the report") as show:
        # its pictures and facts are of the run as it was trained
        write_report(Run.open(run), progress=show)
