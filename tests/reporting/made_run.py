"""A made run: what `write_report` reads, without a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.errors import DataError
from intarsia.evaluation import Evaluation, ImageMetrics, measure_intervals
from intarsia.images import Scaling
from intarsia.labels import LabelMap
from intarsia.recipe import Recipe
from intarsia.transforms import Preprocessing

HEIGHT, WIDTH = 75, 110  # neither square nor a multiple of 32


@dataclass
class FakeData:
    """Images in memory, under the names that a data set would give them."""

    name: str
    labels: LabelMap
    count: int
    root: Path = Path("/data/street")
    scaling: Scaling = field(default_factory=lambda: Scaling(0, 255, "8 bit"))

    @property
    def samples(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(name=f"val/{i:03d}", image=self.root / f"val/{i:03d}.png")
            for i in range(self.count)
        ]

    def read_mask(self, sample: SimpleNamespace) -> NDArray[np.uint8]:
        """Bands of all classes, a border that is ignored."""
        seed = int(sample.name[-3:])
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        wave = columns / 17 + 6 * np.sin(rows / 9 + seed) / len(self.labels)
        mask = (wave.astype(int) % len(self.labels)).astype(self.labels.dtype)
        mask[:3] = mask[-3:] = self.labels.ignore_index
        return mask

    def read_image(self, sample: SimpleNamespace) -> NDArray[np.uint8]:
        noise = np.random.default_rng(int(sample.name[-3:])).integers(0, 40, (HEIGHT, WIDTH, 3))
        colors = self.labels.palette()[self.read_mask(sample)]
        return np.clip(colors * 0.5 + 60 + noise, 0, 255).astype(np.uint8)

    def predict(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The truth of the image, moved a little to the side."""
        for sample in self.samples:
            if np.array_equal(self.read_image(sample), image):
                truth = self.read_mask(sample)
                ids = np.where(truth == self.labels.ignore_index, 0, truth)
                return np.roll(ids, int(sample.name[-3:]) + 1, axis=1).astype(self.labels.dtype)
        raise AssertionError("not an image of this data set")


@dataclass
class FakeRun:
    """The attributes of `runs.Run` that a report reads."""

    path: Path
    labels: LabelMap
    data: FakeData | None
    log: list[dict[str, Any]]
    evaluations: dict[str, dict[str, Any]]
    manifest: dict[str, Any]
    summary: dict[str, Any]
    test_looks: int = 2

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def recipe(self) -> Recipe:
        return Recipe.load("unet-mobilenetv2")

    @property
    def preprocessing(self) -> Preprocessing:
        data = self.recipe.data
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        return Preprocessing(data.image_size, data.fit, Scaling(0, 255, "8 bit"), mean, std)

    @property
    def environment(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "versions": {"intarsia": "0.1.0", "segmentation-models-pytorch": "0.6.0"},
            "git_commit": None,
            "system": "Linux-6.1.0-21-amd64-x86_64-with-glibc2.36",
            "cpu_features": ["AVX2", "AVX-512"],
            "device": "cpu",
        }

    def dataset(self) -> FakeData:
        if self.data is None:
            raise DataError("the data set is no longer there", where="/data/street")
        return self.data


def make_log(epochs: int, every: int = 1) -> list[dict[str, Any]]:
    rows = []
    for epoch in range(1, epochs + 1):
        done = epoch / epochs
        seen = epoch % every == 0
        rows.append(
            {
                "epoch": epoch,
                "train_loss": 0.35 + 1.4 * np.exp(-4 * done),
                "val_loss": 0.5 + 1.1 * np.exp(-4 * done) + 0.04 * (epoch % 3) if seen else None,
                "train_miou": 0.8 - 0.7 * np.exp(-4 * done),
                "train_pixel_accuracy": 0.96 - 0.5 * np.exp(-5 * done),
                "val_miou": 0.7 - 0.6 * np.exp(-4 * done) - 0.02 * (epoch % 3) if seen else None,
                "val_pixel_accuracy": 0.93 - 0.5 * np.exp(-5 * done) if seen else None,
                "lr": 1e-3 * np.sin(np.pi * min(1.0, done)) + 1e-6,
                "images_per_second": 21.7,
                "seconds": 17.2,
                "validation_seconds": 4.1 if seen else None,
            }
        )
    return rows


def make_sheet(data: FakeData, split: str, *, selection: bool) -> dict[str, Any]:
    """An evaluation as a run keeps it, of images in four groups."""
    count, ignore = len(data.labels), data.labels.ignore_index
    matrices, files = [], []
    for sample in data.samples:
        prediction = data.predict(data.read_image(sample))
        matrices.append(metrics.confusion_matrix(data.read_mask(sample), prediction, count, ignore))
        files.append(sample.name)
    matrices[0][-1] = 0  # an image without the last class
    matrix = np.sum(matrices, axis=0)
    groups = tuple(f"drive {place % 4}" for place in range(len(files)))
    rows = tuple(
        ImageMetrics(file, metrics.miou(part), metrics.pixel_accuracy(part))
        for file, part in zip(files, matrices, strict=True)
    )
    names = tuple(data.labels.names)
    sheet = Evaluation(
        data=data.name,
        split=split,
        names=names,
        confusion_matrix=matrix,
        selection=selection,
        per_image=rows,
        intervals=measure_intervals(np.array(matrices), groups, names),
    )
    return sheet.to_json()


def make_run(
    path: Path, labels: LabelMap, *, count: int = 12, epochs: int = 20, every: int = 1
) -> FakeRun:
    path.mkdir(parents=True, exist_ok=True)
    data = FakeData("street", labels, count)
    log = make_log(epochs, every)
    scored = [row for row in log if row["val_miou"] is not None]
    best = max(scored, key=lambda row: row["val_miou"]) if scored else None
    sheets = {
        "street-val": make_sheet(data, "val", selection=True),
        "street-test": make_sheet(data, "test", selection=False),
    }
    return FakeRun(
        path=path,
        labels=labels,
        data=data,
        log=log,
        evaluations=sheets,
        manifest={
            "schema": 1,
            "name": "street",
            "root": "/data/my street",
            "layout": "split folders",
            "notes": ["1 of 3: class names are from dataset.yaml", "value 255 is ignored"],
            "ignored": ["Unlabelled"],
            "samples": [
                {"name": f"{split}/{i}", "split": split, "group": f"drive {i % 3}"}
                for split, n in (("train", 40), ("val", count), ("test", count))
                for i in range(n)
            ],
        },
        summary={
            "parameters": 6_628_945,
            "best_epoch": best["epoch"] if best else None,
            "best_metric": best["val_miou"] if best else None,
            "training_seconds": 1290.4,
            "peak_memory_bytes": 2_415_919_104,
            "stopped_because": "all epochs done",
        },
    )


STREET = LabelMap.of(["Sky", "Building", "Road", "Side_walk & kerb", "Tree"])


def predict_by(made: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The made data set answers in place of a trained network."""
    from intarsia.reporting import gallery

    monkeypatch.setattr(gallery, "_predictor", lambda *_: made.data.predict)  # type: ignore[union-attr]
