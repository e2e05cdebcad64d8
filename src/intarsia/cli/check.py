"""`intarsia check`."""

from __future__ import annotations

import gc
import json as json_
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intarsia.cli.arguments import (
    DataArgument,
    ImagesOption,
    MasksOption,
    VerboseOption,
    check_named,
    check_output_file,
    open_dataset,
)
from intarsia.cli.display import progress
from intarsia.errors import DataError

if TYPE_CHECKING:
    from intarsia.datasets import Dataset
    from intarsia.doctor import Report
    from intarsia.file_cache import FileCache

_MEANT = ("background", "ignore", "drop")


def check(
    data: DataArgument = None,
    images: ImagesOption = None,
    masks: MasksOption = None,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write all findings here.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write a page with pictures here.", show_default=False
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write dataset.yaml with all that was inferred.")
    ] = False,
    fix: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write a corrected copy here.", show_default=False),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read every file again, and remember none.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """Find the faults of a data set before a training does.

    Reads every image and every mask in full. Exit code 0: clean or warnings only; 2: errors, or
    warnings with --strict.

    \b
    Example: intarsia check camvid/ --json findings.json --html check.html
    """
    from intarsia.file_cache import FileCache
    from intarsia.images import check_new_folder, write_atomic

    check_named(data, images, masks)
    check_output_file(json, "--json")
    check_output_file(html, "--html")
    if fix is not None:
        apart = [path for path in (data, images) if path is not None]
        check_new_folder(fix, apart_from=apart, flag="--fix OUT")
    cache = None if no_cache else FileCache.of_user()
    with _few_collections():
        dataset, report = _examined(data, images, masks, cache)
    typer.echo(str(report))
    if json is not None:
        write_atomic(json, json_.dumps(report.to_json(), indent=1).encode())
    if html is not None:
        from intarsia.reporting import write_check_page

        write_check_page(dataset, report, html)
        typer.echo(f"\nwritten: {html}", err=True)
    if dataset is None and (write or fix):
        typer.echo(
            "error: a data set that cannot be opened can be neither written nor fixed", err=True
        )
    elif dataset is not None:
        if write:
            _write(dataset, report)
        if fix is not None:
            _fix(dataset, report, fix)
    if report.errors or (strict and report.warnings):
        raise typer.Exit(2)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Facts of 100,000 files hold no cycles, and looking for some took a fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _examined(
    data: Path | None, images: Path | None, masks: Path | None, cache: FileCache | None
) -> tuple[Dataset | None, Report]:
    """The data set, None where it cannot be opened, and its report."""
    from intarsia.doctor import check as examine
    from intarsia.doctor import check_unopened

    try:
        with progress("reading the masks") as show:
            dataset = open_dataset(data, images, masks, cache, show)
    except DataError as fault:
        there = [path for path in (data, images, masks) if path is not None]
        if not there or not all(path.exists() for path in there):
            raise
        with progress("checking") as show:
            return None, check_unopened(fault, data, images, masks, progress=show)
    with progress("checking") as show:
        return dataset, examine(dataset, progress=show, cache=cache)


def _write(dataset: Dataset, report: Report) -> None:
    from intarsia.datasets.declaration import write_description

    empty = None
    if any(finding.code == "many-empty-masks" for finding in report.findings):
        if sys.stdin.isatty():
            question = (
                "Many masks hold background only: is that right (background), were they never "
                "labelled (ignore), or are they to be left out (drop)?"
            )
            while empty not in _MEANT:
                empty = typer.prompt(question, err=True).strip().lower()
        else:
            typer.echo("warning: empty: is left open in dataset.yaml; say what is meant", err=True)
    path = write_description(dataset, empty=empty)
    typer.echo(f"written: {path}", err=True)


def _fix(dataset: Dataset, report: Report, out: Path) -> None:
    from intarsia.datasets import Dataset
    from intarsia.doctor import check as examine
    from intarsia.doctor import write_repaired

    with progress("fixing") as show:
        changes = write_repaired(dataset, report, out, progress=show)
    with progress("checking the copy") as show:
        left = examine(Dataset.open(out), progress=show)
    typer.echo(
        f"written: {out}, with {len(changes)} change{'s' * (len(changes) != 1)} (fixes.txt); "
        f"{len(report.errors)} errors before, {len(left.errors)} left",
        err=True,
    )
    for finding in left.errors:
        typer.echo(f"  left: {finding.file or ''}: [{finding.code}] {finding.value}", err=True)
