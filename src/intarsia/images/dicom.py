"""DICOM images, read by pydicom (the extra `medical`).

Source: DICOM PS3.3, sections C.7.6.3 (Image Pixel) and C.11.1 (Modality LUT).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError
from intarsia.images.header import DECODE_ERRORS, ImageHeader, check_page, check_pixels

if TYPE_CHECKING:
    from pydicom import FileDataset


def read_dicom_header(path: Path) -> ImageHeader:
    """The header of one file; see `read_header`."""
    with _open(path, pixels=False) as data:
        rows, columns, samples = _size(data, path)
        frames = int(data.get("NumberOfFrames") or 1)
        dtype = "float32"
        if samples == 3:
            dtype = "uint8" if int(data.BitsAllocated) <= 8 else "uint16"
        form = str(data.get("PhotometricInterpretation", ""))
        return ImageHeader(columns, rows, samples, dtype, form, "DICOM", frames, 1)


def read_dicom(path: Path, page: int | None) -> NDArray[Any]:
    """(H, W, 1) float32 in the units of the file, or (H, W, 3) RGB as stored.

    The units are those after the modality LUT: RescaleSlope x stored value + RescaleIntercept.
    MONOCHROME1, where the least value is white, is inverted first. No window is applied.

    Raises:
        ImageError: damaged, no pixels, several frames and no `page`, or a compression that needs
            another package.
    """
    with _open(path, pixels=True) as data:
        _, _, samples = _size(data, path)
        check_page(path, int(data.get("NumberOfFrames") or 1), page)
        from pydicom.pixels.processing import apply_modality_lut
        from pydicom.pixels.utils import pixel_array

        values = pixel_array(data, index=page or 0)
        if samples == 3:
            return values
        if data.get("PhotometricInterpretation") == "MONOCHROME1":
            top = 2 ** int(data.BitsStored) - 1 if not data.PixelRepresentation else -1
            values = top - values.astype(np.int64)
        in_units: NDArray[Any] = apply_modality_lut(values, data)
        return in_units.astype(np.float32)[:, :, np.newaxis]


def read_dicom_tag(path: str | os.PathLike[str], keyword: str) -> str | None:
    """One element of the header as text, such as PatientID; None where the file has none.

    Raises:
        ImageError: not a DICOM file.
    """
    with _open(Path(path), pixels=False) as data:
        value = data.get(keyword)
        return None if value is None else str(value).strip() or None


@contextmanager
def _open(path: Path, *, pixels: bool) -> Iterator[FileDataset]:
    try:
        import pydicom
    except ImportError as error:
        raise ImageError(
            "DICOM needs the package pydicom", where=path, hint='pip install "intarsia[medical]"'
        ) from error
    try:
        yield pydicom.dcmread(path, stop_before_pixels=not pixels)
    except ImageError:
        raise
    except (pydicom.errors.InvalidDicomError, *DECODE_ERRORS) as error:
        what = str(error).strip().splitlines()
        raise ImageError(
            f"the DICOM file cannot be read: {what[0] if what else type(error).__name__}",
            where=path,
            hint="export it again; for a compressed one: pip install pylibjpeg "
            "pylibjpeg-libjpeg pylibjpeg-openjpeg",
        ) from error


def _size(data: FileDataset, path: Path) -> tuple[int, int, int]:
    """Rows, columns and samples a pixel."""
    if "Rows" not in data or "Columns" not in data:
        raise ImageError(
            "the DICOM file holds no image",
            where=path,
            expected="an image, not a report or a directory",
            hint="move it out of the folder of images",
        )
    rows, columns = int(data.Rows), int(data.Columns)
    check_pixels(path, columns, rows)
    samples = int(data.get("SamplesPerPixel") or 1)
    if samples not in (1, 3):
        raise ImageError(f"{samples} samples a pixel", where=path, expected="1 or 3")
    return rows, columns, samples
