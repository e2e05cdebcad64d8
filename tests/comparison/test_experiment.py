"""Trainings under one budget: begun, survived, stopped, resumed, refused.

The trainings themselves are played by a process that copies a finished run; the slow tests train.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from intarsia.comparison import compare_recipes, supervision, training_process
from intarsia.comparison.experiment import Experiment, load_recipes
from intarsia.comparison.training_process import repeat_recipe, stop_with
from intarsia.datasets import Dataset
from intarsia.errors import DataError, IntarsiaError, Interrupted, RecipeError, RunError
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.runs.lock import RunLock

from .made import make_data, make_run
from .made_comparison import texts

Fake = Callable[..., list[tuple[str, int]]]
RECIPES = ["mini-unet", "unet-mobilenetv2"]


@pytest.fixture
def fake(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Trainings that take no time: each gets a copy of a finished run, or does as it is told.

    `fake({("mini-unet", 1): "kill"})` says what becomes of one; the list has what was begun.
    """
    templates = {
        name: make_run(tmp_path / "templates" / name, data, moved).path
        for moved, name in enumerate(RECIPES)
    }

    def install(fates: dict[tuple[str, int], str] | None = None) -> list[tuple[str, int]]:
        begun: list[tuple[str, int]] = []

        def command(experiment: Experiment, name: str, repeat: int, device: str) -> list[str]:
            begun.append((name, repeat))
            fate = (fates or {}).get((name, repeat), "train")
            path = experiment.run_path(name, repeat)
            told = experiment.failure_path(name, repeat)
            words = {
                "train": f"import shutil; shutil.copytree({str(templates[name])!r}, {str(path)!r})",
                "kill": "import os; os.kill(os.getpid(), 9)",
                "late": f"import os, shutil; shutil.copytree({str(templates[name])!r}, "
                f"{str(path)!r}); os.kill(os.getpid(), 9)",
                "nothing": "",
                "say": f"import os, sys; os.makedirs({str(told.parent)!r}, exist_ok=True);"
                f"open({str(told)!r}, 'w').write('out of luck\\nin detail'); sys.exit(1)",
                "exit": "import sys; sys.exit(7)",
                "wait": "import os, sys; os.read(0, 1); sys.exit(130)",
            }
            return [sys.executable, "-S", "-c", words[fate]]

        monkeypatch.setattr(supervision, "_command", command)
        return begun

    return install


def test_each_recipe_is_trained_in_turn_under_one_budget(
    data: Dataset, tmp_path: Path, fake: Fake
) -> None:
    begun = fake()
    out = tmp_path / "cmp"
    seen: list[str] = []
    found = compare_recipes(
        data, RECIPES, out, repeats=2, epochs=4, on_run=lambda run: seen.append(run.path.name)
    )
    assert begun == [
        ("mini-unet", 0),
        ("unet-mobilenetv2", 0),
        ("mini-unet", 1),
        ("unet-mobilenetv2", 1),
    ]
    assert seen == ["repeat-0", "repeat-0", "repeat-1", "repeat-1"]
    assert [entry.name for entry in found.entries] == RECIPES
    assert found.settings == {"repeats": 2, "time_budget_seconds": None, "epochs": 4}
    experiment = Experiment(out)
    for name in RECIPES:
        recipe = experiment.recipe(name)
        assert (recipe.train.epochs, recipe.train.time) == (4, None)
        assert repeat_recipe(experiment, name, 1).train.seed == recipe.train.seed + 1
    assert experiment.dataset().manifest() == data.manifest() | {
        "notes": experiment.dataset().manifest()["notes"]
    }


def test_the_epochs_are_those_of_the_first_recipe(
    data: Dataset, tmp_path: Path, fake: Fake
) -> None:
    fake()
    recipes = {
        "mini-unet": Recipe().replace(**{"train.epochs": 7}),
        "unet-mobilenetv2": Recipe().replace(**{"train.epochs": 90, "train.validate_every": 20}),
    }
    found = compare_recipes(data, recipes, tmp_path / "cmp", repeats=1)
    assert found.settings is not None
    assert found.settings["epochs"] == 7
    train = Experiment(tmp_path / "cmp").recipe("unet-mobilenetv2").train
    assert (train.epochs, train.validate_every) == (7, 7)


