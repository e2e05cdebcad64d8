"""`--set predict.KEY=VALUE` of `predict` and `evaluate`, on a run with a made model."""

from __future__ import annotations

import json
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
    root = tmp_path / "data"
    mask = np.zeros((21, 35), np.uint8)
    mask[5:12, 8:20] = 1
    image = (np.eye(3)[mask] * 255).astype(np.uint8)
    for split in ("train", "val"):
        for folder, pixels in ((split, image), (f"{split}annot", mask)):
            (root / folder).mkdir(parents=True)
            Image.fromarray(pixels).save(root / folder / f"{split}.png")
    (root / "classes.txt").write_text("ground\nCat\n")
    monkeypatch.setattr(Run, "load_model", lambda run, name="": Brightest())
    path = tmp_path / "run"
    path.mkdir()
    pre = Preprocessing((32, 48), "crop", Scaling(0, 255, "8 bit"), (0.0,) * 3, (1.0,) * 3)
    Run.create(
        path,
        recipe=Recipe.load("mini-unet"),
        data=Dataset.open(root),
        preprocessing=pre,
        environment={},
    )
    return path


def test_predict_takes_settings(run: Path, tmp_path: Path) -> None:
    second = Run.open(run).labels.names[1]
    photo = tmp_path / "data" / "val" / "val.png"
    words = ["predict", str(run), str(photo), "--out", str(tmp_path / "out"), "--device", "cpu"]
    words += ["--set", f"predict.portrait={second}", "--set", "predict.soft=true"]
    assert main(words) == 0
    found = sorted(p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("out/*/*"))
    assert found == ["masks/val.png", "portraits/val.jpg", "soft/val.png"]
    # the run itself is as it was
    assert Run.open(run).recipe.predict.portrait == ()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("portrait=Cat", "did you mean predict.portrait=Cat?"),
        ("treshold=0.3", "did you mean predict.threshold=0.3?"),
        ("predict.portait=Cat", "predict.portrait"),
        ("predict.portrait=Dgo", 'no class "Dgo"'),
        ("train.lr=1", "decided by the training"),
        ("predict.flip", "is not KEY=VALUE"),
    ],
)
@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_wrong_settings_are_the_users_fault(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    setting: str,
    message: str,
) -> None:
    if verb == "evaluate" and "Dgo" in setting:
        pytest.skip("a portrait means nothing to a measurement")
    photos = [str(tmp_path / "data" / "val"), "--out", str(tmp_path / "out")]
    words = [verb, str(run), *(photos if verb == "predict" else []), "--set", setting]
    assert main(words) == USER_FAULT
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert not (run / "evaluations").exists()


def test_evaluate_keeps_a_changed_sheet_apart(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reported: list[object] = []
    monkeypatch.setattr(
        "intarsia.reporting.write_report", lambda run, progress: reported.append(run.settings)
    )
    words = ["evaluate", str(run), "--device", "cpu"]
    sheet = tmp_path / "sheet.json"
    assert main([*words, "--set", "predict.threshold=0.99", "--json", str(sheet)]) == 0
    assert main(words) == 0
    assert len(list((run / "evaluations").glob("*.json"))) == 2
    changed, plain = (json.loads(p.read_text()) for p in (sheet, run / "evaluations/data-val.json"))
    assert changed["settings"] == {"threshold": 0.99}
    # no pixel of the softmax of (0, 4), 0.982, is above 0.99
    matrix = np.array(changed["confusion_matrix"])
    assert matrix[:, 1].sum() == 0
    assert np.array(plain["confusion_matrix"])[1, 1] == 84
    # the report is of the run as it was trained
    assert reported == [{}, {}]
