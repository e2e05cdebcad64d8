"""`intarsia demo`."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import VerboseOption
from intarsia.cli.check import check
from intarsia.cli.evaluate import evaluate
from intarsia.cli.predict import predict
from intarsia.cli.train import train
from intarsia.errors import DataError, Interrupted

# Small enough for two slow cores, large enough to learn the classes from nothing.
_IMAGE_SIZE = "96x128"
_EPOCHS = 30


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where it all goes.")] = (
        Path("demo")
    ),
    verbose: VerboseOption = False,
) -> None:
    """The whole way on a small made-up data set.

    Makes the data, then checks, trains, evaluates, predicts and reports; a few minutes. The same
    command again goes on where it was stopped.

    \b
    Example: intarsia demo --out demo/
    """
    from intarsia.datasets.synthetic import make_street

    data, run, predictions = out / "street", out / "run", out / "predictions"
    if (data / "dataset.yaml").is_file():
        typer.echo(f"the data set is in {data}")
    else:
        # made beside its place, so that a demo stopped meanwhile can be begun again
        part = out / "street.part"
        shutil.rmtree(part, ignore_errors=True)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError(
                "the folder is in use",
                where=out,
                expected="a new or empty folder, or that of an earlier demo",
                hint="choose another --out",
            )
        make_street(part)
        part.rename(data)
        typer.echo(f"made a data set of street scenes in {data}")

    _say("check", data)
    check(data)
    _say(
        "train",
        data,
        "--out",
        run,
        "--weights",
        "none",
        "--image-size",
        _IMAGE_SIZE,
        "--epochs",
        _EPOCHS,
        "--resume",
    )
    try:
        train(data, out=run, weights="none", image_size=_IMAGE_SIZE, epochs=_EPOCHS, resume=True)
    except Interrupted as stopped:
        stopped.hint = "give the same command again to go on"
        raise
    _say("evaluate", run, data, "--split", "test")
    evaluate(run, data, split="test")
    if not (predictions / "measurements.csv").is_file():
        images = data / "test" / "images"
        _say("predict", run, images, "--out", predictions, "--overlay")
        predict(run, [images], predictions, overlay=True)
    typer.echo(f"\nopen {run / 'report.html'} in a browser; masks are in {predictions}")


def _say(*words: object) -> None:
    """Print the command that does the same as the next step."""
    typer.secho(f"\n$ intarsia {shlex.join(str(word) for word in words)}", bold=True)
