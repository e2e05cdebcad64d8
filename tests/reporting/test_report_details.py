"""Borders, calibration and the error budget in the page, its figures and its tables."""

from __future__ import annotations

import csv
import re
from typing import Any

import numpy as np
import pytest
from made_run import STREET, FakeRun, make_run, predict_by

from browsing import look
from intarsia import metrics
from intarsia.evaluation import DetailRecords, Evaluation
from intarsia.metrics import PixelSample, fit_temperature
from intarsia.reporting import report, write_report
from intarsia.reporting.details import details_of


def with_details(run: FakeRun, name: str, *, sure: float = 0.9) -> dict[str, Any]:
    """The sheet with details of the made masks; an answer is given `sure`, or 0.3 less."""
    assert run.data is not None
    labels, content = run.labels, run.evaluations[name]
    records = DetailRecords(run.data.count, len(labels))
    pixels = PixelSample(2000)
    matrices = []
    for place, sample in enumerate(run.data.samples):
        truth = run.data.read_mask(sample)
        mask = run.data.predict(run.data.read_image(sample))
        confidence = np.full(mask.shape, sure, np.float32)
        confidence[:, ::3] -= 0.3
        rest = (1 - confidence) / (len(labels) - 1)
        own = np.arange(len(labels))[:, None, None] == mask
        pixels.add(np.where(own, confidence, rest), truth, labels.ignore_index)
        records.measure(place, truth, mask, confidence, labels.ignore_index)
        matrices.append(metrics.confusion_matrix(truth, mask, len(labels), labels.ignore_index))
    fitted = fit_temperature(pixels.probabilities, pixels.truth)
    details = records.details(np.array(matrices), labels.names, fitted)
    return {**content, "details": details.to_json()}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    made = make_run(tmp_path_factory.mktemp("run") / "unet", STREET, count=4, epochs=2)
    made.evaluations = {"street-val": with_details(made, "street-val")}
    with pytest.MonkeyPatch.context() as patch:
        predict_by(made, patch)
        patch.setattr(report, "learning_curves", lambda *_, **__: [])
        write_report(made)
    return made


def rows(run: FakeRun, name: str) -> list[list[str]]:
    with (run.path / "tables" / f"{name}.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_the_page_has_them(run: FakeRun) -> None:
    page = (run.path / "report.html").read_text(encoding="utf-8")
    details = run.evaluations["street-val"]["details"]
    text = re.sub(r"\s+", " ", re.sub(r"<(style|svg)\b.*?</\1>|<[^>]+>", " ", page, flags=re.S))
    fitted = details["temperature"]
    for shown in (
        f"are {details['calibration_error']:.3f} apart",
        f"The temperature that fits best is {fitted['value']:.2f}",
        f"the ECE from {fitted['ece_before']:.3f} to {fitted['ece_after']:.3f}",
        "n/a: in no image is there anything to measure",
        "boundary IoU",
        "invented : predicted regions",
    ):
        assert shown in text
    assert page.count("<svg") == 1 + 2
    for name in ("reliability-street-val", "errors-street-val"):
        assert (run.path / "figures" / f"{name}.svg").is_file()
        assert f'id="{name}-' in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)


def test_the_tables_hold_what_was_measured(run: FakeRun) -> None:
    details = run.evaluations["street-val"]["details"]
    borders = rows(run, "borders-street-val")
    assert [row[0] for row in borders[1:]] == STREET.names
    assert float(borders[1][1]) == details["boundary"][0]["iou"]
    assert borders[0][4] == "HD95, px"
    calibration = rows(run, "calibration-street-val")
    assert calibration[-1] == ["all pixels", str(details["calibration_error"])]
    assert len(rows(run, "reliability-street-val")) == 1 + 15
    errors = rows(run, "errors-street-val")
    shares = {row[0]: float(row[3]) for row in errors[1:] if row[1:3] == ["all", "all"]}
    assert list(shares) == list(metrics.ERROR_KINDS)
    assert sum(shares.values()) == pytest.approx(1)
    pairs = [row for row in errors[1:] if row[0] == "confusion" and row[1] != "all"]
    assert sum(float(row[3]) for row in pairs) == pytest.approx(shares["confusion"])


def test_nothing_wrong_and_nothing_counted() -> None:
    truth = np.zeros((5, 7), np.uint8)
    for ignored in (False, True):
        records = DetailRecords(1, 2)
        ids = np.full_like(truth, 255) if ignored else truth
        records.measure(0, ids, truth, np.ones(truth.shape, np.float32), 255)
        matrix = metrics.confusion_matrix(ids, truth, 2, 255)
        details = records.details(matrix[None], ["a", "b"])
        shown = details_of("x", Evaluation("toy", "val", ("a", "b"), matrix, details=details))
        assert shown is not None
        assert shown.error_figure is None
        assert (shown.reliability_figure is None) == ignored
        assert len(shown.drawings) == (0 if ignored else 1)
        assert [row[0] for row in shown.errors.rows] == list(metrics.ERROR_KINDS)
        assert shown.borders.shown()[1][1:5] == ["n/a"] * 4


def test_a_sheet_without_details_shows_none() -> None:
    assert details_of("x", Evaluation("toy", "val", ("a",), np.eye(1, dtype=int))) is None


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_finds_no_fault(run: FakeRun, scheme: str) -> None:
    for seen in look(run.path / "report.html", scheme):
        assert seen.page_width <= seen.width
        assert (seen.spilled, seen.faint, seen.said, seen.asked) == ([], [], [], [])
