"""What is measured on a mask: a row a class."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.inference import Ids
from intarsia.labels import LabelMap

MEASUREMENT_COLUMNS = ("image", "class", "pixels", "share", "regions", "mean_confidence")


@dataclass(frozen=True)
class Measurement:
    """One class in one mask.

    `share` is of all pixels, `regions` are connected by 8 neighbours, `mean_confidence` is the
    mean probability of the class where it was chosen; None where it was not.
    """

    name: str
    pixels: int
    share: float
    regions: int
    mean_confidence: float | None

    def row(self) -> tuple[object, ...]:
        """The cells after `image` in measurements.csv."""
        confidence = "" if self.mean_confidence is None else f"{self.mean_confidence:.4f}"
        return self.name, self.pixels, f"{self.share:.6f}", self.regions, confidence


class Tally:
    """Pixels and confidence of each class, band by band.

    >>> tally = Tally(LabelMap.of(["sky", "road"]))
    >>> mask = np.array([[0, 0, 1]], np.uint8)
    >>> tally.add(mask, np.array([[0.9, 0.7, 0.5]], np.float32))
    >>> tally.measurements(mask)[0].row()
    ('sky', 2, '0.666667', 1, '0.8000')
    """

    def __init__(self, labels: LabelMap) -> None:
        self.labels = labels
        self._pixels = np.zeros(len(labels), np.int64)
        self._confidence = np.zeros(len(labels))

    def add(self, ids: Ids, probabilities: NDArray[np.float32]) -> None:
        """(rows, W) ids of a band, and the probability of each."""
        count = len(self.labels)
        self._pixels += np.bincount(ids.ravel(), minlength=count)
        self._confidence += np.bincount(ids.ravel(), weights=probabilities.ravel(), minlength=count)

    @property
    def mean_confidence(self) -> float:
        """Of all pixels."""
        return float(self._confidence.sum() / max(1, self._pixels.sum()))

    def measurements(self, mask: Ids) -> list[Measurement]:
        """A row a class; `mask` (H, W) is all bands together."""
        return [
            Measurement(
                label.name,
                int(pixels),
                float(pixels / mask.size),
                _regions(mask, label.id) if pixels else 0,
                float(confidence / pixels) if pixels else None,
            )
            for label, pixels, confidence in zip(
                self.labels.classes, self._pixels, self._confidence, strict=True
            )
        ]


def _regions(mask: Ids, index: int) -> int:
    """Connected regions of one class that is present, 8 neighbours."""
    member = mask == index
    rows, columns = np.flatnonzero(member.any(axis=1)), np.flatnonzero(member.any(axis=0))
    box = member[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    labelled: int = cv2.connectedComponents(np.ascontiguousarray(box, np.uint8), connectivity=8)[0]
    return labelled - 1
