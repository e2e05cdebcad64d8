"""Finished runs without a training: networks that read the class from the colour, and miss a bit.

The colours of an image are its truth. A network that looks `moved` pixels to the side is the worse
for it, so that each run's answers are known by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from intarsia import metrics
from intarsia.datasets import Dataset
from intarsia.images import Scaling
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.transforms import Preprocessing

IGNORE = 255
SHAPE = (37, 53)
COUNTS = {"train": 4, "val": 3, "test": 6}
NAMES = ("ground", "box", "rare")


class Moved(nn.Module):
    """Logits are the colours so many columns to the left; `moved` of None gives no numbers."""

    def __init__(self, moved: int | None) -> None:
        super().__init__()
        self.moved = moved
        self.mix = nn.Conv2d(3, 3, 1, bias=False)
        with torch.no_grad():
            self.mix.weight[:] = 20 * torch.eye(3)[:, :, None, None]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.mix(images)
        return logits * float("nan") if self.moved is None else logits.roll(self.moved, dims=3)


def load_moved(run: Run, name: str = "") -> nn.Module:
    """In the place of `Run.load_model`."""
    moved: int | None = json.loads((run.path / "moved.json").read_text())
    return Moved(moved).eval()


def make_data(root: Path, seed: int = 0, counts: dict[str, int] | None = None) -> Dataset:
    """Three classes, pixels that do not count, in CamVid's layout."""
    random = np.random.default_rng(seed)
    for split, count in (counts or COUNTS).items():
        for folder in (split, f"{split}annot"):
            (root / folder).mkdir(parents=True)
        for number in range(count):
            truth = np.zeros(SHAPE, np.uint8)
            for k in (1, 2):
                top, left = random.integers(4, 20), random.integers(2, 30)
                truth[top : top + 9 + k, left : left + 12 * k] = k
            colours = np.eye(3)[truth] * random.integers(200, 256, (*SHAPE, 1))
            truth[:3] = IGNORE
            truth[-1, :3] = range(3)
            colours[-1, :3] = 255 * np.eye(3)
            Image.fromarray(colours.astype(np.uint8)).save(root / split / f"{split}{number}.png")
            Image.fromarray(truth).save(root / f"{split}annot" / f"{split}{number}.png")
    lines = "".join(f"  - {{id: {k}, name: {name}}}\n" for k, name in enumerate(NAMES))
    (root / "dataset.yaml").write_text(f"schema: 1\nignore_index: {IGNORE}\nclasses:\n{lines}")
    return Dataset.open(root)


def make_run(
    path: Path,
    data: Dataset,
    moved: int | None = 0,
    *,
    seed: int = 0,
    seconds: float = 60.0,
    finished: bool = True,
) -> Run:
    """A finished run, whose network is `Moved(moved)`."""
    path.mkdir(parents=True)
    recipe = Recipe.load("mini-unet").replace(
        **{"data.fit": "crop", "data.image_size": (32, 32), "train.seed": seed}
    )
    pre = Preprocessing((32, 32), "crop", Scaling(0, 255, "8 bit"), (0.0,) * 3, (1.0,) * 3)
    run = Run.create(path, recipe=recipe, data=data, preprocessing=pre, environment={})
    (path / "moved.json").write_text(json.dumps(moved))
    run.write_log([{"epoch": 1, "images_per_second": 10.0}, {"epoch": 2, "images_per_second": 12}])
    if finished:
        summary = {"training_seconds": seconds, "epochs": 2, "peak_memory_bytes": 1000 + seed}
        run.finish({**summary, "parameters": 9, "metric": "miou", "best_metric": 0.5})
    return run


def expected_matrix(data: Dataset, split: str, moved: int) -> NDArray[np.int64]:
    """What a run answers, worked out without it: (K, K)."""
    total = np.zeros((3, 3), np.int64)
    for sample in data.split(split):
        truth = data.read_mask(sample)
        answer = np.roll(data.read_image(sample).argmax(axis=2), moved, axis=1)
        total += metrics.confusion_matrix(truth, answer, 3, data.labels.ignore_index)
    return total
