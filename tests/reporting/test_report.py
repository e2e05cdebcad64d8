"""The report of a made run: everything is in it, nothing comes from elsewhere."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from made_run import STREET, FakeRun, make_run, predict_by

from browsing import look
from intarsia.errors import RunError
from intarsia.labels import LabelMap
from intarsia.reporting import gallery, report, write_report


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<(style|svg)\b.*?</\1>|<[^>]+>", " ", page, flags=re.S))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    """One whole report, which several tests look at: its figures take seconds."""
    made = make_run(tmp_path_factory.mktemp("run") / "unet", STREET)
    with pytest.MonkeyPatch.context() as patch:
        predict_by(made, patch)
        assert write_report(made) == made.path / "report.html"
    return made


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """A run of one evaluation whose report is written without its figures: quick."""
    made = make_run(tmp_path / "unet", STREET)
    made.evaluations.pop("street-test")
    predict_by(made, monkeypatch)
    without_figures(monkeypatch)
    return made


def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> list[object]:
        return []

    monkeypatch.setattr(report, "learning_curves", none)
    monkeypatch.setattr(report, "section_drawings", none)


def test_a_report(written: FakeRun) -> None:
    run = written
    page = (run.path / "report.html").read_text(encoding="utf-8")
    text = _text(page)

    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert "<script" not in page
    # XML name spaces are names, not addresses that anything opens
    assert set(re.findall(r"https?://[^\"' ]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert anchor in ids

    assert page.count("<svg") == 1 + 4  # the mark and four curves
    assert page.count("<img") == 2 * 9 * 6
    test = run.evaluations["street-test"]
    for shown in (
        f"{test['miou']:.3f}",
        f"majority baseline {test['majority_accuracy']:.3f}",
        "test of street",
        "over 12 images in 4 groups",
        "Only 4 groups: the interval rests on few",
        "Primary: macro mIoU, not declared in dataset.yaml.",
        f"95 %: {test['intervals']['miou']['low']:.3f} to {test['intervals']['miou']['high']:.3f}",
        "chose the checkpoint",
        "2 looks at test",
        "Side_walk &amp; kerb",
        "value 255 is ignored",
        "encoder_lr_factor: 0.33",
        "segmentation-models-pytorch 0.6.0",
        "git commit n/a",
        "AVX2, AVX-512",
        "21 min 30 s",
        "2.4 GB",
        "intarsia train &#39;/data/my street&#39; --recipe recipe.yaml",
    ):
        assert shown in text, shown
    # independent figures come first, also in the headline
    assert text.index("test of street") < text.index("val of street")
    for label in STREET.classes:
        assert page.count(f"background:rgb({' '.join(map(str, label.color))})") >= 7


def test_every_figure_and_table_is_a_file(written: FakeRun) -> None:
    run = written
    figures = {p.name for p in (run.path / "figures").iterdir()}
    stems = ["curve-loss", "curve-miou", "curve-accuracy", "curve-lr"]
    stems += [f"{kind}-street-{s}" for kind in ("iou", "confusion", "panels") for s in _SPLITS]
    assert figures == {f"{stem}.{kind}" for stem in stems for kind in ("svg", "png")}
    tables = {p.name for p in (run.path / "tables").iterdir()}
    stems = ["training", "times", "learning-curves", "environment", "splits", "evaluations"]
    stems += [f"{kind}-street-{s}" for kind in _TABLES for s in _SPLITS]
    assert tables == {f"{stem}.{kind}" for stem in stems for kind in ("csv", "md", "tex")}
    with (run.path / "tables" / "confusion-street-val.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["truth", *STREET.names]
    matrix = run.evaluations["street-val"]["confusion_matrix"]
    assert [[int(cell) for cell in row[1:]] for row in rows[1:]] == matrix


_SPLITS = ("val", "test")
_TABLES = ("figures", "classes", "false-alarms", "images", "confusion")


def test_an_evaluation_with_other_settings_stands_beside_the_plain_one(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"crf": True, "crf_weights": [10.0, 3.0]}
    timed = {"settings": settings, "seconds": 61.0, "milliseconds_per_image": 83.25}
    name = "street-val+crf=True+crf_weights=[10.0,3.0]"
    run.evaluations = {name: {**run.evaluations["street-val"], **timed}, **run.evaluations}
    used: list[dict[str, Any]] = []

    def predictor(_: object, changed: dict[str, Any]) -> object:
        used.append(changed)
        assert run.data is not None
        return run.data.predict

    monkeypatch.setattr(gallery, "_predictor", predictor)
    page = write_report(run).read_text(encoding="utf-8")
    text = _text(page)
    assert used == [{}, settings]  # loaded once each, not once an image
    # the plain one first, also in the headline
    assert 0 < page.index(">val of street</a>") < page.index(">val of street, crf True")
    assert 'id="evaluation-1"' in page
    assert 'id="evaluation-2"' in page
    assert "Not predicted as the recipe says: crf True, crf_weights 10.0 3.0." in text
    assert "1 min 1 s; 83.2 ms an image" in text
    assert "--set predict.crf=true --set &#39;predict.crf_weights=[10.0, 3.0]&#39;" in text
    names = {path.stem for path in (run.path / "tables").iterdir()}
    assert {"classes-street-val", "classes-street-val-crf-True-crf_weights-10.0-3.0"} <= names
    with (run.path / "tables" / "evaluations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["predicted with"] for row in rows] == [
        "as the recipe",
        "crf True, crf_weights 10.0 3.0",
    ]
    assert [row["ms an image"] for row in rows] == ["", "83.25"]


def test_times_are_numbers(written: FakeRun) -> None:
    with (written.path / "tables" / "times.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["run"] == "unet"
    assert float(row["training s"]) == 1290.4
    assert float(row["s an epoch"]) == pytest.approx(17.2)
    assert float(row["peak memory"]) == 2_415_919_104
    assert row["evaluated on"] == "test of street"
    assert row["ms an image"] == ""  # a sheet from before times were kept


def test_the_same_run_gives_the_same_page(run: FakeRun) -> None:
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_progress_counts_the_images(run: FakeRun) -> None:
    steps: list[tuple[int, int]] = []
    write_report(run, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(done, 9) for done in range(1, 10)]


def test_a_data_set_that_is_gone_is_said(run: FakeRun) -> None:
    run.data = None
    text = _text(write_report(run).read_text(encoding="utf-8"))
    assert "The pictures are missing: the data set is no longer there (/data/street)" in text


def test_one_image_that_is_gone_is_said(run: FakeRun) -> None:
    best = max(run.evaluations["street-val"]["per_image"], key=lambda row: row["miou"])
    best["file"] = "val/gone"
    text = _text(write_report(run).read_text(encoding="utf-8"))
    assert "Some pictures are missing: the image val/gone is no longer in the data set" in text


def test_an_evaluation_of_other_data(run: FakeRun) -> None:
    run.evaluations = {"other-val": {**run.evaluations["street-val"], "data": "other"}}
    text = _text(write_report(run).read_text(encoding="utf-8"))
    assert "The images are those of another data set than street." in text


def test_a_run_that_was_interrupted_before_anything(run: FakeRun) -> None:
    run.log, run.evaluations, run.summary = [], {}, {}
    text = _text(write_report(run).read_text(encoding="utf-8"))
    assert "no epoch was finished" in text
    assert "Not evaluated yet" in text
    assert "not finished" in text


def test_a_damaged_evaluation_is_named(run: FakeRun) -> None:
    del run.evaluations["street-val"]["classes"]
    with pytest.raises(RunError, match="damaged") as caught:
        write_report(run)
    assert "street-val.json" in str(caught.value)


def test_names_are_never_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = LabelMap.of(['<img src=x onerror="1">', "$a_b$ %", "道路"])
    made = make_run(tmp_path / "unet", labels, count=3, epochs=1)
    predict_by(made, monkeypatch)
    page = write_report(made).read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert "道路" in page


def test_forty_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = LabelMap.of([f"class of things {i}" for i in range(40)])
    made = make_run(tmp_path / "unet", labels, count=1, epochs=1)
    predict_by(made, monkeypatch)
    without_figures(monkeypatch)
    page = write_report(made).read_text(encoding="utf-8")
    assert page.count('<td class="right"') + page.count('class="right strong"') >= 2 * 33
    assert page.count("<td") > 2 * 1600


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(written: FakeRun, scheme: str) -> None:
    """No overflow at phone width, nothing in the console, nothing from the network."""
    for seen in look(written.path / "report.html", scheme):
        assert seen.page_width <= seen.width
        assert seen.spilled == seen.blank_images == seen.faint == seen.lost_links == []
        assert seen.said == seen.asked == []
