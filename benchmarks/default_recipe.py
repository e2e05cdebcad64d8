"""Which recipe to begin with: candidates in the same time on the same data.

    python benchmarks/default_recipe.py --data ../shared/data --work work/default [ROW ...]

With the ImageNet weights of MobileNetV2 in $INTARSIA_WEIGHTS where the hub is out of reach: all
candidates share that encoder, so that the decoder, the sampling and the loss are compared. A row is
stored as JSON and not trained again; rows not named are printed as *not run* with their command.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from intarsia.datasets import Dataset
from intarsia.evaluation import evaluate
from intarsia.recipe import DEFAULT, Recipe, parse_duration
from intarsia.reproduction import find_system
from intarsia.training import train

CANDIDATES: dict[str, dict[str, object]] = {
    "default": {},
    "letterbox": {"data.fit": "letterbox"},
    "no-class-weights": {"loss.class_weights": "none"},
    "cross-entropy": {"loss.name": "cross-entropy"},
    "fpn": {"model.name": "fpn"},
    "unet": {"model.name": "unet-mobilenetv2", "model.encoder": None},
}
# the splits are those of the reference systems; val chooses, test stays for their tables
DATA = {"pets": "R1", "camvid": "R2", "facade": "R3"}


def run(row: str, data: Path, work: Path, seconds: float) -> None:
    name, _, candidate = row.partition("-")
    dataset: Dataset = find_system(DATA[name]).open(data / name)
    recipe = Recipe.load(DEFAULT).replace(
        **{
            "data.image_size": (192, 256),
            "train.batch_size": 6,
            "train.validate_every": 4,
            "train.time": seconds,
            **CANDIDATES[candidate],
        }
    )
    trained = train(dataset, recipe, work / row, resume=True)
    sheet = evaluate(trained, dataset, split="val")
    result = {
        "row": row,
        "seconds": seconds,
        "epochs": trained.summary["epochs"],
        "parameters": trained.summary["parameters"],
        "training_seconds": trained.summary["training_seconds"],
        "images": sheet.images,
        "miou": sheet.miou,
        "pixel_accuracy": sheet.pixel_accuracy,
        "milliseconds_per_image": sheet.milliseconds_per_image,
    }
    (work / f"{row}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


def table(work: Path, rows: list[str], data: Path) -> str:
    lines = [
        "| data-candidate | mIoU | pixel accuracy | epochs | minutes | ms an image |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        path = work / f"{row}.json"
        if not path.is_file():
            command = f"python benchmarks/default_recipe.py --data {data} --work {work} {row}"
            lines.append(f"| {row} | *not run*: `{command}` | | | | |")
            continue
        r = json.loads(path.read_text(encoding="utf-8"))
        lines.append(
            f"| {row} | {r['miou']:.4f} | {r['pixel_accuracy']:.4f} | {r['epochs']} | "
            f"{r['training_seconds'] / 60:.1f} | {r['milliseconds_per_image']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    rows = [f"{name}-{candidate}" for name in DATA for candidate in CANDIDATES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(rows)}")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("work/default"))
    parser.add_argument("--time", default="5m")
    arguments = parser.parse_args()
    unknown = [row for row in arguments.rows if row not in rows]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; the rows are {', '.join(rows)}")
    arguments.work.mkdir(parents=True, exist_ok=True)
    for row in arguments.rows:
        if not (arguments.work / f"{row}.json").is_file():
            run(row, arguments.data, arguments.work, parse_duration(arguments.time))
    print(table(arguments.work, rows, arguments.data))


if __name__ == "__main__":
    main()
