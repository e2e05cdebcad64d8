"""Masks, overlays and measurements of images and folders of images."""

from __future__ import annotations

import csv
import errno
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intarsia.errors import DataError, IntarsiaError, ModelError
from intarsia.images import write_atomic, write_mask, write_rgb
from intarsia.inference import Ids, read_ahead
from intarsia.labels import LabelMap
from intarsia.prediction.measurements import MEASUREMENT_COLUMNS, Tally
from intarsia.prediction.portrait import portrait
from intarsia.prediction.predictor import Predictor
from intarsia.prediction.sources import Source, find_sources

_FEATHER = 0.1  # the softness of a portrait's edges, as a share of its blur
_LONGEST_JPEG = 65_500  # pixels of a side that the format can hold
_MUCH_MEMORY = 4e9  # bytes; a smaller CRF passes without a word

_log = logging.getLogger("intarsia")


@dataclass(frozen=True)
class PredictionReport:
    """What `predict_folder` did: masks written, and inputs that failed with the reason."""

    written: tuple[Path, ...]
    failed: tuple[tuple[Path, str], ...]


def predict_folder(
    predictor: Predictor,
    inputs: Sequence[Path | str],
    out: Path | str,
    *,
    overlay: bool = False,
    probabilities: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> PredictionReport:
    """Masks of images and of all images in folders, by their relative path, below `out`.

    `masks/` holds index PNGs with the class palette, `overlays/` the masks drawn over the images,
    `probabilities/` a `.npz` an image with `probabilities` (K, H, W) float16 and `classes`;
    `measurements.csv` has a row an image and class: pixels, share of the image, connected regions
    (8 neighbours), mean probability of its pixels. The run's settings add `soft/`
    (`predict.soft`: of two classes, round(255 * the second's probability), 8-bit PNG) and
    `portraits/` (`predict.portrait`: these classes stay sharp, the rest blurs). An image that
    fails is reported and the rest is done. `progress` is called with (images done, all images).

    Raises DataError before the first image where an input is missing or holds no image, where
    two inputs would get one output name, or where `out` holds an earlier prediction; ModelError
    where the model itself is broken; IntarsiaError when the disk is full.
    """
    folder = Path(out)
    sources = find_sources([Path(item) for item in inputs], folder)
    _prepare(folder)
    written: list[Path] = []
    failed: list[tuple[Path, str]] = []
    rows: list[tuple[object, ...]] = []
    try:
        loaded = read_ahead(lambda source: _attempt(predictor, source), sources)
        for done, (source, pixels) in enumerate(zip(sources, loaded, strict=True), start=1):
            if isinstance(pixels, str):
                failed.append((source.path, pixels))
            else:
                try:
                    found = _segment(predictor, pixels, keep=probabilities)
                    target = _output(folder, "masks", source, ".png")
                    write_mask(target, found.mask, predictor.labels)
                    if overlay:
                        _write_overlay(folder, source, pixels, found.mask, predictor)
                    if found.volume is not None:
                        _write_probabilities(folder, source, found.volume, predictor.labels)
                    if found.soft is not None:
                        _write_soft(folder, source, found.soft)
                    if found.alpha is not None:
                        _write_portrait(folder, source, pixels, found.alpha, predictor)
                except (IntarsiaError, OSError, MemoryError) as error:
                    if isinstance(error, ModelError) or _disk_full(error):
                        raise
                    failed.append((source.path, _reason(error)))
                else:
                    written.append(target)
                    rows += [(source.relative.as_posix(), *row) for row in found.rows]
            if progress is not None:
                progress(done, len(sources))
    finally:
        if written:
            # also after an interrupt: the masks that exist keep their measurements
            _write_measurements(folder / "measurements.csv", rows)
        elif not any((folder / "masks").iterdir()):
            (folder / "masks").rmdir()
    return PredictionReport(tuple(written), tuple(failed))


def _attempt(predictor: Predictor, source: Source) -> NDArray[Any] | str:
    """The pixels, or why there are none."""
    try:
        return predictor.read(source.path)
    except (IntarsiaError, OSError, MemoryError) as error:
        return _reason(error)


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory for this image"
    return error.what if isinstance(error, IntarsiaError) else str(error)


def _disk_full(error: BaseException) -> bool:
    cause = error if isinstance(error, OSError) else error.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


def _prepare(folder: Path) -> None:
    for name in ("masks", "measurements.csv"):
        if (folder / name).exists():
            raise DataError(
                "the output folder holds an earlier prediction",
                where=folder / name,
                hint="choose another --out, or remove it first",
            )
    try:
        (folder / "masks").mkdir(parents=True)
    except OSError as error:
        raise DataError(
            f"the output folder cannot be made: {error.strerror or error}", where=folder
        ) from error


def _output(folder: Path, kind: str, source: Source, suffix: str) -> Path:
    path = folder / kind / source.relative.with_suffix(suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@dataclass(frozen=True)
class _Segmented:
    """What one image comes to: (H, W) planes, and the rows of its measurements."""

    mask: Ids
    rows: list[tuple[object, ...]]
    volume: NDArray[np.float16] | None
    soft: NDArray[np.uint8] | None
    alpha: NDArray[np.float32] | None


def _segment(predictor: Predictor, pixels: NDArray[Any], *, keep: bool) -> _Segmented:
    """All that is asked for, from one pass over the bands: never K planes unless `keep`."""
    count = len(predictor.labels)
    settings = predictor.settings
    size = pixels.shape[:2]
    if settings.crf and 3 * 4 * count * size[0] * size[1] > _MUCH_MEMORY:
        # the bands, the whole of them, and what the CRF makes of it
        _log.warning(
            "predict.crf holds the probabilities of the whole image: some %.0f GB for %d x %d",
            3 * 4e-9 * count * size[0] * size[1],
            *size,
        )
    tally = Tally(predictor.labels)
    mask = np.empty(size, predictor.labels.dtype)
    volumes: list[NDArray[np.float16]] = []
    soft = np.empty(size, np.uint8) if settings.soft else None
    alpha = np.empty(size, np.float32) if settings.portrait else None
    sharp = [predictor.labels[name].id for name in set(settings.portrait)]
    for band in predictor.inference.bands(pixels):
        ids, best = predictor.inference.decide(band)
        some = slice(band.top, band.top + len(ids))
        mask[some] = ids
        tally.add(ids, best)
        if keep:
            volumes.append(band.probabilities.astype(np.float16))
        if soft is not None:
            soft[some] = np.rint(255 * band.probabilities[1])
        if alpha is not None:
            # the mask decides, not how sure the network is: a doubtful subject stays sharp
            alpha[some] = np.isin(ids, sharp)
    rows = [measurement.row() for measurement in tally.measurements(mask)]
    volume = np.concatenate(volumes, axis=1) if keep else None
    return _Segmented(mask, rows, volume, soft, alpha)


def _write_overlay(
    folder: Path, source: Source, pixels: NDArray[Any], mask: Ids, predictor: Predictor
) -> None:
    from intarsia.draw import displayable, overlay

    picture = displayable(pixels, predictor.preprocessing.scaling)
    suffix = ".jpg" if max(mask.shape) <= _LONGEST_JPEG else ".png"
    drawn = np.asarray(overlay(picture, mask, predictor.labels).convert("RGB"))
    write_rgb(_output(folder, "overlays", source, suffix), drawn)


def _write_probabilities(
    folder: Path, source: Source, volume: NDArray[np.float16], labels: LabelMap
) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, probabilities=volume, classes=np.array(labels.names))
    write_atomic(_output(folder, "probabilities", source, ".npz"), buffer.getvalue())


def _write_soft(folder: Path, source: Source, soft: NDArray[np.uint8]) -> None:
    _write_picture(_output(folder, "soft", source, ".png"), soft)


def _write_portrait(
    folder: Path,
    source: Source,
    pixels: NDArray[Any],
    alpha: NDArray[np.float32],
    predictor: Predictor,
) -> None:
    from intarsia.draw import displayable

    sigma = predictor.settings.portrait_blur * max(alpha.shape)
    # feathered: a mask has edges as hard as a pair of scissors
    cv2.GaussianBlur(alpha, (0, 0), _FEATHER * sigma, dst=alpha)
    picture = displayable(pixels, predictor.preprocessing.scaling)
    suffix = ".jpg" if max(alpha.shape) <= _LONGEST_JPEG else ".png"
    _write_picture(_output(folder, "portraits", source, suffix), portrait(picture, alpha, sigma))


def _write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    buffer = io.BytesIO()
    if path.suffix == ".jpg":
        # a portrait is a result, not a preview: finer than other pictures, colors at full size
        Image.fromarray(picture).save(buffer, format="JPEG", quality=95, subsampling=0)
    else:
        Image.fromarray(picture).save(buffer, format="PNG")
    write_atomic(path, buffer.getvalue())


def _write_measurements(path: Path, rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(MEASUREMENT_COLUMNS)
    writer.writerows(rows)
    # names that are not UTF-8 come back as the bytes they are on disk
    write_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))
