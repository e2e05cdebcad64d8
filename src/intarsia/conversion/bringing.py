"""How an image comes along: as it is, its channels in one file, or as a picture to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from intarsia.datasets import Dataset, Sample
from intarsia.errors import IntarsiaError
from intarsia.images import ImageHeader, copy_file, write_rgb
from intarsia.images.pixels import read_stack

How = Literal["copied", "stacked", "picture"]


def bring(
    data: Dataset,
    sample: Sample,
    header: ImageHeader,
    target: Path,
    shows: frozenset[str] | None,
) -> tuple[Path, How]:
    """Write the image of a sample to `target` with the fitting extension; where, and how.

    Bytes are copied. Channels in several files become one TIFF with the same values. What
    programs that show `shows` cannot show (DICOM, other depths and channels, several pages)
    becomes an 8-bit PNG by the scale of the data set: masks are repaired on it.

    Raises:
        ImageError: it cannot be read.
        IntarsiaError: it cannot be written.
    """
    if shows is not None and not _can_be_shown(sample, header, shows):
        file = Path(f"{target}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        scaled = data.scaling.apply(data.read_image(sample))
        # the first three channels, or the first alone: others have no place in a picture
        shown = scaled[:, :, :3] if scaled.shape[2] >= 3 else np.repeat(scaled[:, :, :1], 3, axis=2)
        write_rgb(file, np.rint(shown * 255).astype(np.uint8))
        return file, "picture"
    if sample.more_channels:
        return _stacked(sample, Path(f"{target}.tif"), data.page), "stacked"
    file = Path(f"{target}{sample.image.suffix}")
    copy_file(sample.image, file)
    return file, "copied"


def _can_be_shown(sample: Sample, header: ImageHeader, shows: frozenset[str]) -> bool:
    return (
        not sample.more_channels
        and header.format in shows
        and header.frames == 1
        and header.dtype == "uint8"
        and header.channels in (1, 3)
    )


def _stacked(sample: Sample, file: Path, page: int | None) -> Path:
    import tifffile

    values = read_stack(sample.image_files, page=page)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        tifffile.imwrite(
            file,
            values,
            photometric="minisblack",
            planarconfig="contig",
            extrasamples=["unspecified"] * (values.shape[2] - 1),
            compression="zlib",
            metadata=None,
        )
    except OSError as error:
        raise IntarsiaError(
            f"cannot write: {error.strerror or error}",
            where=file,
            hint="make room or choose another output folder",
        ) from error
    return file
