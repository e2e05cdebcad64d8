"""What may be asked of an export, checked before any work."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from intarsia.bundles import SUFFIX, Precision
from intarsia.bundles.self_test import MAX_TESTS
from intarsia.errors import DataError, ExportError, RecipeError, did_you_mean
from intarsia.images import check_new_folder
from intarsia.transforms import Preprocessing

Format = Literal["bundle", "onnx", "openvino"]


def check_arguments(
    target: Path,
    format: str,
    precision: str,
    max_difference: float,
    tile: int | None,
    self_tests: int,
) -> None:
    """Raises where the format, the numbers or the file to write cannot be."""
    for value, valid, what in (
        (format, get_args(Format), "format"),
        (precision, get_args(Precision), "precision"),
    ):
        if value not in valid:
            raise RecipeError(f'no {what} "{value}"', hint=did_you_mean(value, valid))
    if not 0 < max_difference < 1:
        raise RecipeError(
            f"the largest difference of mIoU is {max_difference}", expected="above 0 and below 1"
        )
    if tile is not None and not 32 <= tile <= 4096:
        raise RecipeError(f"a tile of {tile} px", expected="32 to 4096", where="--tile")
    if not 0 <= self_tests <= MAX_TESTS:
        raise RecipeError(
            f"{self_tests} images to test itself on",
            where="--self-tests",
            expected=f"0 to {MAX_TESTS}",
        )
    if format == "onnx" and precision == "bf16":
        raise ExportError(
            "a plain ONNX file is no bf16 model: bfloat16 is how OpenVINO computes",
            hint="--format bundle or --format openvino with --precision bf16",
        )
    if format == "openvino":
        check_new_folder(target, apart_from=(), flag="--out")
        return
    if target.is_dir():
        raise DataError("this is a folder, not a file", where=target, hint="name a file for --out")
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise DataError(
            "no such folder, or none that can be written",
            where=target.parent,
            hint="make it first, or choose another --out",
        )
    wanted = SUFFIX if format == "bundle" else ".onnx"
    if target.suffix != wanted:
        raise DataError(
            f"the file is called {target.name}",
            where=target,
            expected=f"a name that ends in {wanted}",
            hint=f"--out {target.with_suffix(wanted)}",
        )


def check_packages(format: Format, precision: Precision) -> None:
    """Raises ExportError where a package is missing."""
    # onnxruntime always: what is exported is tried in it first
    needed = ["onnx", "onnxscript", "onnxruntime"]
    if format == "openvino" or precision != "fp32":
        needed.append("openvino")
    if precision == "int8":
        needed.append("nncf")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise ExportError(
            f"the export needs {', '.join(missing)}", hint='pip install "intarsia[export]"'
        )


def tile_size(preprocessing: Preprocessing, tile: int) -> tuple[int, int]:
    """The size of the network's input where tiles of one size are asked for.

    Raises:
        ExportError: the model sees whole images, which have no tiles.
    """
    if not preprocessing.native and preprocessing.size != (tile, tile):
        height, width = preprocessing.size
        raise ExportError(
            f"the model was trained on whole images (data.fit: {preprocessing.fit}): it has no "
            f"tiles of {tile} px",
            where="--tile",
            expected=f"its own {height}x{width} px" + (f": --tile {height}" * (height == width)),
            hint="leave --tile out",
        )
    return tile, tile


def only_size(preprocessing: Preprocessing, size: tuple[int, int] | None) -> Preprocessing:
    """The same for a network of one size: an image that is seen as it is goes through tiles."""
    if size is None or (preprocessing.size == size and preprocessing.fit != "crop"):
        return preprocessing
    factor = preprocessing.factor
    tile = None if preprocessing.tile is None else (factor * size[0], factor * size[1])
    return replace(preprocessing, size=size, fit="tiles", tile=tile)
