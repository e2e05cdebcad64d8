"""`intarsia reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import DeviceOption, VerboseOption
from intarsia.cli.display import show_messages


def reproduce(
    name: Annotated[str, typer.Argument(metavar="NAME", help="R0 to R4, or the system's name.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Runs and report.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="A data set.", show_default=False),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="An epoch on a few small images, made or given.")
    ] = False,
    time: Annotated[
        str | None,
        typer.Option(metavar="20m", help="Fit each training to this time.", show_default=False),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="EXPERIMENT", help="One of its trainings; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in the same folder.")] = False,
    device: DeviceOption = "auto",
    verbose: VerboseOption = False,
) -> None:
    """Train and measure a published system; their table beside ours.

    R0 hd-resnet18, R1 pets-mobilenetv2, R2 camvid-unet-deeplab, R3 campus-transfer,
    R4 lungs-inception.

    \b
    Example: intarsia reproduce R2 --data camvid/ --out reproduced/R2 --time 20m
    """
    from intarsia.recipe import parse_duration
    from intarsia.reproduction import reproduce as run

    show_messages()

    def say(experiment: str, number: int, total: int) -> None:
        typer.echo(f"{name}: {experiment} ({number} of {total})", err=True)

    page = run(
        name,
        data,
        out,
        quick=quick,
        seconds=None if time is None else parse_duration(time),
        only=only or (),
        resume=resume,
        device=device,
        on_experiment=say,
    )
    typer.echo(f"report: {page}")
