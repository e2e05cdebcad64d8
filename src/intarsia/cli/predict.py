"""`intarsia predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import DeviceOption, VerboseOption
from intarsia.cli.display import progress
from intarsia.cli.settings import SettingsOption
from intarsia.errors import PredictionError


def predict(
    run: Annotated[
        Path, typer.Argument(metavar="RUN|BUNDLE", help="A run folder, or an exported model.")
    ],
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IMAGE|FOLDER...", help="What to segment.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the masks go.")],
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also the masks drawn over the images.")
    ] = False,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also a probability a class and pixel.")
    ] = False,
    settings: SettingsOption = None,
    device: DeviceOption = "auto",
    verbose: VerboseOption = False,
) -> None:
    """Masks of images or folders, and their measurements.

    Every mask has its image's own size. A file that cannot be read is reported and the
    rest is done; the exit code is then 2.

    \b
    Example: intarsia predict runs/camvid photos/ --out masks/ --overlay
             intarsia predict model.intarsia photos/ --out masks/
             intarsia predict runs/pets photos/ --out out/ --set predict.portrait=pet
    """
    from intarsia.prediction import Predictor, predict_folder

    predictor = Predictor(run, device=device, settings=settings or ())
    with progress("predicting") as show:
        report = predict_folder(
            predictor,
            inputs,
            out,
            overlay=overlay,
            probabilities=probabilities,
            progress=show,
        )
    if report.written:
        typer.echo(f"{len(report.written)} masks in {out}")
    if report.failed:
        raise PredictionError(
            f"{len(report.failed)} of {len(report.failed) + len(report.written)} images failed",
            where="\n         ".join(f"{path}: {message}" for path, message in report.failed),
            hint="the others are done; mend these and predict them into another --out"
            if report.written
            else "nothing was written; give images, such as JPEG, PNG or TIFF",
        )
