"""`intarsia demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intarsia.cli.arguments import VerboseOption


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where it all goes.")] = (
        Path("demo")
    ),
    verbose: VerboseOption = False,
) -> None:
    """The whole way on a small made-up data set.

    Makes the data, then checks, trains, evaluates, predicts and reports; a few minutes.

    \b
    Example: intarsia demo --out demo/
    """
