"""`intarsia export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from intarsia.cli.arguments import DeviceOption, VerboseOption
from intarsia.cli.display import later_progress
from intarsia.cli.settings import SettingsOption, open_run


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the model goes.")],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA", help="Where the data of the training lie now.", show_default=False
        ),
    ] = None,
    format: Annotated[
        Literal["bundle", "onnx", "openvino"],
        typer.Option(
            metavar="bundle|onnx|openvino", help="Our file, a plain one, or an OpenVINO folder."
        ),
    ] = "bundle",
    precision: Annotated[
        Literal["fp32", "bf16", "int8"],
        typer.Option(metavar="fp32|bf16|int8", help="What the network computes in."),
    ] = "fp32",
    max_difference: Annotated[
        float, typer.Option(metavar="X", help="Of the mIoU between run and export.")
    ] = 0.01,
    tile: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="For tiles of N x N px alone, as QGIS wants.", show_default=False
        ),
    ] = None,
    license: Annotated[
        str, typer.Option(metavar="TEXT|FILE", help="Of the model, for its card.")
    ] = "",
    self_tests: Annotated[
        int, typer.Option(metavar="N", help="Validation images that go into a bundle; 0: none.")
    ] = 3,
    settings: SettingsOption = None,
    device: DeviceOption = "auto",
    verbose: VerboseOption = False,
) -> None:
    """A run as one file that predicts without torch.

    Before the file is kept, run and export predict the same validation images; where their
    masks differ, nothing is written.

    \b
    Example: intarsia export runs/camvid --out camvid.intarsia
             intarsia export runs/fields --out fields.onnx --format onnx --tile 512
    """
    from intarsia.errors import ExportError
    from intarsia.exporting import export as write

    try:
        with later_progress("exporting") as show:
            gate = write(
                open_run(run, settings),
                out,
                data,
                format=format,
                precision=precision,
                max_difference=max_difference,
                tile=tile,
                license=_license_text(license),
                self_tests=self_tests,
                device=device,
                progress=show,
            )
    except ExportError as error:
        # what was compared, before what is wrong with it
        for note in getattr(error, "__notes__", ()):
            typer.echo(note)
        raise
    typer.echo(str(gate))
    typer.echo(f"written: {out}")


def _license_text(given: str) -> str:
    """What is given, or what stands in the file of that name."""
    named = 0 < len(given.encode()) < 256 and "\n" not in given and Path(given).is_file()
    return Path(given).read_text(encoding="utf-8", errors="replace") if named else given
