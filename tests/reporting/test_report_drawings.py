"""Figures: deterministic, with any class name, and the numbers behind them by hand."""

from __future__ import annotations

import numpy as np
import pytest
from made_run import make_log

from intarsia.evaluation import Evaluation, ImageMetrics
from intarsia.labels import LabelMap
from intarsia.reporting.curves import learning_curves, log_table, points
from intarsia.reporting.figures import Drawing, legible
from intarsia.reporting.matrices import confusions, heat_rows, matrix_drawing, row_shares
from intarsia.reporting.painting import LONGEST
from intarsia.reporting.panels import choose, paint
from intarsia.reporting.sheets import class_bars, class_table, image_table, role, summary_table

MATRIX = np.array([[6, 2, 0], [0, 0, 0], [1, 0, 999]])
NAMES = ("$sky_$", "道路 <road>", "no % thing & a name that is far too long for any figure")
SHEET = Evaluation(
    "toy",
    "val",
    NAMES,
    MATRIX,
    selection=True,
    per_image=(ImageMetrics("b", 0.5, 0.9), ImageMetrics("a", 0.5, 0.8), ImageMetrics("c", 0, 0)),
)


def test_curves_connect_validated_epochs_only() -> None:
    log = make_log(9, every=3)
    assert points(log, "val_miou")[0] == [3, 6, 9]
    names = [d.name for d in learning_curves(log, best_epoch=9, majority_accuracy=0.3)]
    assert names == ["curve-loss", "curve-miou", "curve-accuracy", "curve-lr"]


@pytest.mark.parametrize("epochs", [0, 1])
def test_short_logs(epochs: int) -> None:
    assert len(learning_curves(make_log(epochs), best_epoch=None, majority_accuracy=None)) == (
        4 * epochs
    )
    assert len(log_table(make_log(epochs)).rows) == epochs


def test_a_log_without_validation_and_with_a_broken_loss() -> None:
    log = make_log(4, every=99)
    log[1]["train_loss"] = float("nan")
    assert points(log, "train_loss")[0] == [1, 3, 4]
    drawings = learning_curves(log, best_epoch=None, majority_accuracy=0.3)
    assert [d.name for d in drawings] == ["curve-loss", "curve-miou", "curve-accuracy", "curve-lr"]


def _all() -> list[Drawing]:
    return [
        *learning_curves(make_log(3), best_epoch=2, majority_accuracy=0.3),
        class_bars("toy-val", SHEET, LabelMap.of(NAMES)),
        matrix_drawing("toy-val", "val of toy", MATRIX, NAMES),
    ]


def test_the_same_input_gives_the_same_bytes() -> None:
    for first, second in zip(_all(), _all(), strict=True):
        assert first.svg == second.svg
        assert first.png == second.png
        assert b"<dc:date>" not in first.svg
        assert "var(--ink)" in first.inline
        assert "#1b2430" not in first.inline


def test_a_name_without_glyphs_is_drawn_as_boxes_not_as_a_warning() -> None:
    assert legible("a\nb\U00012000") == "a b\N{WHITE SQUARE}"
    assert len(legible("x" * 99)) == 28


def test_row_shares_by_hand() -> None:
    shares = row_shares(MATRIX)
    assert shares[0].tolist() == [0.75, 0.25, 0]
    assert np.isnan(shares[1]).all()
    assert shares[2].tolist() == [0.001, 0, 0.999]


def test_heat_cells() -> None:
    heat = heat_rows(MATRIX)
    assert [c.text for c in heat[0]] == ["75", "25", ""]
    assert [c.text for c in heat[1]] == ["", "", ""]
    assert [c.text for c in heat[2]] == ["\N{MIDDLE DOT}", "", "100"]
    assert heat[0][0].right
    assert not heat[0][1].right
    assert heat[2][2].strong
    assert not heat[0][1].strong


def test_confusions_leave_out_the_diagonal_and_the_tiny() -> None:
    found = confusions(MATRIX, NAMES)
    assert [(c.truth, c.prediction, c.share, c.pixels) for c in found] == [
        (NAMES[0], NAMES[1], 0.25, 2)
    ]


def test_tables_of_a_sheet() -> None:
    table = class_table("toy-val", SHEET)
    assert table.rows[0][1] == pytest.approx(6 / 9)  # hit 6, truth 8, predicted 7
    assert table.rows[1][1] == 0  # absent from truth, yet predicted
    assert [row[6] for row in table.rows] == [8, 0, 1000]
    assert table.rows[2][7] == pytest.approx(1000 / 1008)
    assert [row[0] for row in image_table("toy-val", SHEET).rows] == ["c", "a", "b"]
    assert summary_table([SHEET]).rows[0][:4] == ("toy", "val", "chose the checkpoint", 3)


def test_role_of_a_split() -> None:
    assert role(Evaluation("d", "train", ("a",), np.eye(1))) == "trained on"
    assert role(Evaluation("d", "test", ("a",), np.eye(1))) == "independent"


@pytest.mark.parametrize(
    ("count", "groups"),
    [
        (0, ""),
        (1, "b"),
        (2, "bw"),
        (3, "bmw"),
        (5, "bmw"),
        (6, "bbmmww"),
        (9, "bbbmmmwww"),
        (50, "bbbmmmwww"),
    ],
)
def test_choice_of_images(count: int, groups: str) -> None:
    rows = [ImageMetrics(f"{i:02d}", i / 50, None) for i in range(count)]
    picks = choose([*rows, ImageMetrics("empty", None, None)])
    assert "".join(p.group[0] for p in picks) == groups
    files = [p.file for p in picks]
    assert len(set(files)) == len(files)
    assert "empty" not in files
    if count:
        assert picks[0].miou == (count - 1) / 50
    if count > 1:
        assert picks[-1].miou == 0


def test_panels_are_small_and_invent_no_class() -> None:
    labels = LabelMap.of(["a", "b", "c"])
    pick = choose([ImageMetrics("x", 0.5, 0.5)])[0]
    truth = np.zeros((700, 1301), np.uint8)
    truth[:, 650:] = 2
    truth[:40] = 255
    made = paint(pick, np.zeros((700, 1301, 3), np.uint8), truth, np.zeros_like(truth), labels)
    assert made.size == (LONGEST, round(700 * LONGEST / 1301))
    assert {image.size for _, image in made.titled} == {made.size}
    assert [title for title, _ in made.sources] == [
        "image",
        "truth",
        "truth over image",
        "mask",
        "overlay",
        "error",
    ]
    assert not made.small
    assert not made.narrow
    # the flat truth holds the classes' own colours and the ignored black, nothing between them
    own = {labels.classes[i].color for i in (0, 2)}
    assert {color for _, color in made.truth.getcolors(99)} == own | {(0, 0, 0)}
    # over a black image: at most the class's own colour, the ignored rows bare
    assert made.truth_over_image.getpixel((9, 2)) == (0, 0, 0)
    shown = made.truth_over_image.getpixel((9, 200))
    assert shown == tuple(round(0.55 * part) for part in labels.classes[0].color)
    assert made.mask.getcolors() == [(made.size[0] * made.size[1], labels.classes[0].color)]
    assert made.overlay.getpixel((9, 200)) == shown
