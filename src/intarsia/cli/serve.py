"""`intarsia serve`."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import DeviceOption, VerboseOption
from intarsia.errors import RunError, ServiceError


def serve(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|BUNDLE|models:/NAME@ALIAS", help="What predicts.", show_default=False
        ),
    ] = None,
    host: Annotated[str, typer.Option(metavar="NAME", help="The address to listen at.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="0 takes a free one.")
    ] = 8000,
    runs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Runs to show and to predict with.", show_default=False),
    ] = None,
    device: DeviceOption = "auto",
    max_body: Annotated[float, typer.Option(metavar="MB", help="Largest upload.")] = 20,
    max_pixels: Annotated[
        float, typer.Option(metavar="MP", help="Largest image that is answered at once.")
    ] = 12,
    queue: Annotated[int, typer.Option(metavar="N", min=1, help="Most requests inside.")] = 32,
    deadline: Annotated[float, typer.Option(metavar="S", help="Seconds to the answer.")] = 30,
    verbose: VerboseOption = False,
) -> None:
    """A model over HTTP, and pages to try it in a browser.

    Without RUN, the newest finished run of --runs predicts. Ctrl-C or SIGTERM turn new
    requests away, finish the accepted ones, and end the command with exit code 0.

    \b
    Example: intarsia serve runs/camvid --runs runs/
    """
    needed = ("fastapi", "httptools", "prometheus_client", "python_multipart", "uvicorn")
    if any(find_spec(package) is None for package in needed):
        raise ServiceError(
            "the packages of the service are not installed",
            hint="pip install 'intarsia[serve]'",
        )
    from intarsia.cli.display import show_messages
    from intarsia.serving import Limits
    from intarsia.serving import serve as run

    show_messages()
    if runs is not None and not runs.is_dir():
        raise RunError("no such folder", where=runs, hint="`intarsia train` makes runs/")
    with tempfile.TemporaryDirectory(prefix="intarsia-model-") as folder:
        run(
            _place(model, Path(folder)) if model is not None else _newest(runs),
            host=host,
            port=port,
            runs=runs,
            device=device,
            limits=Limits(
                max_body=_million("--max-body", max_body),
                max_pixels=_million("--max-pixels", max_pixels),
                queue=queue,
                deadline=deadline,
            ),
            say=typer.echo,
        )


def _place(model: str, folder: Path) -> Path:
    """The path of a model, which is fetched into `folder` where MLflow has it."""
    from intarsia.tracking.registry import fetch_run, is_reference

    return fetch_run(model, folder) if is_reference(model) else Path(model)


def _million(flag: str, count: float) -> int:
    if not 0 < count < 1e6:
        raise ServiceError(f"{flag} is {count:g}", expected="more than 0, in millions")
    return max(1, round(count * 1e6))


def _newest(runs: Path | None) -> Path:
    """The run of a folder that was finished last.

    Raises:
        ServiceError: no folder given.
        RunError: no finished run in it.
    """
    if runs is None:
        raise ServiceError(
            "serve what?",
            expected="RUN or BUNDLE, or --runs DIR",
            hint="for example: intarsia serve runs/camvid",
        )
    from intarsia.serving.run_list import find_runs

    summaries = [path / "summary.json" for path in find_runs(runs).values()]
    finished = [path for path in summaries if path.is_file()]
    if not finished:
        raise RunError("no finished run in the folder", where=runs, hint="`intarsia runs` lists")
    return max(finished, key=lambda path: path.stat().st_mtime).parent
