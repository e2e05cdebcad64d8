"""The primary figure on its way from dataset.yaml to a sheet."""

from __future__ import annotations

import pytest

from intarsia.datasets.primary import Primary
from intarsia.errors import DataError
from intarsia.evaluation import primary_estimand
from intarsia.labels import LabelMap
from intarsia.statistics import MIOU, Estimand

LABELS = LabelMap.of(["sky", "road"])


@pytest.mark.parametrize(
    ("primary", "expected"),
    [
        (None, MIOU),
        (Primary("miou"), MIOU),
        (Primary("pixel_accuracy"), Estimand("pixel_accuracy")),
        (Primary("micro_iou"), Estimand("micro_iou")),
        (Primary("mean_dice"), Estimand("mean_dice")),
        (Primary("iou", "road"), Estimand("miou", (1,))),
        (Primary("dice", "sky"), Estimand("mean_dice", (0,))),
    ],
    ids=str,
)
def test_as_an_estimand(primary: Primary | None, expected: Estimand) -> None:
    assert primary_estimand(primary, LABELS) == expected


def test_a_class_that_is_not_there() -> None:
    with pytest.raises(DataError, match="raod") as caught:
        primary_estimand(Primary("iou", "raod"), LABELS)
    assert 'did you mean "road"?' in str(caught.value)