def test_one_that_fails_is_survived_and_tried_again(
    data: Dataset, tmp_path: Path, fake: Fake
) -> None:
    fake(
        {("mini-unet", 1): "kill", ("unet-mobilenetv2", 0): "say", ("unet-mobilenetv2", 2): "exit"}
    )
    out = tmp_path / "cmp"
    found = compare_recipes(data, RECIPES, out, repeats=3)
    assert [len(entry.matrices) for entry in found.entries] == [2, 1]
    for said in (
        "mini-unet: repeat 1 failed: ended by SIGKILL, perhaps for want of memory",
        "unet-mobilenetv2: repeat 0 failed: out of luck",
        "unet-mobilenetv2: repeat 2 failed: ended with status 7",
    ):
        assert said in texts(found)
    assert found.to_json()["runs"][0]["failures"] == [
        "repeat 1 failed: ended by SIGKILL, perhaps for want of memory"
    ]
    begun = fake()
    again = compare_recipes(data, RECIPES, out, repeats=3, resume=True)
    assert begun == [("unet-mobilenetv2", 0), ("mini-unet", 1), ("unet-mobilenetv2", 2)]
    assert [len(entry.matrices) for entry in again.entries] == [3, 3]
    assert not any("failed" in remark for remark in texts(again))
    assert not list((out / "failures").iterdir())


def test_what_is_finished_counts_however_its_process_ended(
    data: Dataset, tmp_path: Path, fake: Fake
) -> None:
    fake({("mini-unet", 0): "late", ("unet-mobilenetv2", 1): "nothing"})
    found = compare_recipes(data, RECIPES, tmp_path / "cmp", repeats=2)
    assert [len(entry.matrices) for entry in found.entries] == [2, 1]
    assert [remark.text for remark in found.remarks if remark.kind == "failure"] == [
        "unet-mobilenetv2: repeat 1 failed: ended before it was finished"
    ]


def test_with_one_recipe_left_there_is_nothing_to_compare(
    data: Dataset, tmp_path: Path, fake: Fake
) -> None:
    fake({("unet-mobilenetv2", 0): "say"})
    with pytest.raises(DataError, match="1 to compare: mini-unet") as caught:
        compare_recipes(data, RECIPES, tmp_path / "cmp", repeats=1)
    assert "unet-mobilenetv2: repeat 0 failed: out of luck" in str(caught.value)


def test_more_repeats_go_on(data: Dataset, tmp_path: Path, fake: Fake) -> None:
    begun = fake()
    out = tmp_path / "cmp"
    compare_recipes(data, RECIPES, out, repeats=1)
    assert len(begun) == 2
    begun = fake()
    assert len(compare_recipes(data, RECIPES, out, repeats=2, resume=True).entries[0].sheets) == 2
    assert begun == [("mini-unet", 1), ("unet-mobilenetv2", 1)]
    begun = fake()
    compare_recipes(data, RECIPES, out, repeats=2, resume=True)
    assert begun == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_stops_the_training_and_goes_on_later(
    number: signal.Signals, data: Dataset, tmp_path: Path, fake: Fake
) -> None:
    begun = fake({("unet-mobilenetv2", 0): "wait"})
    out = tmp_path / "cmp"
    # the handler is there while trainings run: after the first one
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted, match=f"stopped by {number.name}") as caught:
        compare_recipes(data, RECIPES, out, repeats=1, on_run=lambda run: timer.start())
    assert caught.value.signal_name == number.name
    assert "--resume" in str(caught.value)
    assert begun == [("mini-unet", 0), ("unet-mobilenetv2", 0)]
    begun = fake()
    compare_recipes(data, RECIPES, out, repeats=1, resume=True)
    assert begun == [("unet-mobilenetv2", 0)]


