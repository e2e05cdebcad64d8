"""The main job on real data: trains what is missing, stores a JSON a row, prints the table.

    python benchmarks/main_job.py --data ../shared/data --weights FILE --work work [ROW ...]

From the root of the project. A row that is done is not trained again, an interrupted one goes on;
rows not named are printed as they are, or as *not run* with the command that runs them.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One training and the split it is judged on."""

    title: str
    data: str
    split: str
    flags: tuple[str, ...]
    pretrained: bool = True


WHOLE = ("--recipe", "unet-mobilenetv2")
CAMVID = ("--recipe", "benchmarks/camvid.yaml")
LEAK_FREE = "camvid-by-drive"
CLASSES = [
    *("Sky", "Building", "Pole", "Road", "Pavement", "Tree"),
    *("SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist"),
]
ROWS = {
    "camvid": Row(
        "CamVid, `unet-mobilenetv2`, ImageNet weights", "camvid", "val", (*CAMVID, "--time", "43m")
    ),
    "camvid-leak-free": Row(
        "the same, checkpoint chosen on drive 0006R0, which is left out of training",
        LEAK_FREE,
        "test",
        (*CAMVID, "--epochs", "10"),
    ),
    "camvid-none": Row(
        "the same, random weights", "camvid", "val", (*CAMVID, "--epochs", "8"), pretrained=False
    ),
    "pets": Row(
        "Pets, 3 breeds, `unet-mobilenetv2` at 128 px",
        "pets",
        "test",
        (*WHOLE, "--image-size", "128", "--epochs", "20", "--set", "train.validate_every=2"),
    ),
    "lungs64": Row(
        "lungs64, `mini-unet` at 64 px",
        "lungs64",
        "test",
        ("--recipe", "mini-unet", "--image-size", "64", "--epochs", "4"),
        pretrained=False,
    ),
    "facade": Row(
        "facade, `unet-mobilenetv2`, 8 classes, `various` ignored",
        "facade",
        "test",
        (
            *(*WHOLE, "--image-size", "192x256", "--epochs", "20"),
            *("--set", "data.ignore=various", "--set", "train.validate_every=5"),
        ),
    ),
}


def train_command(name: str, row: Row, data: Path, weights: str, work: Path) -> list[str]:
    folder = work / row.data if row.data == LEAK_FREE else data / row.data
    given = weights if row.pretrained else "none"
    return [
        *("intarsia", "train", str(folder), "--out", str(work / name)),
        *("--weights", given, *row.flags),
    ]


def run(name: str, row: Row, data: Path, weights: str, work: Path) -> None:
    """Trains and evaluates one row and stores its figures."""
    if row.data == LEAK_FREE:
        make_leak_free(data / "camvid", work / row.data)
    command = train_command(name, row, data, weights, work)
    subprocess.run([sys.executable, "-m", *command, "--resume"], check=True)
    folder = work / name
    if row.split != "val":
        evaluate = ["intarsia", "evaluate", str(folder), "--split", row.split]
        subprocess.run([sys.executable, "-m", *evaluate], check=True)
    store(name, row, work, command)


def store(name: str, row: Row, work: Path, command: list[str]) -> None:
    folder = work / name
    (sheet_path,) = (folder / "evaluations").glob(f"*-{row.split}.json")
    sheet = json.loads(sheet_path.read_text(encoding="utf-8"))
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    result = {
        "row": name,
        "title": row.title,
        "command": shlex.join(command),
        "split": row.split,
        "selection": sheet["selection"],
        "images": sheet["images"],
        "miou": sheet["miou"],
        "pixel_accuracy": sheet["pixel_accuracy"],
        "majority_accuracy": sheet["majority_accuracy"],
        "classes": {c["name"]: c["iou"] for c in sheet["classes"]},
        "epochs": summary["epochs"],
        "best_epoch": summary["best_epoch"],
        "training_seconds": summary["training_seconds"],
        "peak_memory_bytes": summary["peak_memory_bytes"],
        "environment": environment,
    }
    (work / f"{name}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


def make_leak_free(camvid: Path, out: Path) -> None:
    """Train on two drives, choose the checkpoint on the third, test on the published val frames."""
    if (out / "dataset.yaml").is_file():
        return
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for folder in ("train", "val"):
        for image in sorted((camvid / folder).iterdir()):
            for kind, source in (
                ("images", image),
                ("masks", camvid / f"{folder}annot" / f"{image.stem}.png"),
            ):
                (out / kind).mkdir(parents=True, exist_ok=True)
                shutil.copy(source, out / kind / source.name)
            split = "test" if folder == "val" else "train"
            if folder == "train" and image.stem.startswith("0006R0"):
                split = "val"
            splits[split].append(image.stem)
    content = {"schema": 1, "classes": CLASSES, "ignore_index": 11, "splits": splits}
    # JSON is YAML
    (out / "dataset.yaml").write_text(json.dumps(content, indent=1), encoding="utf-8")


def table(work: Path, data: Path, weights: str) -> str:
    lines = [
        "| | mIoU | pixel accuracy (majority) | images | epochs (best) | training | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in ROWS.items():
        path = work / f"{name}.json"
        if not path.is_file():
            command = f"python benchmarks/main_job.py --data {data} --weights {weights} {name}"
            lines.append(f"| {row.title} | *not run*: `{command}` | | | | | |")
            continue
        r = json.loads(path.read_text(encoding="utf-8"))
        chose = ", which chose the epoch" if r["selection"] else ""
        lines.append(
            f"| {r['title']} | {r['miou']:.4f} | {r['pixel_accuracy']:.4f} "
            f"({r['majority_accuracy']:.4f}) | {r['images']} {r['split']}{chose} | "
            f"{r['epochs']} ({r['best_epoch']}) | {r['training_seconds'] / 60:.1f} min | "
            f"{r['peak_memory_bytes'] / 2**30:.2f} GiB |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--work", type=Path, default=Path("work"))
    arguments = parser.parse_args()
    unknown = [name for name in arguments.rows if name not in ROWS]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; the rows are {', '.join(ROWS)}")
    arguments.work.mkdir(exist_ok=True)
    for name in arguments.rows:
        if not (arguments.work / f"{name}.json").is_file():
            run(name, ROWS[name], arguments.data, arguments.weights, arguments.work)
    print(table(arguments.work, arguments.data, arguments.weights))


if __name__ == "__main__":
    main()
