"""The page of a cross-validation: folds, classes, all images in one sheet."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from intarsia import metrics
from intarsia.reporting import write_report
from intarsia.reporting.folds import mean_and_deviation
from intarsia.runs import CrossValidation


@pytest.fixture(scope="module")
def written(
    folded: CrossValidation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CrossValidation, list[tuple[int, int]]]:
    """The report with its figures, and what it said of its progress."""
    path = tmp_path_factory.mktemp("reported") / "cells"
    shutil.copytree(folded.path, path)
    told: list[tuple[int, int]] = []
    run = CrossValidation(path)
    assert write_report(run, progress=lambda *state: told.append(state)) == path / "report.html"
    return run, told


def _rows(run: CrossValidation, name: str) -> list[list[str]]:
    with (run.path / "tables" / f"{name}.csv").open(newline="") as file:
        return list(csv.reader(file))[1:]


def test_the_folds_with_mean_and_deviation(
    written: tuple[CrossValidation, list[tuple[int, int]]],
) -> None:
    run, _ = written
    rows = _rows(run, "folds")
    assert [row[0] for row in rows] == [
        *("fold-0", "fold-1", "mean", "standard deviation", "all images together"),
    ]
    matrices = [np.array(f.evaluations["cells-val"]["confusion_matrix"]) for f in run.folds]
    ious = [metrics.miou(matrix) for matrix in matrices]
    pooled = metrics.miou(matrices[0] + matrices[1])
    deviation = abs(ious[0] - ious[1]) / 2**0.5
    assert [float(row[5]) for row in rows] == pytest.approx(
        [*ious, sum(ious) / 2, deviation, pooled]
    )
    # four images of two groups each
    assert [row[1:3] for row in rows[:2]] == [["4", "2"], ["4", "2"]]
    classes = _rows(run, "classes-by-fold")
    assert [row[0] for row in classes] == ["ground", "box"]
    box = [metrics.class_metrics(matrix, ("ground", "box"))[1].iou for matrix in matrices]
    assert [float(cell) for cell in classes[1][4:]] == pytest.approx(box)


def test_the_page(written: tuple[CrossValidation, list[tuple[int, int]]]) -> None:
    run, told = written
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Cross-validation in 2 folds" in page
    assert "out-of-fold of cells" in page
    assert "by the one fold that was not trained on it" in page
    assert "2 test images lie in no fold" in page
    assert "--folds --recipe recipe.yaml" in page
    assert "pictures are missing" not in page.lower()
    # 8 images: the two best, middle and worst
    assert told == [(done, 6) for done in range(1, 7)]
    for name in ("folds-spread", "compared-miou", "panels-cells-out-of-fold"):
        assert (run.path / "figures" / f"{name}.svg").is_file()


def test_a_fold_says_how_it_is_made_again(
    folded: CrossValidation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from intarsia.reporting.commands import commands

    root = folded.manifest["root"]
    assert (
        commands(folded.folds[0], [])[0]
        == f"intarsia train {root} --recipe recipe.yaml --out again"
    )
    assert "--folds" in commands(folded.folds[1], [])[0]


def test_before_the_last_fold_is_trained(folded: CrossValidation, tmp_path: Path) -> None:
    shutil.copytree(folded.path, tmp_path / "run")
    run = CrossValidation(tmp_path / "run")
    for name in ("summary.json", "evaluations", "fold-0", "fold-1"):
        path = run.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    page = write_report(run).read_text(encoding="utf-8")
    assert "2 of 2 folds are not trained yet" in page
    assert "No fold is trained yet" in page


def test_means_without_what_is_absent() -> None:
    assert mean_and_deviation([]) == (None, None)
    assert mean_and_deviation([None, 0.25]) == (0.25, None)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(written: tuple[CrossValidation, list[tuple[int, int]]], width: int) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium; name one in $CHROMIUM")
    said: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": width, "height": 844})
        page.on("console", lambda message: said.append(message.text))
        page.goto((written[0].path / "report.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
        browser.close()
    assert said == []
