"""Intervals of a sheet: by hand, over the right units, and in words where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from intarsia.datasets.primary import Primary
from intarsia.errors import DataError
from intarsia.evaluation import Evaluation, ImageMetrics, Intervals, measure_intervals
from intarsia.statistics import Interval

NAMES = ("background", "road", "pole")


def made(images: int, seed: int = 0) -> NDArray[np.int32]:
    """(N, 3, 3), every class in every image, right in about three pixels of four."""
    random = np.random.default_rng(seed)
    wrong = random.integers(5, 60, (images, 3, 3))
    return (wrong + np.eye(3, dtype=np.int64) * random.integers(300, 900, (images, 3, 1))).astype(
        np.int32
    )


def sheet_of(
    matrices: NDArray[np.integer], groups: tuple[str | None, ...] = (), **fields: object
) -> Evaluation:
    names = NAMES[: matrices.shape[1]]
    return Evaluation(
        "toy",
        "val",
        names,
        matrices.sum(axis=0, dtype=np.int64),
        per_image=tuple(ImageMetrics(f"{at}", 0.5, 0.5) for at in range(len(matrices))),
        intervals=measure_intervals(matrices, groups, names, "background"),
        background="background",
        **fields,
    )


def stored(sheet: Evaluation) -> dict:
    """Through JSON, which knows no NaN."""
    return json.loads(json.dumps(sheet.to_json(), allow_nan=False))


def test_by_hand_over_equal_groups() -> None:
    # 4 groups of 2 images, 100 pixels each; 5, 9, 11 and 20 wrong ones in a group
    wrong = [5, 0, 4, 5, 11, 0, 10, 10]
    matrices = np.array([[[50, 0], [w, 50 - w]] for w in wrong])
    groups = tuple("aabbccdd")
    found = measure_intervals(matrices, groups, NAMES[:2]).find("pixel_accuracy")
    right = 1 - np.array([5, 9, 11, 20]) / 200
    error = right.std(ddof=1) / 2
    mean = right.mean()
    width = stats.t.ppf(0.975, 3) * error / (mean * (1 - mean))
    expected = special.expit(special.logit(mean) + np.array([-width, width]))
    assert isinstance(found, Interval)
    assert [found.low, found.high] == pytest.approx(expected)
    assert (found.level, found.method) == (0.95, "logit-t")


def test_each_class_and_each_figure() -> None:
    sheet = sheet_of(made(20))
    for metric in ("miou", "micro_iou", "mean_dice", "mean_accuracy", "pixel_accuracy"):
        found = sheet.interval(metric)
        assert found is not None
        assert found.low < getattr(sheet, metric) < found.high
    for row in sheet.classes:
        for metric in ("iou", "dice"):
            found = sheet.interval(metric, row.name)
            assert found is not None
            assert found.low < getattr(row, metric) < found.high
    # a mean over one class is its own
    alone = measure_intervals(made(20)[:, :2, :2], (), NAMES[:2], "background")
    assert alone.find("miou_without_background") == alone.find("iou", "road")
    assert sheet.interval("frequency_weighted_iou") is None


def test_groups_count_and_images_without_one_stand_for_themselves() -> None:
    matrices = made(12)
    plain = measure_intervals(matrices, (), NAMES)
    assert (plain.unit, plain.units) == ("image", 12)
    assert measure_intervals(matrices, (None,) * 12, NAMES) == plain
    grouped = measure_intervals(matrices, tuple("aaabbbcccddd"), NAMES)
    assert (grouped.unit, grouped.units) == ("group", 4)
    assert any("Only 4 groups" in remark for remark in grouped.remarks)
    some = measure_intervals(matrices, (*"aaabbb", *(None,) * 6), NAMES)
    assert (some.unit, some.units) == ("group", 8)
    # a group may be called as a single image would be
    odd = measure_intervals(matrices, ("image 1", None, *"aabbccddee"), NAMES)
    assert odd.units == 7


def test_without_the_background_and_micro_by_hand() -> None:
    matrix = np.array([[6, 2, 0], [1, 3, 0], [0, 2, 4]])
    sheet = sheet_of(np.stack([matrix, matrix]))
    # IoU: 6 / 9, 3 / 8, 4 / 6; 13 of 18 right, 5 wrong ones twice
    assert sheet.miou_without_background == pytest.approx((3 / 8 + 4 / 6) / 2)
    assert sheet.micro_iou == pytest.approx(13 / 23)
    assert "macro mIoU without background  0." in str(sheet)
    plain = Evaluation("toy", "val", ("sky", "road"), np.array([[3, 1], [0, 4]]))
    assert plain.miou_without_background is None
    assert "without" not in str(plain)


def test_images_without_a_class_are_counted_and_false_alarms_told() -> None:
    matrices = made(6)
    matrices[:4, 2] = 0
    matrices[1:4, :, 2] = 0
    matrices[0, :, 2] = (7, 2, 0)
    sheet = sheet_of(matrices)
    assert stored(sheet)["empty"][2] == {"name": "pole", "images": 4, "alarms": 1, "pixels": 9}
    assert "pole on 1 of 4 (9 pixels)" in " ".join(str(sheet).split())


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ((None,), ["One image: how much others would differ", "no interval: one image only"]),
        (("a",) * 5, ["One group", "no interval: one group only", "5 images in 1 group"]),
    ],
    ids=["one image", "one group"],
)
def test_one_unit_has_no_interval(groups: tuple[str | None, ...], words: list[str]) -> None:
    sheet = sheet_of(made(len(groups)), groups)
    assert sheet.interval("miou") is None
    row = stored(sheet)["intervals"]["miou"]
    assert (row["low"], row["high"], row["method"]) == (None, None, None)
    assert row["reason"].startswith("one ")
    for shown in (str(sheet), sheet._repr_html_()):
        assert all(word in " ".join(shown.split()) for word in words)


def test_a_class_that_nobody_predicts_is_said() -> None:
    matrices = made(8)
    matrices[:, :, 2] = 0
    sheet = sheet_of(matrices)
    assert sheet["pole"].iou == 0
    assert sheet.interval("iou", "pole") is None
    assert stored(sheet)["intervals"]["iou"]["pole"]["reason"] == "the same in every image"
    assert "In the truth, and never predicted: pole." in str(sheet)
    assert sheet.interval("miou") is not None


def test_a_class_in_one_image_only_and_nothing_at_all() -> None:
    matrices = made(5)
    matrices[1:, 2] = 0
    matrices[1:, :, 2] = 0
    rows = stored(sheet_of(matrices))["intervals"]
    assert rows["iou"]["pole"]["reason"] == "in one image only"
    assert rows["miou"]["low"] is not None
    nothing = sheet_of(np.zeros((3, 3, 3), np.int32))
    rows = stored(nothing)["intervals"]
    assert {rows["miou"]["reason"], rows["iou"]["road"]["reason"]} == {"n/a"}
    assert "nan" not in str(nothing).lower()


def test_kept_as_json() -> None:
    primary = Primary("iou", "road")
    sheet = sheet_of(made(20), tuple("abcdefghij") * 2, primary=primary, primary_late=True)
    content = stored(sheet)
    again = Evaluation.from_json(content)
    assert stored(again) == content
    assert again.intervals == sheet.intervals
    assert str(again) == str(sheet)
    assert (content["unit"], content["groups"]) == ("group", 10)
    assert "the group, 10 groups of 20 images (logit-t)" in content["estimand"]
    assert "The checkpoint was not chosen on this split." in content["estimand"]
    assert content["primary"] == {"metric": "iou", "class": "road", "declared": True, "late": True}
    assert max(map(len, str(sheet).splitlines())) <= 80
    # a sheet from before
    old = {k: v for k, v in content.items() if k not in ("primary", "background", "unit", "empty")}
    read = Evaluation.from_json({**old, "intervals": {}})
    assert (read.intervals, read.interval("miou"), read.primary) == (None, None, None)
    assert read.background == "background"


def test_the_primary_figure_is_marked() -> None:
    lines = str(sheet_of(made(20), primary=Primary("iou", "road"))).splitlines()
    assert lines[1] == "primary: IoU of road, declared in dataset.yaml"
    assert lines[3].startswith("IoU of road *  ")
    assert [line for line in lines if " *  " in line] == [lines[3]]
    figures = sheet_of(made(20), primary=Primary("micro_iou"), primary_late=True).figures
    assert [figure.metric for figure in figures if figure.primary] == ["micro_iou"]
    late = sheet_of(made(20), primary=Primary("micro_iou"), primary_late=True)
    assert "declared in dataset.yaml, but only after the training" in str(late)


def test_what_is_no_figure() -> None:
    sheet = sheet_of(made(4))
    for arguments, said in (
        (("mioou",), 'did you mean "miou"?'),
        (("iou", "rod"), 'did you mean "road"?'),
        (("iou",), "iou is of one class"),
        (("miou", "road"), "miou is of all classes"),
    ):
        with pytest.raises(DataError) as caught:
            sheet.interval(*arguments)
        assert said in str(caught.value)


def test_many_classes_and_images_take_a_moment() -> None:
    random = np.random.default_rng(0)
    matrices = random.integers(0, 90, (500, 40, 40), np.int32)
    names = [f"{k}" for k in range(40)]
    found = measure_intervals(matrices, (), names)
    assert isinstance(found, Intervals)
    assert len(found.values) == 6 + 2 * 40
