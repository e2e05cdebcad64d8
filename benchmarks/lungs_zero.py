"""Which of R4's choices gives an IoU of 0.0: kernels, threshold, epoch tested, or the pairing.

    python benchmarks/lungs_zero.py --data ../shared/data/lungs64 --work work/R4

Measures the finished trainings of `intarsia reproduce R4 --out work/R4` at 0.5 and at 0.784,
with the weights of the best and of the last epoch. With --mispaired the published network of 1 x 1
kernels and the inception network are trained once more on masks paired with images by list order,
as the public code does (two unsorted listings), here shuffled by a seed. Keeps its table
for benchmarks/reference_systems.py, which writes the page.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path

import torch

from intarsia.backends.torch_backend import torch_network
from intarsia.datasets import Dataset
from intarsia.reproduction import find_system
from intarsia.reproduction.historical import LUNGS_THRESHOLD, ThresholdIou
from intarsia.runs import Run
from intarsia.runs.checkpoint import load_training_state
from intarsia.training import train

KEPT = Path("benchmarks/reference-systems/R4/lungs_zero.json")
MISPAIRED = {"conv-1x1": "conv-1x1-mispaired", "inception": "inception-mispaired"}


def measure(run: Run, data: Dataset) -> dict[str, dict[str, float | None]]:
    """IoU on test by weights and threshold."""
    last = run.load_model()
    state = load_training_state(run.checkpoints)
    if state is not None:
        last.load_state_dict(state["stepper"]["model"])
    found = {}
    for weights, model in (("best", run.load_model()), ("last", last)):
        inference = run.inference(torch_network(model))
        scores = {"0.5": ThresholdIou(0.5), "0.784": ThresholdIou(LUNGS_THRESHOLD)}
        with torch.inference_mode():
            for sample in data.split("test"):
                probabilities = inference.probabilities(data.read_image(sample))
                for score in scores.values():
                    score.add(probabilities, data.read_mask(sample))
        found[weights] = {threshold: score.iou for threshold, score in scores.items()}
    return found


def mispair(source: Path, out: Path) -> Path:
    """The same files, each image with the mask of another slice."""
    images, masks = (sorted((source / kind).iterdir()) for kind in ("2d_images", "2d_masks"))
    random.Random(0).shuffle(masks)
    for kind in ("2d_images", "2d_masks"):
        (out / kind).mkdir(parents=True, exist_ok=True)
    for image, mask in zip(images, masks, strict=True):
        shutil.copy(image, out / "2d_images" / image.name)
        shutil.copy(mask, out / "2d_masks" / image.name)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--mispaired", action="store_true")
    arguments = parser.parse_args()
    system = find_system("R4")
    honest = system.open(arguments.data)
    rows = {}
    for experiment in system.experiments:
        if (arguments.work / experiment.name / "summary.json").is_file():
            run = Run.open(arguments.work / experiment.name)
            rows[experiment.name] = measure(run, honest)
    if arguments.mispaired:
        wrong = system.open(mispair(arguments.data, arguments.work / "mispaired-data"))
        for experiment in system.experiments:
            if experiment.name in MISPAIRED:
                name = MISPAIRED[experiment.name]
                run = train(wrong, experiment.recipe, arguments.work / name, resume=True)
                # measured on the wrong pairs too, as they did
                rows[name] = measure(run, wrong)
    table = []
    for name, found in rows.items():
        cells = {f"{w}, {t}": found[w][t] for w in ("best", "last") for t in ("0.5", "0.784")}
        shown = {key: "n/a" if c is None else f"{c:.3f}" for key, c in cells.items()}
        table.append({"training": name, **shown})
        print(table[-1])
    KEPT.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
