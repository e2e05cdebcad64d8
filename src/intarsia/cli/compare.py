"""`intarsia compare`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from intarsia.cli.arguments import (
    DeviceOption,
    ImagesOption,
    MasksOption,
    VerboseOption,
    open_dataset,
)
from intarsia.cli.display import later_progress, progress, show_messages
from intarsia.errors import DataError, RecipeError, RunError

if TYPE_CHECKING:
    from intarsia.comparison import Comparison
    from intarsia.datasets import Dataset
    from intarsia.recipe import Recipe
    from intarsia.runs import Run

_GATE_CODES = {"pass": 0, "fail": 1, "undecided": 3}
_REPEATS = 3


def compare(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DATA [RUN]...",
            help="The data, and runs (or folders of repeats, or of a second annotator's masks).",
            show_default=False,
        ),
    ] = None,
    images: ImagesOption = None,
    masks: MasksOption = None,
    recipes: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Train these first, and compare them."),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Trainings of each recipe, with other seeds.",
            show_default=str(_REPEATS),
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(metavar="10m", help="The same time for every training.", show_default=False),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="The same epochs for every training.", show_default="first recipe's"
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A key of all recipes; repeatable.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="val or test; of folds, out-of-fold or test.")
    ] = "val",
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="What is resampled, as in `intarsia split`.",
            show_default="the data's",
        ),
    ] = None,
    gate: Annotated[
        Literal["better", "not-worse"] | None,
        typer.Option(
            help="Of the first run against the others: exit 0 pass, 1 fail, 3 undecided.",
            show_default=False,
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option(metavar="D", help="The difference that does not matter.")
    ] = 0.01,
    ablate: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="What each free gain of this run brings: flip, scales, CRF, ...",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Tables and page.", show_default=False),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the trainings of this comparison.")
    ] = False,
    device: DeviceOption = "auto",
    verbose: VerboseOption = False,
) -> None:
    """Which of several models is better, and how sure that is.

    Compares finished runs on the same images, or with --recipes trains them first, each under the
    same budget, and survives one that fails. Differences come with intervals and verdicts. The
    gate asks of the first run (or recipe) whether it is better, or not worse, than each other.

    \b
    Example: intarsia compare camvid/ --recipes mini-unet,unet-mobilenetv2 --time 10m --out cmp
             intarsia compare camvid/ runs/new runs/old --split test --gate not-worse
             intarsia compare camvid/ --ablate runs/new --out gains
    """
    named = list(paths or [])
    data = named.pop(0) if named and images is None and masks is None else None
    of_trainings = {
        "--repeats": repeats, "--time": time, "--epochs": epochs, "--set": set_,
        "--resume": resume or None,
    }  # fmt: skip
    given = [key for key, value in of_trainings.items() if value is not None]
    if ablate is None:
        _check_words(data, named, recipes, out, given)
    else:
        _check_ablation(named, {"--recipes": recipes, "--gate": gate}, given, out)

    from intarsia.comparison import compare as measure
    from intarsia.comparison import compare_recipes, judge_first
    from intarsia.comparison.measurement import check_margin
    from intarsia.file_cache import FileCache
    from intarsia.recipe import parse_duration

    check_margin(margin)
    show_messages()
    cache = FileCache.of_user()
    chosen = None if recipes is None else _recipes(recipes, set_)
    seconds = None if time is None else parse_duration(time)
    dataset = open_dataset(data, images, masks, cache)
    if ablate is not None:
        _ablate(ablate, dataset, split, group_by, margin, device, out)
        return
    with later_progress("measuring") as show:
        if chosen is not None and out is not None:
            comparison = compare_recipes(
                dataset,
                chosen,
                out,
                repeats=_REPEATS if repeats is None else repeats,
                time_budget=seconds,
                epochs=epochs,
                split=split,
                group_by=group_by,
                margin=margin,
                resume=resume,
                device=device,
                cache=cache,
                on_run=_report,
                progress=show,
            )
        else:
            comparison = measure(
                named,
                dataset,
                split,
                group_by=group_by,
                margin=margin,
                device=device,
                cache=cache,
                progress=show,
            )
    typer.echo(str(comparison))
    if out is not None:
        _write(comparison, out, dataset)
    if gate is not None:
        answer = judge_first(comparison, gate)
        typer.echo(f"gate {gate}: {answer.answer}. {answer.reason}")
        raise typer.Exit(_GATE_CODES[answer.answer])


def _ablate(
    run: Path,
    data: Dataset,
    split: str,
    group_by: str | None,
    margin: float,
    device: str,
    out: Path | None,
) -> None:
    from intarsia.comparison import ablate
    from intarsia.reporting import write_ablation

    with later_progress("measuring") as show:
        ablation = ablate(
            run,
            data,
            split,
            group_by=group_by,
            margin=margin,
            device=device,
            progress=show,
        )
    typer.echo(str(ablation))
    if out is not None:
        typer.echo(f"report: {write_ablation(ablation, out)}")


def _check_words(
    data: Path | None,
    runs: list[Path],
    recipes: str | None,
    out: Path | None,
    of_trainings: list[str],
) -> None:
    """Raises where the arguments do not say one thing, before anything is opened."""
    if data is not None and (data / "recipe.yaml").is_file():
        raise DataError(
            "this is a run, where the data should be",
            where=data,
            expected="first DATA, then the runs",
            hint=f"intarsia compare DATA {shlex.join(map(str, [data, *runs]))}",
        )
    if recipes is not None:
        if runs:
            raise RecipeError(
                "--recipes trains anew, and runs are compared as they are",
                where=", ".join(map(str, runs)),
                hint="give one of the two",
            )
        if out is None:
            raise RecipeError("--recipes needs a folder for its trainings", hint="add --out DIR")
        return
    if of_trainings:
        raise RecipeError(
            f"{', '.join(of_trainings)}: for trainings only, and finished runs stay as they are",
            hint="add --recipes A,B to train, or leave it out",
        )
    if len(runs) < 2:
        raise DataError(
            f"only one to compare: {runs[0]}" if runs else "nothing to compare",
            expected="DATA and two runs or more, each by its own folder, or a run and a second "
            "annotator's masks",
            hint="intarsia compare DATA RUN RUN, or intarsia compare DATA --recipes A,B --out DIR",
        )
    if out is not None:
        _check_out(out)


def _check_ablation(
    runs: list[Path], others: Mapping[str, str | None], of_trainings: list[str], out: Path | None
) -> None:
    """Raises where more is asked for than what the uses of one run bring."""
    more = [*map(str, runs), *(key for key, value in others.items() if value), *of_trainings]
    if more:
        raise RecipeError(
            f"--ablate is about the uses of one run, and there is {', '.join(more)}",
            expected="intarsia compare DATA --ablate RUN",
            hint="leave the rest out, or --ablate",
        )
    if out is not None:
        _check_out(out)


def _check_out(out: Path) -> None:
    """Raises where the tables and the page of finished runs would lie among other things."""
    if not out.exists():
        return
    if not out.is_dir():
        raise RunError("this is a file, not a folder", where=out, hint="choose another --out")
    ours = ("comparison.json", "experiment.json", "ablation.json")
    known = any((out / name).is_file() for name in ours)
    if any(out.iterdir()) and not known:
        raise RunError(
            "the folder holds something else than a comparison",
            where=out,
            hint="choose another --out",
        )


def _recipes(names: str, assignments: list[str] | None) -> dict[str, Recipe]:
    from intarsia.comparison.experiment import load_recipes

    found = load_recipes([name.strip() for name in names.split(",") if name.strip()])
    return {name: recipe.set(assignments or []) for name, recipe in found.items()}


def _report(run: Run) -> None:
    from intarsia.reporting import write_report

    if not (run.path / "report.html").is_file():
        write_report(run)


def _write(comparison: Comparison, out: Path, data: Dataset) -> None:
    from intarsia.reporting import write_comparison

    with progress("writing the comparison") as show:
        page = write_comparison(comparison, out, data, progress=show)
    typer.echo(f"report: {page}")
