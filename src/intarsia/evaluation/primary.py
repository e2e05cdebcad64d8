"""The figure that a data set is judged by, as something that can be estimated."""

from __future__ import annotations

from intarsia.datasets.primary import Primary, PrimaryMetric
from intarsia.labels import LabelMap
from intarsia.statistics import MIOU, Estimand, Metric

_METRICS: dict[PrimaryMetric, Metric] = {
    "miou": "miou",
    "micro_iou": "micro_iou",
    "mean_dice": "mean_dice",
    "pixel_accuracy": "pixel_accuracy",
    "iou": "miou",  # the mean over one class is its own
    "dice": "mean_dice",
}


def primary_estimand(primary: Primary | None, labels: LabelMap) -> Estimand:
    """What dataset.yaml declares; macro mIoU where it declares nothing.

    `primary` is that of a `Dataset` (of a manifest: `Primary.from_json(manifest.get("primary"))`),
    `labels` are its classes.

    Raises:
        DataError: no such class; the nearest is offered.

    >>> labels = LabelMap.of(["sky", "road"])
    >>> primary_estimand(Primary("iou", "road"), labels)
    Estimand(metric='miou', classes=(1,))
    """
    if primary is None:
        return MIOU
    name = primary.class_name
    return Estimand(_METRICS[primary.metric], None if name is None else (labels[name].id,))
