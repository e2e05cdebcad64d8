"""Why two runs may differ: everything that they recorded and that is not the same."""

from __future__ import annotations

from pathlib import Path

from kept_runs import VERSIONS, entry, keep_run, manifest, matrices

from intarsia.comparison import Contender, Entry
from intarsia.recipe import Recipe
from intarsia.reporting.why_differ import Reason, why_differ
from intarsia.runs import Run

RECIPE = Recipe.load("mini-unet")


def entered(*runs: Run) -> Entry:
    return entry(Contender(runs[0].name, runs), [matrices(6, 90)] * len(runs))


def test_nothing_differs(tmp_path: Path) -> None:
    one, other = (entered(keep_run(tmp_path / name, RECIPE)) for name in "ab")
    assert why_differ(one, other) == []


def test_an_annotator_has_nothing_to_set_beside(tmp_path: Path) -> None:
    one = entered(keep_run(tmp_path / "a", RECIPE))
    people = entry(Contender("people", annotator=tmp_path), [matrices(6, 95)])
    assert why_differ(one, people) == []


def test_data(tmp_path: Path) -> None:
    first = manifest({"train": 4, "val": 3})
    second = manifest({"train": 5, "val": 2}, ignored=[])
    second["samples"][0]["mask_sha256"] = "another"
    second["samples"][1]["split"] = "val"
    one = entered(keep_run(tmp_path / "a", RECIPE, data=first))
    other = entered(keep_run(tmp_path / "b", RECIPE, data=second))
    assert why_differ(one, other) == [
        Reason("data", "images that the other has not", "1", "1"),
        Reason("data", "images in another split (1)", "train/001", "train/001"),
        Reason("data", "images with another mask (1)", "train/000", "train/000"),
        Reason("data", "ignored classes", "Unlabelled", "none"),
    ]


def test_recipe_and_seeds(tmp_path: Path) -> None:
    changed = RECIPE.replace(**{"train.lr": 0.01, "data.image_size": (64, 96), "train.seed": 7})
    one = entered(
        *(keep_run(tmp_path / f"a{n}", RECIPE.replace(**{"train.seed": n})) for n in range(2))
    )
    other = entered(keep_run(tmp_path / "b", changed))
    assert why_differ(one, other) == [
        Reason("recipe", "data.image_size", "128, 128", "64, 96"),
        Reason("recipe", "train.lr", "0.001", "0.01"),
        Reason("recipe", "train.seed", "0, 1", "7"),
    ]


def test_budget_code_versions_machine(tmp_path: Path) -> None:
    one = entered(keep_run(tmp_path / "a", RECIPE, summary={"training_seconds": 76.0}))
    near = entered(keep_run(tmp_path / "near", RECIPE))
    assert why_differ(one, near) == []  # a second more or less is no reason
    other = keep_run(
        tmp_path / "b",
        RECIPE.replace(**{"train.precision": "bf16", "train.epochs": 12}),
        summary={"training_seconds": 150.0},
        environment={
            "versions": {**VERSIONS, "intarsia": "0.2.0", "torch": "2.10.0"},
            "git_commit": "abc",
            "device": "NVIDIA T4",
            "threads": 8,
        },
    )
    assert why_differ(one, entered(other)) == [
        Reason("budget", "epochs", "30", "12"),
        Reason("budget", "training time", "1 min 16 s", "2 min 30 s"),
        Reason("code", "intarsia", "0.1.0", "0.2.0"),
        Reason("code", "git commit", "n/a", "abc"),
        Reason("versions", "torch", "2.9.1", "2.10.0"),
        Reason("machine", "threads", "2", "8"),
        Reason("machine", "device", "cpu", "NVIDIA T4"),
        Reason("machine", "precision", "auto", "bf16"),
    ]
