"""Measuring a run on a split, at the images' own sizes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.errors import DataError
from intarsia.evaluation.details import DetailRecords
from intarsia.evaluation.kept import keep_sheet
from intarsia.evaluation.names import OUT_OF_FOLD
from intarsia.evaluation.sheet import Evaluation, ImageMetrics
from intarsia.evaluation.uncertainty import measure_intervals

if TYPE_CHECKING:
    from intarsia.datasets import Dataset, Sample
    from intarsia.datasets.primary import Primary
    from intarsia.runs import Run
    from intarsia.transforms import Pixels

SELECTION_SPLIT = "val"

Also = Callable[[NDArray[np.float32], NDArray[np.unsignedinteger]], None]

_log = logging.getLogger("intarsia")


def evaluate(
    run: Run | str | Path,
    data: Dataset | str | Path | None = None,
    split: str = "val",
    *,
    splits: Literal["run", "data"] = "run",
    subset: bool = False,
    details: bool = False,
    device: str = "auto",
    also: Also | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measures the best checkpoint of `run` on one split and keeps the sheet in the run.

    Of a cross-validation the split `out-of-fold` is every image, each measured by the fold that
    was not trained on it; `test` and other data are measured with the ensemble of all folds.

    `data` defaults to the data of the training; copies or extensions of it are read with the
    run's ignored classes and splits, other images with their own splits. Predictions are made
    as `Predictor` makes them and compared at each image's own size. A look at `test` is recorded.
    Writes `evaluations/<data>-<split>.json`, and beside it `.npz` with `files` (N,) and
    `matrices` (N, K, K) int32, one confusion matrix an image. With `details` borders, calibration
    and the error budget are measured, too (slower, and in the memory of the probabilities of a
    whole image), and kept in both files (`DetailRecords`); where the split chose the checkpoint, a
    temperature is fitted, unless one is used already, and kept in the run (`temperature.json`).
    `progress` is called with (images done, all images), `also` with each image's (K, H, W)
    probabilities and (H, W) truth.
    With `subset` the run's own data may lack some of the split. With `splits="data"` copies and
    extensions of the run's data are split as they say themselves; where that is not how the run
    was, or none of its images is there, the sheet is given back and not kept.

    Raises DataError where the classes are not the run's, the split is unknown or has no images,
    folds were trained on it, a mask is missing or of another size, or the run's own images or
    masks are not what they were;
    RunError where the run cannot be read.
    """
    from intarsia.backends.device import select_device
    from intarsia.backends.torch_backend import torch_network
    from intarsia.evaluation.folds import check_unseen, evaluate_folds
    from intarsia.inference import Band, read_ahead
    from intarsia.runs import CrossValidation, Run
    from intarsia.runs.temperatures import keep_temperature

    if not isinstance(run, Run):
        run = Run.open(run)
    if isinstance(run, CrossValidation) and split == OUT_OF_FOLD:
        return evaluate_folds(
            run,
            data,
            subset=subset,
            details=details,
            device=device,
            also=also,
            progress=progress,
        )
    dataset, own, keep = _dataset(run, data, split, splits)
    if isinstance(run, CrossValidation):
        check_unseen(run, dataset, split)
    if isinstance(data, str | Path):
        for note in dataset.notes:
            _log.info("%s", note)
    samples = dataset.split(split)
    if not samples:
        raise DataError(f'the split "{split}" has no images', where=dataset.root)
    if own:
        _check_own(run, dataset, split, subset)
    inference = run.inference(torch_network(*run.load_models(), device=select_device(device)))
    labels = run.labels

    def load(sample: Sample) -> tuple[Pixels, NDArray[np.unsignedinteger]]:
        if sample.mask is None:
            raise DataError("an image has no mask to compare with", where=sample.image)
        return dataset.read_image(sample), dataset.read_mask(sample)

    matrices = np.zeros((len(samples), len(labels), len(labels)), np.int32)
    records = DetailRecords(len(samples), len(labels)) if details else None
    selection = own and split == SELECTION_SPLIT
    # a temperature is fitted to probabilities that have none yet
    fits = details and selection and run.recipe.predict.temperature == 1
    pixels = metrics.PixelSample() if fits else None
    rows = []
    predicting, started = 0.0, time.perf_counter()
    loaded = read_ahead(load, samples)
    for done, (sample, (image, truth)) in enumerate(zip(samples, loaded, strict=True)):
        if image.shape[:2] != truth.shape:
            raise DataError(
                f"image and mask differ in size: {_size(image)} and {_size(truth)}",
                where=sample.mask,
                hint="`intarsia check` lists all such files",
            )
        begun = time.perf_counter()
        if also is None and records is None:
            mask = inference.mask(image)
        else:
            whole = inference.probabilities(image)
            mask, confidence = inference.decide(Band(0, whole))
        predicting += time.perf_counter() - begun
        if also is not None:
            also(whole, truth)
        matrix = metrics.confusion_matrix(truth, mask, len(labels), labels.ignore_index)
        matrices[done] = matrix
        if records is not None:
            records.measure(done, truth, mask, confidence, labels.ignore_index)
        if pixels is not None:
            pixels.add(whole, truth, labels.ignore_index)
        rows.append(ImageMetrics(sample.name, metrics.miou(matrix), metrics.pixel_accuracy(matrix)))
        if progress is not None:
            progress(done + 1, len(samples))
    if split == "test":
        run.record_test_look(dataset.name)
    temperature = None
    if pixels is not None and len(pixels.truth):
        temperature = metrics.fit_temperature(pixels.probabilities, pixels.truth)
    groups = tuple(sample.group for sample in samples)
    primary, late = _primary(run, dataset, own)
    sheet = Evaluation(
        data=dataset.name,
        split=split,
        names=tuple(labels.names),
        confusion_matrix=matrices.sum(axis=0, dtype=np.int64),
        selection=selection,
        per_image=tuple(rows),
        test_looks=run.test_looks,
        settings=run.settings,
        seconds=time.perf_counter() - started,
        milliseconds_per_image=1000 * predicting / len(samples),
        details=(None if records is None else records.details(matrices, labels.names, temperature)),
        matrices=matrices,
        groups=groups,
        intervals=measure_intervals(matrices, groups, labels.names, dataset.background),
        background=dataset.background,
        primary=primary,
        primary_late=late,
    )
    if keep:
        keep_sheet(run, sheet, records)
        if temperature is not None:
            keep_temperature(
                run.path,
                temperature,
                run.recipe.predict,
                data=sheet.data,
                split=split,
                images=sheet.images,
            )
    return sheet


