"""What a leak is worth: one recipe on CamVid's given split and on the one the check proposes.

    python benchmarks/leak.py --data ../shared/data/camvid --work work/leak [ROW ...]

All rows have the same number of training steps and keep the last epoch, so that nothing is chosen
on the images that are scored. The encoder's ImageNet weights come from $INTARSIA_WEIGHTS where the
hub is out of reach. A row is stored as JSON and not trained again; rows that are not reached are
printed as *not run* with their command.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from intarsia.datasets import Dataset
from intarsia.datasets.splitting import split_dataset
from intarsia.evaluation import evaluate
from intarsia.recipe import DEFAULT, Recipe
from intarsia.training import train

STEPS, BATCH = 900, 6
LEAKING = "0016E5"  # the drive of the given val frames


@dataclass(frozen=True)
class Row:
    """One training; `scored` names the splits whose figures are printed."""

    title: str
    data: Callable[[Path, Path], Dataset]
    scored: tuple[str, ...]


def given(camvid: Path, work: Path) -> Dataset:
    return Dataset.open(camvid)


def proposed(camvid: Path, work: Path) -> Dataset:
    """A copy, divided by the command that the check's finding `proposed-split` names."""
    folder = work / "camvid-by-sequence"
    if not (folder / "dataset.yaml").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(camvid, folder)
        split_dataset(folder, group_by=["sequence"])
    return Dataset.open(folder)


def without_drive(camvid: Path, work: Path) -> Dataset:
    data = given(camvid, work)
    return _train_on(data, (s.name for s in data.split("train") if not _leaks(s.image)))


def as_few_with_drive(camvid: Path, work: Path) -> Dataset:
    """As many train images as `without_drive` has, drawn from all of them."""
    data = given(camvid, work)
    names = sorted(s.name for s in data.split("train"))
    count = len(without_drive(camvid, work).split("train"))
    return _train_on(data, random.Random(0).sample(names, count))


def _leaks(image: Path) -> bool:
    return image.stem.startswith(LEAKING)


def _train_on(data: Dataset, names: Iterable[str]) -> Dataset:
    kept = set(names)
    samples = tuple(s for s in data.samples if s.split != "train" or s.name in kept)
    return replace(data, samples=samples)


ROWS = {
    "given": Row("the given split", given, ("val",)),
    "proposed": Row("the proposed split", proposed, ("val", "test")),
    "without-drive": Row("given val, its drive left out of train", without_drive, ("val",)),
    "as-few": Row("given val, as many train images drawn from all", as_few_with_drive, ("val",)),
}


def run(name: str, camvid: Path, work: Path) -> None:
    row = ROWS[name]
    data = row.data(camvid, work)
    images = len(data.split("train"))
    recipe = Recipe.load(DEFAULT).replace(
        **{
            "data.image_size": (192, 256),
            "train.batch_size": BATCH,
            "train.epochs": max(1, round(STEPS * BATCH / images)),
        }
    )
    # one validation, behind the last epoch: the checkpoint is the last one
    recipe = recipe.replace(**{"train.validate_every": recipe.train.epochs})
    trained = train(data, recipe, work / name, resume=True)
    sheets = {split: evaluate(trained, data, split=split) for split in row.scored}
    result = {
        "row": name,
        "train_images": images,
        "epochs": recipe.train.epochs,
        "training_seconds": trained.summary["training_seconds"],
        "scores": {
            split: {
                "images": sheet.images,
                "miou": sheet.miou,
                "pixel_accuracy": sheet.pixel_accuracy,
            }
            for split, sheet in sheets.items()
        },
    }
    (work / f"{name}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


def table(camvid: Path, work: Path) -> str:
    lines = [
        "| | train images | epochs | minutes | scored on | mIoU | pixel accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in ROWS.items():
        path = work / f"{name}.json"
        if not path.is_file():
            command = f"python benchmarks/leak.py --data {camvid} --work {work} {name}"
            lines.append(f"| {row.title} | *not run*: `{command}` | | | | | |")
            continue
        r = json.loads(path.read_text(encoding="utf-8"))
        lines += [
            f"| {row.title} | {r['train_images']} | {r['epochs']} | "
            f"{r['training_seconds'] / 60:.1f} | {score['images']} {split} | "
            f"{score['miou']:.4f} | {score['pixel_accuracy']:.4f} |"
            for split, score in r["scores"].items()
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    for name in arguments.rows:
        if not (arguments.work / f"{name}.json").is_file():
            run(name, arguments.data, arguments.work)
    print(table(arguments.data, arguments.work))


if __name__ == "__main__":
    main()
