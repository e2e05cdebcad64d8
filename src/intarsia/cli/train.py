"""`intarsia train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from intarsia.cli.arguments import (
    DataArgument,
    DeviceOption,
    ImagesOption,
    MasksOption,
    VerboseOption,
    open_dataset,
)
from intarsia.cli.display import progress, show_messages
from intarsia.cli.env import warn_of_idle_gpu

if TYPE_CHECKING:
    from intarsia.runs import Run


def train(
    data: DataArgument = None,
    images: ImagesOption = None,
    masks: MasksOption = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="See `intarsia recipes`.", show_default="the measured one"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="RUN", help="The run folder.", show_default="runs/DATA-RECIPE"
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="train.epochs", show_default="recipe")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(metavar="30m", help="Fit the epochs to this time.", show_default=False),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(metavar="N|HxW", help="data.image_size, pixels", show_default="recipe"),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", help="train.batch_size", show_default="recipe")
    ] = None,
    lr: Annotated[
        float | None, typer.Option(metavar="X", help="train.lr", show_default="recipe")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="train.seed", show_default="recipe")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="imagenet|none|FILE|RUN", help="train.weights", show_default="recipe"),
    ] = None,
    device: DeviceOption = "auto",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any key of the recipe; repeatable."),
    ] = None,
    folds: Annotated[
        bool, typer.Option("--folds", help="Train once for each fold of the data's saved split.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where this run was stopped.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say plan, memory and time; train nothing.")
    ] = False,
    track: Annotated[
        Literal["mlflow", "tensorboard"] | None,
        typer.Option(help="Also log the training there.", show_default=False),
    ] = None,
    verbose: VerboseOption = False,
) -> None:
    """Check the data, train, and write the report.

    Ctrl-C saves; the same command with --resume goes on, with the same result as without a stop.

    \b
    Example: intarsia train camvid/ --out runs/camvid --time 30m
             intarsia train cells/ --folds --out runs/cells
    """
    from intarsia.errors import RecipeError
    from intarsia.file_cache import FileCache
    from intarsia.recipe import DEFAULT, Recipe, parse_duration
    from intarsia.tracking import start_tracking
    from intarsia.training import plan, plan_folds, train_folds
    from intarsia.training import train as fit

    if folds and track is not None:
        raise RecipeError(
            "--track follows one training, and --folds makes several",
            hint="leave one of the two out; each fold keeps its own log and report",
        )
    if epochs is not None and time is not None:
        raise RecipeError(
            "--time fits the number of epochs, which --epochs fixes", hint="give one of the two"
        )
    flags = {
        "train.epochs": epochs,
        "train.time": None if time is None else parse_duration(time),
        "data.image_size": image_size,
        "train.batch_size": batch_size,
        "train.lr": lr,
        "train.seed": seed,
        "train.weights": weights,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    chosen = recipe or DEFAULT
    resolved = Recipe.load(chosen).replace(**given).set(set_ or [])
    show_messages()
    cache = FileCache.of_user()
    dataset = open_dataset(data, images, masks, cache)
    if device == "auto":
        warn_of_idle_gpu()
    if dry_run:
        measure = plan_folds if folds else plan
        typer.echo(str(measure(dataset, resolved, device=device)))
        return
    folder = out or Path("runs") / f"{dataset.name}-{Path(chosen).stem}{'-folds' * folds}"
    if folds:
        each = train_folds(
            dataset,
            resolved,
            folder,
            resume=resume,
            device=device,
            on_fold=_report_once,
            cache=cache,
        )
        _report(each)
        return
    with start_tracking(track, folder) as tracker:
        run = fit(
            dataset,
            resolved,
            folder,
            resume=resume,
            device=device,
            on_epoch=tracker.epoch,
            cache=cache,
        )
        _report(run)
        tracker.finish(run)


def _report_once(run: Run) -> None:
    """The report of a fold, unless an interrupted training has written it before."""
    if not (run.path / "report.html").is_file():
        _report(run)


def _report(run: Run) -> None:
    from intarsia.reporting import write_report

    with progress("writing the report") as show:
        page = write_report(run, progress=show)
    typer.echo(f"run: {run.path}\nreport: {page}")
