"""`intarsia runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import VerboseOption


def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the runs are.")] = Path(
        "runs"
    ),
    verbose: VerboseOption = False,
) -> None:
    """The runs in a folder: recipe, epochs, best metric.

    \b
    Example: intarsia runs runs/
    """
