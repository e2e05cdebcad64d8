"""The free gains of a run: every figure of the table is that of two evaluations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from PIL import Image

from intarsia.comparison import Ablation, Switch, ablate
from intarsia.comparison.switches import find_switches
from intarsia.datasets import Dataset
from intarsia.errors import DataError, RunError
from intarsia.evaluation import evaluate
from intarsia.recipe import Recipe
from intarsia.runs import CrossValidation, Run
from intarsia.statistics import adjust_holm, count_groups, measure_difference
from intarsia.training import train

RECIPE = Recipe().replace(
    **{
        "model.name": "unet",
        "model.encoder": "test_resnet",
        "train.weights": "none",
        "train.epochs": 10,
        "train.lr": 0.003,
        "train.batch_size": 4,
        "train.pictures": False,
        "train.validate_every": 5,
        "train.ema": 0.7,
        "schedule.name": "snapshot",
        "schedule.cycles": 2,
        "data.image_size": (32, 32),
        "data.fit": "tiles",
    }
)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 train, 4 val and 2 test images of 37x53 in pairs of one drive, faint boxes on noise."""
    root = tmp_path_factory.mktemp("data") / "boxes"
    rng = np.random.default_rng(5)
    for split, count in (("train", 6), ("val", 4), ("test", 2)):
        for folder in ("images", "masks"):
            (root / split / folder).mkdir(parents=True)
        for index in range(count):
            mask = np.zeros((37, 53), np.uint8)
            top, left = rng.integers(3, 17), rng.integers(3, 28)
            mask[top : top + 15, left : left + 20] = 1
            image = rng.integers(0, 120, (37, 53, 3)) + 100 * mask[..., None]
            mask[0] = 255
            name = f"{split}{index // 2}_{index % 2}.png"
            Image.fromarray(image.astype(np.uint8)).save(root / split / "images" / name)
            Image.fromarray(mask).save(root / split / "masks" / name)
    (root / "dataset.yaml").write_text(
        "schema: 1\nignore_index: 255\ngroups: prefix\nclasses:\n"
        "  - {id: 0, name: ground}\n  - {id: 1, name: box}\n"
    )
    return root


