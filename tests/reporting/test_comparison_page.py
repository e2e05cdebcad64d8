"""The page of a comparison: what it says is what was measured, for few runs and for many."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_comparison import ComparedData, compared, made_entry, made_matrices
from made_run import STREET
from matplotlib.figure import Figure
from PIL import Image

from browsing import look
from intarsia import metrics
from intarsia.comparison import Comparison, Contender, Cost, Remark
from intarsia.comparison.annotator import annotator_mask
from intarsia.datasets import Dataset
from intarsia.errors import DataError
from intarsia.labels import LabelMap
from intarsia.reporting import compared as compared_runs
from intarsia.reporting import comparison_page, costs, disagreement, write_comparison
from intarsia.reporting.callouts import callouts
from intarsia.reporting.class_intervals import class_notes, class_table
from intarsia.reporting.compared import repeated_curves, run_markers
from intarsia.reporting.costs import cost_drawings
from intarsia.reporting.disagreement import image_values, most_different
from intarsia.reporting.figures import Drawing
from intarsia.reporting.matrices import confusions
from intarsia.reporting.pareto import pareto_front
from intarsia.reporting.verdicts import sentences, verdict_rows

LONG = "a recipe & <b>its</b> long name, trained with very many changes of the learning rate"
IMAGES = 24
LEAK = "group-across-splits: 3 groups stand in train and val"


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<(style|svg)\b.*?</\1>|<[^>]+>", " ", page, flags=re.S))


def _predict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that answer with one class, and an annotator who has the truth."""
    monkeypatch.setattr(
        disagreement, "_predictor", lambda run: lambda i: np.full(i.shape[:2], 2, np.uint8)
    )
    monkeypatch.setattr(
        disagreement, "annotator_mask", lambda folder, data, sample: data.read_mask(sample)
    )


def _cost(milliseconds: float, parameters: int, seconds: float = 600) -> Cost:
    return Cost(
        parameters=parameters,
        multiply_adds=3_010_723_840,
        training_seconds=seconds,
        epochs=12.0,
        images_per_second=5.4,
        evaluation_seconds=1.3,
        milliseconds_per_image=milliseconds,
        peak_memory_bytes=1_931_251_712,
    )


