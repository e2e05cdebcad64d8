"""The figures of one validation, at the images' own size, through `inference`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from intarsia.datasets import Dataset, Sample
from intarsia.inference import Band, Inference, Network, read_ahead
from intarsia.metrics import confusion_matrix, mean_dice, miou, pixel_accuracy
from intarsia.recipe import PredictSection
from intarsia.transforms import Preprocessing

_LARGE = 4_000_000  # pixels; beyond, an image is never held as probabilities of every class

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Validation:
    """`loss` is the mean over images; the metrics come from one confusion matrix.

    The loss of an image of more than 4 million pixels is the mean over bands of it, weighted by
    their labelled pixels: for a loss that is no mean over pixels (Dice, Lovász) not quite that of
    the whole.
    """

    loss: float
    matrix: NDArray[np.int64]

    @property
    def miou(self) -> float | None:
        return miou(self.matrix)

    @property
    def pixel_accuracy(self) -> float | None:
        return pixel_accuracy(self.matrix)

    @property
    def mean_dice(self) -> float | None:
        return mean_dice(self.matrix)

    def figure(self, metric: str) -> float:
        """The named metric as a number to maximise; n/a counts as the lowest."""
        if metric == "loss":
            return -self.loss
        value = {
            "miou": self.miou,
            "pixel_accuracy": self.pixel_accuracy,
            "mean_dice": self.mean_dice,
        }[metric]
        return float("-inf") if value is None else value

    @property
    def only_class(self) -> int | None:
        """The one class that every pixel was given, where the truth holds several."""
        predicted = np.flatnonzero(self.matrix.sum(axis=0))
        true = np.flatnonzero(self.matrix.sum(axis=1))
        return int(predicted[0]) if len(predicted) == 1 and len(true) > 1 else None


def validate(
    network: Network,
    data: Dataset,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
    predict: PredictSection,
    loss: Loss,
    *,
    interrupted: Callable[[], bool] = lambda: False,
) -> Validation | None:
    """Predicts every sample as `predict` would, but without copies, refinement and temperature.

    None when `interrupted` became true on the way.
    """
    classes = len(data.labels)
    ignore = data.labels.ignore_index
    matrix = np.zeros((classes, classes), np.int64)
    losses = []
    inference = Inference(
        network,
        preprocessing,
        overlap=predict.overlap,
        max_pixels=predict.max_pixels,
        threshold=predict.threshold,
    )
    pairs = read_ahead(
        lambda sample: (data.read_image(sample), data.read_mask(sample)),
        samples,
        ahead=2 if preprocessing.tile is None else 1,
    )
    for image, truth in pairs:
        if truth.size > _LARGE:
            bands = inference.bands(image)
        else:
            bands = iter([Band(0, inference.probabilities(image))])
        parts, weights = [], []
        for band in bands:
            if interrupted():
                return None
            probabilities = band.probabilities
            here = truth[band.top : band.top + probabilities.shape[1]]
            predicted, _ = inference.decide(band)
            matrix += confusion_matrix(here, predicted, classes, ignore)
            # softmax(log p) is p: the very loss of the training, at the image's own size
            logits = torch.from_numpy(probabilities).clamp_(min=1e-12).log_()
            target = torch.from_numpy(here.astype(np.int64))
            parts.append(float(loss(logits[None], target[None])))
            weights.append(int((here != ignore).sum()))
        losses.append(float(np.average(parts, weights=weights)) if any(weights) else parts[0])
    return Validation(float(np.mean(losses)), matrix)