@pytest.fixture(scope="module")
def trained(boxes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with averaged weights and two snapshots; its images go through tiles."""
    return train(Dataset.open(boxes), RECIPE, tmp_path_factory.mktemp("runs") / "run", device="cpu")


@pytest.fixture(autouse=True)
def _moved_networks() -> None:
    """Not here: every network is a real one."""


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each use takes 10 ms more than the one before it."""

    def tick(uses: Mapping[str, object], images: Sequence[object]) -> dict[str, float]:
        assert 1 <= len(images) <= 3
        return {name: 10.0 * (place + 1) for place, name in enumerate(uses)}

    monkeypatch.setattr("intarsia.comparison.bench.time_in_turn", tick)


def only(monkeypatch: pytest.MonkeyPatch, *gains: str) -> None:
    """Leaves the other switches as they are: each costs an evaluation."""

    def some(run: Run, split: str, tiled: int) -> list[Switch]:
        return [each for each in find_switches(run, split, tiled) if each.gain in gains]

    monkeypatch.setattr("intarsia.comparison.gains.find_switches", some)


def miou(run: Run, *settings: str, split: str = "val") -> float:
    found = evaluate(run.setting(settings), split=split, device="cpu").miou
    assert found is not None
    return found


@pytest.fixture(scope="module")
def table(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Ablation:
    patch = pytest.MonkeyPatch()
    patch.setattr(
        "intarsia.comparison.bench.time_in_turn",
        lambda uses, images: {name: 10.0 * (place + 1) for place, name in enumerate(uses)},
    )
    try:
        return ablate(trained, device="cpu")
    finally:
        patch.undo()


def test_each_difference_is_that_of_two_evaluations(table: Ablation, trained: Run) -> None:
    plain = miou(trained)
    assert table.base.value == pytest.approx(plain)
    expected = {
        ("flip", "off* → on"): miou(trained, "predict.flip=true") - plain,
        ("scales", "1* → 0.75,1,1.25"): miou(trained, "predict.scales=0.75,1,1.25") - plain,
        ("overlap", "0 → 0.5*"): plain - miou(trained, "predict.overlap=0.0"),
        ("overlap", "0.25 → 0.5*"): plain - miou(trained, "predict.overlap=0.25"),
        ("overlap", "0.5* → 0.75"): miou(trained, "predict.overlap=0.75") - plain,
        ("CRF", "off* → on"): miou(trained, "predict.crf=true") - plain,
        ("EMA", "off → on*"): plain - miou(trained, "predict.ema=false"),
        ("snapshots", "1* → 2"): miou(trained, "predict.ensemble=true") - plain,
    }
    found = {(gain.name, gain.change): gain.value for gain in table.gains[:-1]}
    assert found == pytest.approx(expected, abs=1e-9)
    # an untrained-looking network would make this test say nothing
    assert sum(abs(value) > 1e-3 for value in expected.values()) >= 5
    for gain in table.gains:
        assert gain.difference is None or gain.value == pytest.approx(
            gain.with_.miou - gain.without.miou
        )
    assert [(each.gain, each.reason) for each in table.absent] == [
        ("folds", "the run is one training, no cross-validation")
    ]


def test_intervals_are_over_groups_and_p_values_for_all_rows_together(
    table: Ablation, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (table.images, table.groups) == (4, 2)
    plain, flipped = (
        evaluate(trained.setting(changes), device="cpu") for changes in ([], ["predict.flip=true"])
    )
    groups = [str(group) for group in plain.groups]
    one, two = (count_groups(sheet.matrices, groups) for sheet in (flipped, plain))
    (flip,) = table["flip"]
    alone = measure_difference(one, two)
    assert flip.difference is not None
    assert flip.difference.interval == alone.interval
    assert flip.difference.p_value == alone.p_value
    tested = [gain.difference for gain in table.gains if gain.difference is not None]
    assert len(tested) == 8
    assert [each.p_adjusted for each in tested] == pytest.approx(
        adjust_holm([each.p_value for each in tested])
    )
    only(monkeypatch, "flip")
    one_group = ablate(trained, device="cpu", group_by="folder")
    assert one_group.groups == 1
    assert one_group["flip"][0].difference.interval is None
    assert "cannot be known" in str(one_group)


def test_latency_is_with_minus_without_too(table: Ablation) -> None:
    assert table.base_milliseconds == 10
    for place, gain in enumerate(table.gains):
        other = 20.0 + 10 * place
        without, with_ = (other, 10.0) if gain.switch.has else (10.0, other)
        assert (gain.without.milliseconds, gain.with_.milliseconds) == (without, with_)
        assert gain.milliseconds == with_ - without
        assert gain.ratio == pytest.approx(with_ / without)


def test_a_temperature_changes_no_mask_and_shows_in_the_calibration(
    table: Ablation, trained: Run
) -> None:
    (gain,) = table["temperature"]
    (fit,) = json.loads((trained.path / "temperature.json").read_text())["fits"]
    assert gain.change == f"1* → {fit['value']:.2f}"
    assert (gain.value, gain.difference, gain.verdict) == (0.0, None, None)
    assert (gain.without.calibration_error, gain.with_.calibration_error) == (
        fit["ece_before"],
        fit["ece_after"],
    )
    assert "by construction" in gain.remark
    assert miou(trained, "predict.temperature=fitted") == gain.with_.miou == gain.without.miou


def test_a_gain_that_the_run_has_is_taken_away(
    trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "flip", "scales", "temperature")
    changes = ["predict.flip=true", "predict.scales=0.75,1,1.25", "predict.temperature=2"]
    other = ablate(trained.setting(changes), device="cpu")
    assert other.base.value == pytest.approx(miou(trained, *changes))
    (flip,), (scales,), (temperature,) = (other[n] for n in ("flip", "scales", "temperature"))
    assert (flip.change, scales.change) == ("off → on*", "1 → 0.75,1,1.25*")
    assert flip.value == pytest.approx(miou(trained, *changes) - miou(trained, *changes[1:]))
    assert scales.value == pytest.approx(miou(trained, *changes) - miou(trained, changes[0]))
    assert temperature.change == "1 → 2*"
    assert temperature.with_.calibration_error is None
    assert "not fitted" in temperature.remark
    assert flip.ratio == pytest.approx(10 / 20)


def test_with_a_threshold_a_temperature_is_measured(
    trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "temperature")
    bold = trained.setting(["predict.threshold=0.3"])
    (gain,) = ablate(bold, device="cpu")["temperature"]
    changes = ("predict.threshold=0.3", "predict.temperature=fitted")
    assert gain.value == pytest.approx(miou(trained, *changes) - miou(trained, changes[0]))
    assert gain.difference is not None
    assert "by construction" not in gain.remark


def test_what_a_run_lacks_is_listed_with_its_reason(shapes: Path, tmp_path: Path) -> None:
    plain = RECIPE.replace(
        **{
            "train.ema": 0.0,
            "train.epochs": 1,
            "train.validate_every": 1,
            "schedule.name": "cosine",
            "schedule.cycles": 1,
            "data.fit": "letterbox",
        }
    )
    run = train(Dataset.open(shapes), plain, tmp_path / "run", device="cpu")
    found = ablate(run.path, shapes, device="cpu")
    assert [gain.name for gain in found.gains] == ["flip", "scales", "CRF", "temperature"]
    reasons = {each.gain: each.reason for each in found.absent}
    assert list(reasons) == ["overlap", "EMA", "snapshots", "folds"]
    assert "through tiles" in reasons["overlap"]
    assert "train.ema is 0" in reasons["EMA"]
    assert "schedule.name is cosine" in reasons["snapshots"]


def test_weights_that_are_gone_are_a_reason(trained: Run, tmp_path: Path) -> None:
    shutil.copytree(trained.path, tmp_path / "run")
    for pattern in ("best-raw*", "snapshot-02*"):
        for file in (tmp_path / "run" / "checkpoints").glob(pattern):
            file.unlink()
    reasons = {each.gain: each.reason for each in ablate(tmp_path / "run", device="cpu").absent}
    assert "not kept" in reasons["EMA"]
    assert reasons["snapshots"] == "an ensemble needs two or more, and 1 is kept"


def test_each_use_is_one_look_at_test(boxes: Path, trained: Run, tmp_path: Path) -> None:
    shutil.copytree(trained.path, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    before = run.test_looks
    told: list[tuple[int, int]] = []
    found = ablate(
        run, boxes, "test", device="cpu", progress=lambda done, total: told.append((done, total))
    )
    # eight uses and the recipe's; the temperature is fitted on val and changes no mask
    assert told == [(done, 10) for done in range(1, 11)]
    assert found.test_looks == run.test_looks == before + 9
    assert f"Looks at the test split so far: {before + 9}" in str(found)
    assert "where it was fitted" in found["temperature"][0].remark
    assert "boxes, val" in found["temperature"][0].remark
    again = ablate(run, boxes, "test", device="cpu")
    assert run.test_looks == before + 9
    assert again.to_json()["gains"][0] == found.to_json()["gains"][0]


def test_the_ensemble_of_folds_against_its_folds(
    folded: CrossValidation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "flip", "folds", "temperature")
    shutil.copytree(folded.path, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert isinstance(run, CrossValidation)
    found = ablate(run, split="test", device="cpu")
    (gain,) = found["folds"]
    single = [miou(fold, split="test") for fold in run.folds]
    assert gain.change == "1 → 2*"
    assert gain.without.miou == pytest.approx(fmean(single))
    assert gain.value == pytest.approx(miou(run, split="test") - fmean(single))
    reasons = {each.gain: each.reason for each in found.absent}
    assert "every image has trained some" in reasons["temperature"]

    apart = ablate(run, split="out-of-fold", device="cpu")
    assert apart.base.value == pytest.approx(miou(run, split="out-of-fold"))
    assert apart["flip"][0].value == pytest.approx(
        miou(run, "predict.flip=true", split="out-of-fold") - miou(run, split="out-of-fold")
    )
    assert "trained all folds but one" in {e.gain: e.reason for e in apart.absent}["folds"]


def test_only_one_finished_run_that_has_not_seen_the_images(
    boxes: Path, trained: Run, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="was trained on 6 of the 6 images"):
        ablate(trained, boxes, "train", device="cpu")
    with pytest.raises(DataError, match='no split "tset"'):
        ablate(trained, split="tset", device="cpu")
    with pytest.raises(DataError, match="single training"):
        ablate(trained, split="out-of-fold", device="cpu")
    with pytest.raises(DataError, match="the margin is 0"):
        ablate(trained, margin=0, device="cpu")
    for place in range(2):
        copy = tmp_path / "repeats" / f"repeat-{place}"
        shutil.copytree(trained.path, copy)
        RECIPE.replace(**{"train.seed": place}).save(copy / "recipe.yaml")
    with pytest.raises(RunError, match="2 runs are in this folder"):
        ablate(tmp_path / "repeats", boxes, device="cpu")
    (tmp_path / "repeats" / "repeat-0" / "summary.json").unlink()
    with pytest.raises(RunError, match="not finished"):
        ablate(tmp_path / "repeats" / "repeat-0", boxes, device="cpu")
    with pytest.raises(RunError, match="not finished"):
        ablate(Run.open(tmp_path / "repeats" / "repeat-0"), boxes, device="cpu")


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif isinstance(value, str):
        yield value


def test_the_table_fits_and_says_what_it_rests_on(table: Ablation, trained: Run) -> None:
    text = str(table)
    assert max(map(len, text.splitlines())) <= 100
    assert "folds        n/a: the run is one training" in text
    assert "chose the checkpoint" in text
    content = json.loads(json.dumps(table.to_json(), allow_nan=False))
    assert [row["name"] for row in content["gains"]] == [gain.name for gain in table.gains]
    assert content["gains"][0]["latency_ratio"] == 2.0
    assert content["gains"][2]["recipe"] == "with"
    assert not [text for text in _strings(content) if str(trained.path) in text]
    assert "<td>flip</td>" in table._repr_html_()