def test_stopped_between_two_trainings(data: Dataset, tmp_path: Path, fake: Fake) -> None:
    begun = fake()
    with pytest.raises(Interrupted):
        compare_recipes(
            data,
            RECIPES,
            tmp_path / "cmp",
            repeats=1,
            on_run=lambda run: os.kill(os.getpid(), signal.SIGINT),
        )
    assert begun == [("mini-unet", 0)]


def test_a_training_that_someone_else_stops_is_a_failure(
    data: Dataset, tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake({("unet-mobilenetv2", 0): "wait"})
    real = subprocess.Popen

    def without_input(words: list[str], **options: object) -> subprocess.Popen[bytes]:
        return real(words, stdin=subprocess.DEVNULL)

    monkeypatch.setattr(supervision.subprocess, "Popen", without_input)
    with pytest.raises(DataError) as caught:
        compare_recipes(data, RECIPES, tmp_path / "cmp", repeats=1)
    assert "stopped by someone else; its state is saved" in str(caught.value)


def test_a_training_is_asked_to_stop_when_its_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        reading, writing = os.pipe()
        stop_with(reading)
        assert not asked.wait(0.1)
        os.close(writing)
        assert asked.wait(5)
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(reading)


def test_repeats_train_as_many_epochs_as_the_first_has_fitted(
    data: Dataset, tmp_path: Path
) -> None:
    timed = {name: Recipe.load("mini-unet").replace(**{"train.time": 60}) for name in "ab"}
    (tmp_path / "cmp").mkdir()
    experiment = Experiment.begin(tmp_path / "cmp", data, timed, resume=False)
    assert repeat_recipe(experiment, "a", 0).train.time == 60
    assert repeat_recipe(experiment, "a", 2).train.time == 60
    # the first repeat failed before it had measured: the second one has
    run = make_run(experiment.run_path("a", 1), data, finished=False)
    timed["a"].replace(**{"train.time": None, "train.epochs": 17, "train.seed": 1}).save(
        run.path / "recipe.yaml"
    )
    for repeat in range(3):
        train = repeat_recipe(experiment, "a", repeat).train
        assert (train.epochs, train.time, train.seed) == (17, None, repeat)
    assert repeat_recipe(experiment, "b", 1).train.time == 60


def test_resuming_with_the_same_budget_of_time(data: Dataset, tmp_path: Path, fake: Fake) -> None:
    fake()
    out = tmp_path / "cmp"
    compare_recipes(data, RECIPES, out, repeats=1, time_budget=60)
    compare_recipes(data, RECIPES, out, repeats=1, time_budget=60, resume=True)
    for other in ({"time_budget": 90.0}, {"epochs": 3}, {}):
        with pytest.raises(RunError, match=r"differs: train\.") as caught:
            compare_recipes(data, RECIPES, out, repeats=1, resume=True, **other)
        assert "the same flags" in str(caught.value)


def test_another_comparison_is_refused(data: Dataset, tmp_path: Path, fake: Fake) -> None:
    begun = fake()
    out = tmp_path / "cmp"
    compare_recipes(data, RECIPES, out, repeats=1)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    begun = fake()
    with pytest.raises(RunError, match="already holds a comparison") as caught:
        compare_recipes(data, RECIPES, out, repeats=1)
    assert "--resume" in str(caught.value)
    with pytest.raises(RunError, match="of other recipes: mini-unet, unet-mobilenetv2"):
        compare_recipes(data, ["mini-unet", "unet-resnet34"], out, repeats=1, resume=True)
    changed = {name: Recipe.load(name).replace(**{"train.lr": 0.5}) for name in RECIPES}
    with pytest.raises(RunError, match=r"mini-unet of this comparison differs: .*train\.lr was"):
        compare_recipes(data, changed, out, repeats=1, resume=True)
    file = data.split("train")[0].image
    shutil.copy(data.split("train")[1].image, file)
    with pytest.raises(RunError, match=r"1 changed \(train/train0\)"):
        compare_recipes(Dataset.open(data.root), RECIPES, out, repeats=1, resume=True)
    assert begun == []
    assert before == {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_data_that_have_moved_are_the_same(data: Dataset, tmp_path: Path, fake: Fake) -> None:
    fake()
    out = tmp_path / "cmp"
    compare_recipes(data, RECIPES, out, repeats=1)
    (tmp_path / "later").mkdir()
    data.root.rename(tmp_path / "later" / "toy")
    moved = Dataset.open(tmp_path / "later" / "toy")
    found = compare_recipes(moved, RECIPES, out, repeats=1, resume=True)
    assert Experiment(out).dataset().root == moved.root
    assert found["mini-unet"].leaks_checked


def test_a_folder_that_is_taken(data: Dataset, tmp_path: Path, fake: Fake) -> None:
    begun = fake()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="this is a file"):
        compare_recipes(data, RECIPES, tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    for resume in (False, True):
        with pytest.raises(RunError, match=r"not empty: thesis.tex"):
            compare_recipes(data, RECIPES, tmp_path / "full", resume=resume)
    out = tmp_path / "cmp"
    out.mkdir()
    with RunLock(out), pytest.raises(RunError, match="another training is writing"):
        compare_recipes(data, RECIPES, out)
    assert begun == []
    # killed before its plan was whole
    (out / "recipes").mkdir()
    assert compare_recipes(data, RECIPES, out, repeats=1, resume=True).given == tuple(RECIPES)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"repeats": 0}, "0 repeats"),
        ({"epochs": 0}, "0 epochs"),
        ({"epochs": 3, "time_budget": 60.0}, "--time fits the number of epochs"),
        ({"margin": 0.0}, "the margin is 0.0"),
        ({"split": "tset"}, 'no split "tset"'),
        ({"split": "train"}, "the trainings learn from train"),
        ({"split": "out-of-fold"}, "single trainings"),
        ({"group_by": "moon"}, "moon"),
        ({"device": "tpu"}, 'no device "tpu"'),
        ({"recipes": ["mini-unet"]}, "1 recipe to compare: mini-unet"),
        ({"recipes": []}, "0 recipes to compare: none"),
        ({"recipes": ["mini-unet", "mini-unet"]}, "two recipes are called"),
        ({"recipes": ["mini-unet", "mini-unett"]}, "no recipe"),
        ({"recipes": {"a": Recipe(), "b/c": Recipe()}}, "name of a folder"),
        (
            {"recipes": {"a": Recipe(), "b": Recipe().replace(**{"data.ignore": ("rare",)})}},
            "a and b have different classes",
        ),
        (
            {"recipes": {"a": Recipe(), "b": Recipe().replace(**{"model.name": "nonett"})}},
            "nonett",
        ),
    ],
)
def test_what_is_wrong_is_said_before_the_first_training(
    wrong: dict[str, object], said: str, data: Dataset, tmp_path: Path, fake: Fake
) -> None:
    begun = fake()
    arguments = {"recipes": RECIPES, **wrong}
    recipes = arguments.pop("recipes")
    with pytest.raises(IntarsiaError, match=said):
        compare_recipes(data, recipes, tmp_path / "cmp", **arguments)  # type: ignore[arg-type]
    assert begun == []
    assert not (tmp_path / "cmp").exists()


