"""The metric sheet: one confusion matrix and everything that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.datasets.background import BACKGROUNDS
from intarsia.datasets.primary import Primary
from intarsia.errors import DataError, did_you_mean
from intarsia.evaluation.details import Details
from intarsia.evaluation.figures import Figure, figures_of
from intarsia.evaluation.names import sheet_name
from intarsia.evaluation.text import html_of, text_of
from intarsia.evaluation.uncertainty import Intervals
from intarsia.evaluation.wording import estimand_of
from intarsia.metrics import ClassMetrics, ConfusionMatrix
from intarsia.statistics import Interval

SCHEMA = 1


@dataclass(frozen=True)
class ImageMetrics:
    """One image of an evaluation; `miou` is over the classes in its truth or prediction."""

    file: str
    miou: float | None
    pixel_accuracy: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A metric sheet: one confusion matrix (K, K), rows truth, and all that follows from it.

    `selection` is true where this split chose the checkpoint, so that its figures flatter the
    model. `images` is their number; `per_image` are their own figures, whose mean is not the
    split's mIoU. `test_looks` is how often the run had been measured on a test split by then.
    `settings` are the `predict.*` keys that were not the recipe's. `seconds` is the whole
    measurement, `milliseconds_per_image` the mean from decoded pixels to the mask. `details` are
    there where they were asked for. `matrices` (N, K, K) and the `groups` of the images are those
    that the sheet was made of; `intervals` say how sure its figures are, None in sheets of earlier
    versions. `background` is the class that `miou_without_background` leaves out. `primary` is the
    figure that dataset.yaml declares, `primary_late` true where it did so after the training only.

    >>> sheet = Evaluation("toy", "val", ("sky", "road"), np.array([[3, 1], [0, 4]]))
    >>> sheet.miou, sheet["road"].iou, sheet.pixel_accuracy, sheet.baseline
    (0.775, 0.8, 0.875, 0.5)
    """

    data: str
    split: str
    names: tuple[str, ...]
    confusion_matrix: ConfusionMatrix
    selection: bool = False
    per_image: tuple[ImageMetrics, ...] = ()
    test_looks: int = 0
    intervals: Intervals | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    milliseconds_per_image: float | None = None
    details: Details | None = None
    matrices: NDArray[np.integer] | None = None
    groups: tuple[str | None, ...] = ()
    background: str | None = None
    primary: Primary | None = None
    primary_late: bool = False

    @property
    def name(self) -> str:
        """What its files are called."""
        return sheet_name(self.data, self.split, self.settings)

    @property
    def images(self) -> int:
        return len(self.per_image)

    @cached_property
    def classes(self) -> tuple[ClassMetrics, ...]:
        return metrics.class_metrics(self.confusion_matrix, self.names)

    def __getitem__(self, name: str) -> ClassMetrics:
        for row in self.classes:
            if row.name == name:
                return row
        raise DataError(f'no class "{name}"', hint=did_you_mean(name, self.names))

    @property
    def miou(self) -> float | None:
        return metrics.miou(self.confusion_matrix)

    @property
    def miou_without_background(self) -> float | None:
        """The mean IoU of all classes but the background; None where no class is the background."""
        if self.background is None:
            return None
        return metrics.miou(self.confusion_matrix, without=self.names.index(self.background))

    @property
    def micro_iou(self) -> float | None:
        return metrics.micro_iou(self.confusion_matrix)

    @property
    def mean_dice(self) -> float | None:
        return metrics.mean_dice(self.confusion_matrix)

    @property
    def mean_accuracy(self) -> float | None:
        return metrics.mean_accuracy(self.confusion_matrix)

    @property
    def pixel_accuracy(self) -> float | None:
        return metrics.pixel_accuracy(self.confusion_matrix)

    @property
    def majority_accuracy(self) -> float | None:
        """The pixel accuracy of always answering the most frequent class."""
        return metrics.majority_accuracy(self.confusion_matrix)

    @property
    def baseline(self) -> float | None:
        """`majority_accuracy`: what pixel accuracy has to be compared with."""
        return self.majority_accuracy

    @property
    def frequency_weighted_iou(self) -> float | None:
        return metrics.frequency_weighted_iou(self.confusion_matrix)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures over all classes and the primary one, each with its interval."""
        return figures_of(self)

    @property
    def estimand(self) -> str:
        """What the figures estimate: aggregation, empty truth, unit, what the split decided."""
        return estimand_of(self)

    def interval(self, metric: str, class_name: str | None = None) -> Interval | None:
        """The 95 % interval of a figure, `iou` and `dice` of one class; None where there is none.

        Why there is none is in `intervals.find(metric, class_name)`.

        Raises:
            DataError: no such figure, or class; the nearest is offered.
        """
        if self.intervals is None:
            return None
        found = self.intervals.find(metric, class_name)
        return found if isinstance(found, Interval) else None

    def to_json(self) -> dict[str, Any]:
        """What `evaluations/<data>-<split>.json` holds; n/a is None."""
        return {
            "schema": SCHEMA,
            "data": self.data,
            "split": self.split,
            "selection": self.selection,
            "images": self.images,
            "primary": self._primary_json(),
            "estimand": self.estimand,
            "miou": self.miou,
            "background": self.background,
            "miou_without_background": self.miou_without_background,
            "micro_iou": self.micro_iou,
            "mean_dice": self.mean_dice,
            "mean_accuracy": self.mean_accuracy,
            "pixel_accuracy": self.pixel_accuracy,
            "majority_accuracy": self.majority_accuracy,
            "frequency_weighted_iou": self.frequency_weighted_iou,
            "classes": [asdict(row) for row in self.classes],
            "confusion_matrix": self.confusion_matrix.tolist(),
            "per_image": [asdict(row) for row in self.per_image],
            **({"intervals": {}} if self.intervals is None else self.intervals.to_json()),
            "test_looks": self.test_looks,
            "settings": dict(self.settings),
            "seconds": self.seconds,
            "milliseconds_per_image": self.milliseconds_per_image,
            "details": None if self.details is None else self.details.to_json(),
        }

    def _primary_json(self) -> dict[str, Any]:
        primary = self.primary or Primary("miou")
        declared = self.primary is not None
        return {**primary.to_json(), "declared": declared, "late": self.primary_late}

    @classmethod
    def from_json(
        cls,
        content: Mapping[str, Any],
        matrices: NDArray[np.integer] | None = None,
        groups: tuple[str | None, ...] = (),
    ) -> Self:
        """The inverse of `to_json`; figures are computed again from the confusion matrix."""
        if int(content.get("schema", SCHEMA)) > SCHEMA:
            raise DataError(
                f"schema {content['schema']} of an evaluation is newer than this Intarsia",
                expected=f"{SCHEMA} or lower",
                hint="upgrade Intarsia",
            )
        names = tuple(str(row["name"]) for row in content["classes"])
        matrix = np.array(content["confusion_matrix"], np.int64)
        details = content.get("details")
        primary = content.get("primary") or {"declared": False}
        return cls(
            data=str(content["data"]),
            split=str(content["split"]),
            names=names,
            confusion_matrix=matrix.reshape(len(names), len(names)),
            selection=bool(content["selection"]),
            per_image=tuple(
                ImageMetrics(str(row["file"]), row["miou"], row.get("pixel_accuracy"))
                for row in content["per_image"]
            ),
            test_looks=int(content.get("test_looks", 0)),
            intervals=Intervals.from_json(content),
            settings=dict(content.get("settings") or {}),
            seconds=content.get("seconds"),
            milliseconds_per_image=content.get("milliseconds_per_image"),
            details=None if details is None else Details.from_json(details),
            matrices=matrices,
            groups=groups,
            # sheets of earlier versions do not say it: what is called so is it
            background=content.get("background", _called_background(names)),
            primary=Primary.from_json(primary) if primary["declared"] else None,
            primary_late=bool(primary.get("late")),
        )

    def __str__(self) -> str:
        return text_of(self)

    def _repr_html_(self) -> str:
        return html_of(self)


def _called_background(names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name.lower() in BACKGROUNDS), None)
