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

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Validation:
    """`loss` is the mean over images; the metrics come from one confusion matrix."""

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
    """Predicts every sample as `predict` would, but without mirrored copies and refinement.

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
    pairs = read_ahead(lambda sample: (data.read_image(sample), data.read_mask(sample)), samples)
    for image, truth in pairs:
        if interrupted():
            return None
        probabilities = inference.probabilities(image)
        predicted, _ = inference.decide(Band(0, probabilities))
        matrix += confusion_matrix(truth, predicted, classes, ignore)
        # softmax(log p) is p: the very loss of the training, at the image's own size
        logits = torch.from_numpy(probabilities).clamp_(min=1e-12).log_()
        target = torch.from_numpy(truth.astype(np.int64))
        losses.append(float(loss(logits[None], target[None])))
    return Validation(float(np.mean(losses)), matrix)
