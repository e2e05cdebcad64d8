"""What can take part, what it is called, and what is refused with a word of help."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia.comparison import Contender, open_contender
from intarsia.comparison.contender import contender_of, told_apart
from intarsia.datasets import Dataset
from intarsia.errors import DataError, IntarsiaError, RunError
from intarsia.runs import CrossValidation, Run

from .made import make_data, make_run


def test_a_run_its_folder_and_a_folder_of_repeats(data: Dataset, good: Run, tmp_path: Path) -> None:
    assert open_contender(good.path).runs[0].path == good.path
    assert contender_of(good).name == contender_of(str(good.path)).name == "good"
    for seed in range(3):
        make_run(tmp_path / "mini" / f"repeat-{seed}", data, seed=seed)
    found = open_contender(tmp_path / "mini")
    assert found.name == "mini"
    assert [run.name for run in found.runs] == ["repeat-0", "repeat-1", "repeat-2"]


def test_a_cross_validation_is_one_contender(folded: CrossValidation) -> None:
    assert isinstance(open_contender(folded.path).runs[0], CrossValidation)


def test_what_was_set_is_in_the_name(good: Run) -> None:
    assert contender_of(good.setting(["predict.flip=true"])).name == "good+flip=True"
    both = told_apart([contender_of(good), contender_of(good.setting(["predict.flip=true"]))])
    assert [each.name for each in both] == ["good", "good+flip=True"]


def test_masks_of_a_second_annotator(data: Dataset) -> None:
    found = open_contender(data.root / "testannot")
    assert (found.runs, found.annotator) == ((), data.root / "testannot")


def test_folders_of_one_name_get_those_above(data: Dataset, good: Run, tmp_path: Path) -> None:
    paths = [tmp_path / "may" / "x" / "run", tmp_path / "june" / "x" / "run"]
    for path in paths:
        make_run(path, data)
    found = told_apart([contender_of(path) for path in [*paths, good.path]])
    assert [each.name for each in found] == ["may/x/run", "june/x/run", "good"]
    with pytest.raises(DataError, match='two contenders are called "a"'):
        told_apart([Contender("a", (good,)), Contender("a", failures=("no",))])


def test_the_same_run_twice(data: Dataset, good: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="takes part twice") as caught:
        told_apart([contender_of(good), contender_of(good.path)])
    assert str(good.path) in str(caught.value)
    for seed in range(2):
        make_run(tmp_path / "mini" / f"repeat-{seed}", data, seed=seed)
    both = [contender_of(tmp_path / "mini"), contender_of(tmp_path / "mini" / "repeat-1")]
    with pytest.raises(DataError, match="takes part twice") as caught:
        told_apart(both)
    assert "it is in mini and in repeat-1" in str(caught.value)
    masks = contender_of(data.root / "valannot")
    with pytest.raises(DataError, match="takes part twice"):
        told_apart([masks, masks])


def _repeats(folder: Path, data: Dataset, tmp_path: Path, what: str) -> None:
    make_run(folder / "a", data)
    if what == "recipes":
        other = make_run(folder / "b", data, seed=1)
        other.recipe.replace(**{"train.lr": 0.5}).save(other.path / "recipe.yaml")
    elif what == "data":
        make_run(folder / "b", make_data(tmp_path / "more", seed=9), seed=1)
    elif what == "seeds":
        make_run(folder / "b", data)
    else:
        make_run(folder / "b", data, seed=1, finished=False)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("recipes", "they differ in train.lr"),
        ("data", "they differ in their data"),
        ("seeds", "their seeds are 0, 0"),
        ("unfinished", "the training is not finished"),
    ],
)
def test_runs_that_are_no_repeats(what: str, said: str, data: Dataset, tmp_path: Path) -> None:
    _repeats(tmp_path / "all", data, tmp_path, what)
    with pytest.raises(IntarsiaError, match=said) as caught:
        open_contender(tmp_path / "all")
    assert caught.value.hint is not None


def test_a_run_that_is_not_finished(data: Dataset, tmp_path: Path) -> None:
    make_run(tmp_path / "half", data, finished=False)
    with pytest.raises(RunError, match="not finished") as caught:
        open_contender(tmp_path / "half")
    assert "--resume" in str(caught.value)


def test_folds_that_are_not_trained(folded: CrossValidation, tmp_path: Path) -> None:
    shutil.copytree(folded.path, tmp_path / "half")
    (tmp_path / "half" / "fold-1" / "summary.json").unlink()
    with pytest.raises(RunError, match="1 of 2 folds are trained"):
        open_contender(tmp_path / "half")


def test_what_is_neither(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such run folder"):
        open_contender(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="neither a run nor masks"):
        open_contender(tmp_path / "empty")


def test_a_whole_comparison_names_its_runs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "cmp" / "runs" / name).mkdir(parents=True)
    (tmp_path / "cmp" / "experiment.json").write_text("{}")
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / "cmp" / "figure.png")
    with pytest.raises(RunError, match="a whole comparison") as caught:
        open_contender(tmp_path / "cmp")
    assert "cmp/runs/a" in str(caught.value)
    assert "cmp/runs/b" in str(caught.value)
