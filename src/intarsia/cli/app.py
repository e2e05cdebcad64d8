"""The verbs together, and what becomes of their errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from intarsia.errors import IntarsiaError, Interrupted, did_you_mean

app = typer.Typer()
def main(arguments=None):
    return 0