def test_bad_data_are_refused_before_the_first_training(
    data: Dataset, tmp_path: Path, fake: Fake
) -> None:
    begun = fake()
    image = data.split("train")[0].image
    image.write_bytes(image.read_bytes()[:70])
    with pytest.raises(DataError, match="the data set has errors"):
        compare_recipes(data, RECIPES, tmp_path / "cmp")
    assert begun == []
    assert not (tmp_path / "cmp").exists()


def test_recipes_are_called_as_their_files(tmp_path: Path) -> None:
    Recipe().save(tmp_path / "mine.yaml")
    assert list(load_recipes(["mini-unet", str(tmp_path / "mine.yaml")])) == ["mini-unet", "mine"]
    Recipe().save(tmp_path / "mini-unet.yaml")
    with pytest.raises(RecipeError, match='called "mini-unet"'):
        load_recipes(["mini-unet", str(tmp_path / "mini-unet.yaml")])


def test_a_training_tells_why_it_failed(data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "cmp").mkdir()
    recipes = {n: Recipe().replace(**{"train.weights": "nowhere.pth"}) for n in "ab"}
    experiment = Experiment.begin(tmp_path / "cmp", data, recipes, resume=False)
    assert training_process.main(tmp_path / "cmp", "a", 0, "cpu") == 1
    assert "nowhere.pth" in experiment.failure_path("a", 0).read_text()
    assert experiment.finished("a", 0) is None


