"""A second annotator in a run's place: how well people agree on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.datasets import Dataset, Sample
from intarsia.datasets.content import fingerprint
from intarsia.datasets.pairing import image_files, key
from intarsia.errors import DataError


def annotator_matrices(folder: Path, data: Dataset, samples: Sequence[Sample]) -> NDArray[np.int32]:
    """(N, K, K + 1) matrices of the second annotator's masks, rows the truth of the data set.

    The last column counts pixels that the annotator left out and the truth has: answers that are
    wrong and of no class. Masks are found by the name of the sample, with its folders or without,
    or by that of its image or mask file, and read as the data set's own are.

    Raises:
        DataError: an image has no mask, or two, in the folder; sizes differ; values are no class.
    """
    files = _files(folder)
    classes, ignored = len(data.labels), data.labels.ignore_index
    found = [(sample, _mask_of(sample, files)) for sample in samples]
    missing = [sample.name for sample, mask in found if mask is None]
    if missing:
        listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise DataError(
            f"{len(missing)} of {len(samples)} images have no mask by the second annotator: "
            f"{listed}",
            where=folder,
            expected="a mask for each image that is compared, named as the image or its mask",
        )
    matrices = np.zeros((len(samples), classes, classes + 1), np.int32)
    for place, (sample, mask) in enumerate(found):
        if mask is not None and fingerprint(mask) == fingerprint(sample.image):
            raise DataError(
                "the image itself lies where the mask should be",
                where=mask,
                hint="name the folder that holds the masks alone",
            )
        if mask is not None and isinstance(sample.mask, Path) and mask.samefile(sample.mask):
            raise DataError(
                "these are the data set's own masks",
                where=mask,
                expected="masks of the same images by someone else",
            )
        truth = data.read_mask(sample)
        other = data.read_mask(replace(sample, mask=mask))
        if truth.shape != other.shape:
            raise DataError(
                f"the two masks of an image differ in size: {truth.shape[1]} x {truth.shape[0]} "
                f"and {other.shape[1]} x {other.shape[0]}",
                where=mask,
            )
        answered = np.where(other == ignored, classes, other)
        counted = metrics.confusion_matrix(truth, answered, classes + 1, ignored)
        matrices[place] = counted[:classes]
    return matrices


def annotator_mask(folder: Path, data: Dataset, sample: Sample) -> NDArray[np.integer]:
    """(H, W) ids of one image by the second annotator; what they left out has the ignored id.

    Raises:
        DataError: the image has no mask, or two, in the folder; values are no class.
    """
    mask = _mask_of(sample, _files(folder))
    if mask is None:
        raise DataError(f"no mask by the second annotator for {sample.name}", where=folder)
    return data.read_mask(replace(sample, mask=mask))


def _files(folder: Path) -> dict[str, list[Path]]:
    """Every picture in the folder by its name without extension, with its folders and without."""
    found: dict[str, list[Path]] = {}
    for path in image_files(folder):
        for name in {key(path, folder), path.stem}:
            found.setdefault(name, []).append(path)
    return found


def _mask_of(sample: Sample, files: dict[str, list[Path]]) -> Path | None:
    names = [sample.name, sample.name.rpartition("/")[2], sample.image.stem]
    if isinstance(sample.mask, Path):
        names.insert(1, sample.mask.stem)
    for name in names:
        there = files.get(name, [])
        if len(there) > 1:
            raise DataError(
                f"two masks by the second annotator for {sample.name}",
                where=f"{there[0]}, {there[1]}",
                expected="one mask an image",
                hint="name the folder that holds the masks alone",
            )
        if there:
            return there[0]
    return None
