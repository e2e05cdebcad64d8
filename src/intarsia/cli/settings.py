"""A run used with other `predict.*` keys than it was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from intarsia.runs import Run

SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="predict.KEY=VALUE",
        help="Another way to use the network; repeatable.",
        show_default=False,
    ),
]


def open_run(path: Path, settings: list[str] | None) -> Run:
    """The run in a folder, changed by `settings`.

    Raises:
        RunError: no run there.
        RecipeError: a key that is none of `predict.*`, or a wrong value.
    """
    from intarsia.runs import Run

    run = Run.open(path)
    if not settings:
        return run
    return run.setting(settings)