def test_a_damaged_experiment(tmp_path: Path, data: Dataset) -> None:
    (tmp_path / "cmp").mkdir()
    (tmp_path / "cmp" / "experiment.json").write_text("{")
    with pytest.raises(RunError, match="cannot read the comparison"):
        compare_recipes(data, RECIPES, tmp_path / "cmp", resume=True)


# --- with real trainings ---

FLAGS = [
    *("--recipes", "mini-unet,conv-unet-3x3", "--repeats", "1", "--device", "cpu"),
    *("--set", "data.image_size=[32,48]", "--set", "train.pictures=false"),
    *("--set", "train.batch_size=2", "--set", "train.weights=none", "--set", "model.head=softmax"),
    *("--set", "model.name=unet", "--set", "model.encoder=test_resnet"),
]


def _command(data: Path, out: Path, *more: str) -> list[str]:
    words = ["compare", str(data), "--out", str(out), *FLAGS, *more]
    return [sys.executable, "-m", "intarsia", *words]


@contextmanager
def _begun(words: list[str], run: Path, seconds: float = 600) -> Iterator[subprocess.Popen[bytes]]:
    """The command, in whose run an epoch has ended."""
    log = run / "log.jsonl"
    end = time.monotonic() + seconds
    with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        try:
            while not (log.is_file() and log.stat().st_size) and time.monotonic() < end:
                time.sleep(0.02)
            assert log.stat().st_size
            yield process
        finally:
            process.kill()


def _pid(run: Path) -> int:
    """Of the process that holds the lock of a run."""
    return int((run / ".lock").read_text().split()[1])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_comparison_leaves_no_training_and_goes_on(
    number: signal.Signals, tmp_path: Path
) -> None:
    data = make_data(tmp_path / "toy").root
    out = tmp_path / "cmp"
    run = out / "runs" / "mini-unet" / "repeat-0"
    with _begun(_command(data, out, "--epochs", "20000"), run) as process:
        child = _pid(run)
        process.send_signal(number)
        _, said = process.communicate(timeout=300)
    codes = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
    assert process.returncode == codes[number]
    if number != signal.SIGKILL:
        assert b"--resume" in said
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with RunLock(run):
                break
        except RunError:
            time.sleep(0.1)
    else:
        pytest.fail(f"the training {child} goes on without its comparison")
    assert Run.open(run).log
    refused = subprocess.run(
        _command(data, out, "--epochs", "3", "--resume"), capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "train.epochs was 20000" in refused.stderr


@pytest.mark.slow
def test_a_killed_training_is_survived_and_made_good(tmp_path: Path) -> None:
    data = make_data(tmp_path / "toy").root
    out = tmp_path / "cmp"
    run = out / "runs" / "mini-unet" / "repeat-0"
    words = _command(data, out, "--epochs", "60", "--repeats", "2")
    with _begun(words, run) as process:
        os.kill(_pid(run), signal.SIGKILL)
        _, said = process.communicate(timeout=600)
    assert process.returncode == 0
    assert b"mini-unet, repeat 0 has failed; the others go on" in said
    found = json.loads((out / "comparison.json").read_text())
    assert [row["repeats"] for row in found["runs"]] == [1, 2]
    assert "SIGKILL" in found["runs"][0]["failures"][0]
    again = subprocess.run([*words, "--resume"], capture_output=True, text=True, check=True)
    assert "training 1 of 4: mini-unet, repeat 0" in again.stderr
    found = json.loads((out / "comparison.json").read_text())
    assert [row["repeats"] for row in found["runs"]] == [2, 2]
    assert [row["seeds"] for row in found["runs"]] == [[0, 1], [0, 1]]
    assert all(row["peak_memory_bytes"] > 0 for row in found["runs"])
    assert all((out / "runs").glob("*/repeat-*/report.html"))
