"""`intarsia split`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intarsia.cli.arguments import VerboseOption
from intarsia.errors import DataError

if TYPE_CHECKING:
    from intarsia.datasets.split_summary import SplitSummary


def split(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A folder or a dataset.yaml.")],
    group_by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="prefix, folder, regex:PATTERN, csv:FILE:COLUMN, dicom:PatientID, "
            "exif-time:30m, gps:100m, near-duplicate, sequence, blocks:8, given or none; repeat "
            "it to join rules. Without it: what the files show.",
            show_default=False,
        ),
    ] = None,
    ratio: Annotated[
        str | None,
        typer.Option(metavar="70/15/15", help="train/val/test; the default.", show_default=False),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(metavar="N", help="For a cross-validation.", show_default=False),
    ] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Every group is a fold.")
    ] = False,
    keep_test: Annotated[
        bool, typer.Option("--keep-test", help="Divide only what is not in test.")
    ] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Add new images to the saved split; none moves.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Draw anew where a split is saved.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of the draw; 0.", show_default=False)
    ] = None,
    verbose: VerboseOption = False,
) -> None:
    """Divide a data set so that nothing leaks into the test.

    Images that belong together stay on one side, and rare classes reach every split. It writes
    splits.csv and two keys of dataset.yaml.

    \b
    Example: intarsia split scans/ --group-by csv:patients.csv:patient
    """
    from intarsia.datasets.splitting import extend_split, split_dataset

    summary: SplitSummary
    if extend:
        given = {
            "--group-by": group_by, "--ratio": ratio, "--folds": folds, "--seed": seed,
            "--leave-one-out": leave_one_out, "--keep-test": keep_test, "--replace": replace,
        }  # fmt: skip
        if others := [flag for flag, value in given.items() if value not in (None, False, [])]:
            raise DataError(
                f"--extend keeps the rules of the saved split, and {', '.join(others)} would "
                "change them",
                expected="--extend alone",
            )
        summary = extend_split(data)
    else:
        summary = split_dataset(
            data,
            group_by=group_by or (),
            ratio=ratio,
            folds=folds,
            leave_one_out=leave_one_out,
            keep_test=keep_test,
            replace_saved=replace,
            seed=seed or 0,
        )
    typer.echo(str(summary))