def _dataset(
    run: Run, data: Dataset | str | Path | None, split: str, splits: Literal["run", "data"]
) -> tuple[Dataset, bool, bool]:
    """The data to measure on, in the run's classes, whether the split is the run's own, and
    whether the sheet is one of the run's.
    """
    from intarsia.datasets import Dataset

    if data is None:
        dataset = run.dataset()
    else:
        given = data if isinstance(data, Dataset) else Dataset.open(data)
        dataset = given.ignoring(run.recipe.data.ignore).keeping(run.recipe.data.classes)
    expected, found = run.labels.names, dataset.labels.names
    if expected != found:
        raise DataError(
            "the classes are not those of the run",
            where=dataset.root,
            expected=f"{len(expected)} classes: {', '.join(expected)}",
            hint=_differences(expected, found),
        )
    channels = len(run.preprocessing.mean)
    if dataset.channels != channels:
        raise DataError(
            f"the images have {dataset.channels} channels, the model takes {channels}",
            where=dataset.root,
        )
    if data is None:
        return dataset, True, True
    if not dataset.known_to(run.manifest):
        # other data of the same name would take the place of the run's own sheet
        return dataset, False, splits == "run"
    if splits == "run":
        return dataset.with_splits_of(run.manifest), True, True
    here = {sample.name for sample in dataset.splits.get(split, ())}
    there = {item["name"] for item in run.manifest["samples"] if item["split"] == split}
    return dataset, here == there, here == there


def _primary(run: Run, dataset: Dataset, own: bool) -> tuple[Primary | None, bool]:
    """The primary figure of these data, and whether it was declared after the training only.

    On the data of the training what was declared then stands, whatever dataset.yaml says now.
    """
    from intarsia.datasets.primary import Primary

    if not own:
        return dataset.primary, False
    then = Primary.from_json(run.manifest.get("primary"))
    return (dataset.primary, dataset.primary is not None) if then is None else (then, False)


def _check_own(run: Run, dataset: Dataset, split: str, subset: bool) -> None:
    """Raises where the run's own split is not what it was: the sheet would replace another one."""
    from intarsia.datasets.content import fingerprint
    from intarsia.datasets.manifest import mask_digest

    here = {sample.name: sample for sample in dataset.split(split)}
    changed, missing = [], []
    for item in run.manifest["samples"]:
        if item["split"] != split:
            continue
        sample = here.get(item["name"])
        if sample is None:
            missing.append(item["name"])
        elif (
            fingerprint(sample.image)[1] != item["sha256"]
            or mask_digest(sample.mask) != item["mask_sha256"]
        ):
            changed.append(item["name"])
    for names, what, allowed in (
        (changed, "have changed since the training, image or mask", False),
        (missing, "of the training are not here, or have no mask", subset),
    ):
        if names and not allowed:
            listed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise DataError(
                f"{len(names)} {split} images {what}: {listed}",
                where=dataset.root,
                expected="the images and masks that the run's figures are about",
                hint="restore them; a corrected or smaller set, under names of its own, is other "
                "data and can be measured as such",
            )


def _differences(expected: list[str], found: list[str]) -> str:
    missing = [name for name in expected if name not in found]
    added = [name for name in found if name not in expected]
    parts = []
    if missing:
        parts.append(f"missing here: {', '.join(missing)}")
    if added:
        parts.append(f"not in the run: {', '.join(added)}")
    if not parts:
        parts.append(f"the order differs; here: {', '.join(found)}")
    return "; ".join(parts)


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[1]} x {array.shape[0]}"
