"""`intarsia compare DATA --ablate RUN` as it is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from intarsia.cli import main
from intarsia.cli.app import USER_FAULT
from intarsia.datasets import Dataset
from intarsia.images import Scaling
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.transforms import Preprocessing


class Brightest(nn.Module):
    """Logits are the first two channels."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :2] * 4


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run whose made network is mostly right; two val images."""
    rng = np.random.default_rng(1)
    root = tmp_path / "data"
    for split, count in (("train", 1), ("val", 2)):
        for folder in (split, f"{split}annot"):
            (root / folder).mkdir(parents=True)
        for index in range(count):
            mask = np.zeros((21, 35), np.uint8)
            mask[5:12, 8 + index : 20] = 1
            image = (np.eye(3)[mask] * 255).astype(np.uint8)
            image[rng.random(mask.shape) < 0.1] = (0, 200, 40)
            Image.fromarray(image).save(root / split / f"{split}{index}.png")
            Image.fromarray(mask).save(root / f"{split}annot" / f"{split}{index}.png")
    (root / "classes.txt").write_text("ground\ncat\n")
    monkeypatch.setattr(Run, "load_model", lambda run, name="": Brightest())
    path = tmp_path / "run"
    path.mkdir()
    made = Run.create(
        path,
        recipe=Recipe.load("mini-unet"),
        data=Dataset.open(root),
        preprocessing=Preprocessing(
            (32, 48), "crop", Scaling(0, 255, "8 bit"), (0.0,) * 3, (1.0,) * 3
        ),
        environment={},
    )
    made.finish({})
    return path


def test_a_table_and_its_files(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run.parent / "gains"
    words = ["compare", str(run.parent / "data"), "--ablate", str(run), "--out", str(out)]
    assert main([*words, "--device", "cpu"]) == 0
    shown = capsys.readouterr().out
    assert "flip         off* → on" in shown
    assert f"report: {out / 'ablation.html'}" in shown
    assert sorted(path.suffix for path in out.iterdir()) == [".csv", ".html", ".json"]
    assert "data-val+flip=True.json" in [p.name for p in (run / "evaluations").iterdir()]


@pytest.mark.parametrize("more", [["--recipes", "mini-unet"], ["RUN"], ["--gate", "better"]])
def test_it_is_about_one_run(
    run: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    more = [str(run) if word == "RUN" else word for word in more]
    words = ["compare", str(run.parent / "data"), *more, "--ablate", str(run), "--device", "cpu"]
    assert main(words) == USER_FAULT
    said = capsys.readouterr().err
    assert "--ablate is about the uses of one run" in said
    assert not (run / "evaluations").exists()


def test_an_unfinished_run_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "summary.json").unlink()
    assert main(["compare", str(run.parent / "data"), "--ablate", str(run)]) == USER_FAULT
    assert "not finished" in capsys.readouterr().err