def _three(folder: Path) -> Comparison:
    """A clear winner, two that are alike, an annotator, one that failed; groups of two images."""
    groups = [f"drive {place // 2}" for place in range(IMAGES)]
    data = ComparedData("street", STREET, IMAGES)

    def matrices(skill: float, seed: int) -> list[np.ndarray]:
        return [made_matrices(STREET, IMAGES, skill, seed + k) for k in range(2)]

    entries = [
        made_entry(
            folder / "small",
            "small",
            matrices(0.7, 10),
            STREET,
            groups,
            cost=_cost(20, 400_000),
            data=data,
            leaks=(LEAK,),
            chosen_on=IMAGES,
        ),
        made_entry(
            folder / "long",
            LONG,
            matrices(0.9, 20),
            STREET,
            groups,
            cost=_cost(90, 6_600_000),
            data=data,
            failures=("repeat 2 failed: out of memory",),
        ),
        made_entry(
            folder / "other",
            "other",
            matrices(0.702, 30),
            STREET,
            groups,
            cost=_cost(120, 31_000_000),
            data=data,
            test_looks=3,
        ),
        made_entry(
            folder / "person",
            "person",
            [made_matrices(STREET, IMAGES, 0.95, 40, left_out=True)],
            STREET,
            groups,
            annotator=True,
        ),
    ]
    comparison = compared(entries, STREET, groups)
    broken = Contender("broken", failures=("repeat 0 failed: NaN loss",))
    return replace(
        comparison,
        failed=(broken,),
        remarks=(
            Remark("leak", f"small was trained with a split that leaks: {LEAK}."),
            Remark("failure", f"{LONG}: repeat 2 failed: out of memory"),
            Remark("conditions", "The trainings took unequal time: small 1.0 min, other 2.0 min."),
            Remark("selection", "small chose the checkpoint on these images."),
            Remark("looks", "Looks at the test split so far: other 3."),
            *(Remark("statistics", text) for text in comparison.pairs[0].remarks),
        ),
    )


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return _three(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def written(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole page, which several tests look at: its figures take seconds."""
    folder = tmp_path_factory.mktemp("out")
    steps: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        _predict(patch)
        told = write_comparison(
            comparison, folder, progress=lambda done, total: steps.append((done, total))
        )
    assert told == folder / "comparison.html"
    assert steps == [(done, 24) for done in range(1, 25)]  # six images, three runs and a person
    return folder


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ranking_drawing", "class_drawings", "cost_drawings", "repeated_curves"):
        made = None if name == "ranking_drawing" else []
        monkeypatch.setattr(comparison_page, name, lambda *_, made=made: made)
    monkeypatch.setattr(comparison_page, "_matrix_drawings", lambda *_: [])
    none = Drawing("comparison-images", "", b"", b"")
    monkeypatch.setattr(comparison_page, "disagreement_drawing", lambda *_: none)


def test_the_page(comparison: Comparison, written: Path) -> None:
    page = (written / "comparison.html").read_text(encoding="utf-8")
    text = _text(page)
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert "<script" not in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert "<b>its</b>" not in page
    for shown in (
        "3 runs and a second annotator compared",
        "On the 24 images of val, by macro mIoU",
        "in 12 groups, which are resampled",
        "Ranked by macro mIoU: IoU = TP / (TP + FP + FN)",
        "not declared: the default",
        "its split leaks",
        "Leaking splits",
        "3 looks at test",
        "1 of 3 failed",
        "repeat 0 failed: NaN loss",
        "second annotator",
        "left out",
        "Unequal conditions",
        "1.9 GB",
        "Why they may differ",
    ):
        assert shown in text, shown
    for entry in comparison.entries:
        assert f"{entry.primary.value:.3f}" in text
        assert f"{entry.primary.interval.low:.3f} to {entry.primary.interval.high:.3f}" in text
    # six images: image and truth, of each run its mask and its errors
    assert page.count("<img") == 6 * (2 + 4 * 2)
    # the answer stands before what it rests on
    assert text.index("Human ceiling: person") < text.index("Who is better than whom")


def test_the_files_beside_it(comparison: Comparison, written: Path) -> None:
    figures = {path.name for path in (written / "figures").iterdir()}
    stems = ["comparison-ranking", "comparison-classes", "comparison-latency"]
    stems += ["comparison-parameters", "compared-loss", "compared-miou", "compared-accuracy"]
    stems += ["comparison-images", "confusion-small", "confusion-other", "confusion-person"]
    assert {f"{stem}.{kind}" for stem in stems for kind in ("svg", "png")} < figures
    assert len(figures) == 2 * (len(stems) + 1)  # and the matrix of the long name
    content = json.loads((written / "comparison.json").read_text(encoding="utf-8"))
    assert content == json.loads(json.dumps(comparison.to_json()))


def test_a_run_has_one_colour_in_every_figure(written: Path) -> None:
    # by its place among the entries, not by its rank; the annotator is in no learning curve
    for name, colors in {
        "comparison-ranking": ("#0072b2", "#d55e00", "#00855f", "#a8479b"),
        "comparison-classes": ("#0072b2", "#d55e00", "#00855f", "#a8479b"),
        "comparison-latency": ("#0072b2", "#d55e00", "#00855f", "#a8479b"),
        "compared-miou": ("#0072b2", "#d55e00", "#00855f"),
    }.items():
        drawn = (written / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        assert all(color in drawn for color in colors), name
    page = (written / "comparison.html").read_text(encoding="utf-8")
    for name, color in (("small", "--first"), ("other", "--run-3"), ("person", "--run-4")):
        pattern = rf"background:var\(([^)]*)\)\"></span>\s*<span>{name}</span>"
        assert set(re.findall(pattern, page)) == {color}


def test_verdicts_of_both_sides(comparison: Comparison) -> None:
    names = [entry.name for entry in comparison.ranking]
    rows = verdict_rows(comparison)
    opposite = {"better": "worse", "worse": "better"}
    for a, b in itertools.combinations(range(len(names)), 2):
        one, other = rows[a][b], rows[b][a]
        assert one is not None
        assert other is not None
        pair = comparison.pair(names[a], names[b])
        value = pair.value if pair.a == names[a] else -pair.value
        assert one.difference == value == -other.difference
        assert other.verdict == opposite.get(one.verdict, one.verdict)
        assert one.sign != "" != one.word
    assert [row[place] for place, row in enumerate(rows)] == [None] * len(names)
    assert rows[0][3].verdict == "better"


def test_sentences(comparison: Comparison) -> None:
    said = [sentence.text for sentence in sentences(comparison)]
    assert said[0] == "person is better than all 3 others."
    assert said[1] == f"{LONG} is better than other and small."
    assert len(said) == 3
    assert re.match(
        r"(No detectable difference between (other|small) and|other is equivalent to)", said[2]
    )


def test_more_images_that_would_do() -> None:
    one, two = (made_matrices(STREET, 8, skill, seed) for skill, seed in ((0.8, 1), (0.803, 2)))
    entries = [
        made_entry(Path("x"), name, [matrices], STREET, None)
        for name, matrices in (("one", one), ("two", two))
    ]
    comparison = compared(entries, STREET, None)
    (pair,) = comparison.pairs
    assert pair.verdict == "no detectable difference"
    assert pair.needed is not None
    (sentence,) = sentences(comparison)
    more = f"{pair.needed - 8:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    assert f"(about {more} more images would detect it)" in sentence.text


def test_callouts(comparison: Comparison) -> None:
    found = {callout.heading: callout for callout in callouts(comparison)}
    assert list(found) == [
        "Leaking splits",
        "Unequal conditions",
        "Failures",
        "Chosen on these images",
        "Looks at test",
    ]
    assert found["Leaking splits"].remarks == (
        f"small was trained with a split that leaks: {LEAK}.",
    )
    assert found["Failures"].remarks == (
        f"{LONG}: repeat 2 failed: out of memory",
        "broken: repeat 0 failed: NaN loss",
    )
    assert [found[name].look for name in ("Unequal conditions", "Looks at test")] == [
        "warn",
        "note",
    ]


def test_figures_of_single_images(comparison: Comparison) -> None:
    values = image_values(comparison)
    assert values.shape == (4, IMAGES)
    small = comparison.entries[0]
    expected = np.mean([[metrics.miou(m) for m in each] for each in small.matrices], axis=0)
    np.testing.assert_allclose(values[0], expected)
    # of an annotator what was left out is no class
    matrix = comparison.entries[3].matrices[0][5]
    hit, both = np.diag(matrix), matrix.sum(axis=1) + matrix.sum(axis=0)[: len(STREET)]
    assert values[3, 5] == pytest.approx(np.mean(hit / (both - hit)))


def test_one_run_used_in_two_ways_has_two_masks(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = comparison.entries[0]
    two = replace(first, contender=replace(first.contender, name="small+flip=True"))
    answers = iter(range(2))

    def predictor(run: object) -> object:
        answer = next(answers)
        return lambda image: np.full(image.shape[:2], answer, np.uint8)

    monkeypatch.setattr(disagreement, "_predictor", predictor)
    predictors: dict[object, object] = {}
    pixels, sample = np.zeros((3, 4, 3), np.uint8), object()
    masks = [
        disagreement._mask(entry, "val", None, sample, pixels, predictors)
        for entry in (first, two, first)
    ]
    assert [int(mask.max()) for mask in masks] == [0, 1, 0]


def test_what_a_person_left_out_is_a_confusion_too() -> None:
    matrix = np.array([[60, 0, 40], [10, 90, 0]])
    found = confusions(matrix, ["road", "sky", "left out"])
    assert [(each.truth, each.prediction, each.share) for each in found] == [
        ("road", "left out", 0.4),
        ("sky", "road", 0.1),
    ]


def test_images_that_differ_most() -> None:
    nothing = np.nan
    values = np.array([[0.5, 0.9, nothing, 0.3, 0.2], [0.5, 0.1, nothing, nothing, 0.4]])
    assert most_different(values) == [1, 4]
    assert most_different(values, 1) == [1]
    assert most_different(values[:1]) == []


def test_pareto_front_by_all_pairs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        costs, values = rng.integers(0, 6, (2, 9)).astype(float)
        points = {str(place): pair for place, pair in enumerate(zip(costs, values, strict=True))}
        beaten = {
            a
            for a, b in itertools.permutations(points, 2)
            if points[b] != points[a]
            and points[b][0] <= points[a][0]
            and points[b][1] >= points[a][1]
        }
        front = pareto_front(points)
        assert set(front) == set(points) - beaten
        assert [points[name][0] for name in front] == sorted(points[name][0] for name in front)
    assert pareto_front({}) == []


def test_the_second_cost_is_one_that_varies(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "draw", lambda *_: None)
    named = {each.cost: each.front for each in cost_drawings(comparison)}
    # the trainings had one budget, so that their time tells nothing
    assert named == {
        "ms per image": ("small", LONG),
        "million parameters": ("small", LONG),
    }
    entries = [
        replace(entry, cost=_cost(20, 5, seconds))
        for entry, seconds in zip(comparison.entries[:2], (60, 600), strict=True)
    ]
    unequal = replace(comparison, entries=tuple(entries))
    assert [each.cost for each in cost_drawings(unequal)] == ["ms per image", "training minutes"]


def test_classes_that_nobody_has_or_predicts() -> None:
    labels = LabelMap.of(["road", "sky", "kerb", "moon", "mars"])
    truth = np.zeros((4, 5, 5), np.int64)
    truth[:, 0, 0], truth[:, 1, 1], truth[:, 2, 0] = 90, 50, 7  # kerb is always taken for road
    other = truth.copy()
    other[:, 0, 4], other[:, 0, 0] = 3, 87
    entries = [
        made_entry(Path("x"), name, [matrices], labels, None)
        for name, matrices in (("one", truth), ("two", other))
    ]
    comparison = compared(entries, labels, None)
    assert class_notes(comparison) == [
        "kerb was predicted by nobody: IoU 0.",
        "moon is not in the truth of these images, nor predicted: n/a.",
        "mars is not in the truth of these images, predicted by two: IoU 0 there.",
    ]
    table = class_table(comparison)
    assert table.rows[0][:3] == ("road", 360, "61.2 %")
    assert [row[3] for row in table.rows][3] == "n/a"
    assert table.rows[2][3] == "0.000"  # the same in every image, which is no interval


def test_training_lines_only_of_few(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, int] = {}

    def count(name: str, label: str, paint: Callable[[], Figure]) -> None:
        drawn[name] = len(paint().axes[0].lines)

    monkeypatch.setattr(compared_runs, "draw", count)
    run = comparison.entries[0].contender.runs[0]
    repeated_curves({"a": [run] * 4, "b": [run] * 2})
    assert drawn == dict.fromkeys(("compared-loss", "compared-miou", "compared-accuracy"), 12)
    repeated_curves({"a": [run] * 4, "b": [run] * 3})
    assert set(drawn.values()) == {7}  # validation only
    assert run_markers([str(n) for n in range(8)])["7"] == "s"


def test_one_group_has_no_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_figures: None
) -> None:
    _predict(monkeypatch)
    groups = ["one drive"] * 3
    data = ComparedData("street", STREET, 3)
    entries = [
        made_entry(
            tmp_path / name, name, [made_matrices(STREET, 3, skill, 1)], STREET, groups, data=data
        )
        for name, skill in (("one", 0.8), ("two", 0.6))
    ]
    comparison = compared(entries, STREET, groups)
    text = _text(write_comparison(comparison, tmp_path / "out").read_text(encoding="utf-8"))
    assert "one cannot be compared with two." in text
    assert "One group: how much others would differ cannot be known" in text
    assert "(no interval)" in text


def test_one_group_is_drawn(comparison: Comparison) -> None:
    from intarsia.reporting.rankings import ranking_drawing

    bare = [
        replace(entry, primary=replace(entry.primary, interval=None))
        for entry in comparison.entries
    ]
    assert ranking_drawing(replace(comparison, entries=tuple(bare))) is not None
    none = [
        replace(entry, primary=replace(entry.primary, value=None, interval=None)) for entry in bare
    ]
    assert ranking_drawing(replace(comparison, entries=tuple(none))) is None


def test_data_that_are_gone_are_said(tmp_path: Path, without_figures: None) -> None:
    comparison = _three(tmp_path)
    for entry in comparison.entries:
        for run in entry.contender.runs:
            run.data = None
    page = write_comparison(comparison, tmp_path / "out")
    text = _text(page.read_text(encoding="utf-8"))
    assert "The pictures are missing: the data set is no longer there (/data/street)" in text
    assert "Highest macro mIoU" in text


def test_twelve_runs_and_thirty_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_figures: None
) -> None:
    _predict(monkeypatch)
    labels = LabelMap.of([f"class of things {i}" for i in range(30)])
    entries = [
        made_entry(
            tmp_path / f"{place}",
            f"run {place}",
            [made_matrices(labels, 3, 0.5 + place / 40, place)],
            labels,
            None,
        )
        for place in range(12)
    ]
    page = write_comparison(compared(entries, labels, None), tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert text.count('class="pair-figures"') == 66
    assert "The figures behind each of the 66 pairs" in text
    assert text.count('class="self"') == 12
    # the seventh run begins the next shape of the colours
    assert '<span class="swatch key square" style="background:var(--first)">' in text


def test_the_mask_of_an_annotator(shapes: Path, tmp_path: Path) -> None:
    data = Dataset.open(shapes)
    sample = data.split("val")[0]
    truth = data.read_mask(sample)
    drawn = np.where(truth == 1, 0, truth)
    Image.fromarray(drawn).save(tmp_path / f"{sample.image.stem}.png")
    assert np.array_equal(annotator_mask(tmp_path, data, sample), drawn)
    with pytest.raises(DataError, match="no mask by the second annotator"):
        annotator_mask(tmp_path, data, data.split("val")[1])


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(written: Path, scheme: str) -> None:
    """No overflow at phone width, nothing in the console, nothing from the network."""
    for seen in look(written / "comparison.html", scheme):
        assert seen.page_width <= seen.width
        assert seen.spilled == seen.blank_images == seen.faint == seen.lost_links == []
        assert seen.said == seen.asked == []
