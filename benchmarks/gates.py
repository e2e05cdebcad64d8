"""The export gate for every network of the closed table, on real validation images.

    python benchmarks/gates.py --data ../shared/data/camvid --work work/gates \
        [--precision fp32,bf16,int8] [--epochs 1] [NAME ...]

Each network is trained for a moment, then exported; what the gate found stays in `--work`, so that
nothing is done twice, and the table is printed at the end. A row that
was not reached is printed as *not run*. Networks that hardly learned are the harder test: their
classes lie close together, so that a small difference of the logits shows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import intarsia as ia
from intarsia.errors import ExportError
from intarsia.models import preset_names

# an encoder for each architecture; the weights of MobileNetV2 are the ones at hand
ARCHITECTURES = {
    "deeplabv3": "mobilenetv2_100",
    "deeplabv3plus": "mobilenetv2_100",
    "dpt": "vit_tiny_patch16_224",
    "fpn": "convnext_atto",
    "linknet": "mobilenetv2_100",
    "manet": "mobilenetv2_100",
    "pan": "mobilenetv2_100",
    "pspnet": "mobilenetv2_100",
    "segformer": "pvt_v2_b0",
    "unet": "efficientnet_b0",
    "unetplusplus": "mobilenetv2_100",
    "upernet": "resnet18",
}
PRETRAINED = "mobilenetv2_100"
CASES = {name: (name, "") for name in preset_names()}
CASES |= {f"{name}, {encoder}": (name, encoder) for name, encoder in ARCHITECTURES.items()}


def train(name: str, encoder: str, arguments: argparse.Namespace, run: Path) -> None:
    pretrained = encoder == PRETRAINED or name == "unet-mobilenetv2"
    command = [
        *(sys.executable, "-m", "intarsia", "train", str(arguments.data), "--out", str(run)),
        *("--image-size", "128x160", "--epochs", str(arguments.epochs), "--resume"),
        *("--weights", "imagenet" if pretrained else "none"),
        *("--set", f"model.name={name}"),
    ]
    if encoder:
        command += ["--set", f"model.encoder={encoder}"]
    with run.with_name(f"{run.name}.log").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log)


def examined(run: Path, precision: str, data: Path) -> dict[str, Any]:
    """What the gate found, or why there is none."""
    target = run.with_name(f"{run.name}-{precision}.intarsia")
    try:
        gate = ia.export(run, target, data, precision=precision, device="cpu")
    except ExportError as error:
        return {"refused": str(error)}
    return {**gate.to_json(), "megabytes": target.stat().st_size / 1e6}


def percent(share: float) -> str:
    """100 only where it is."""
    return "100" if share == 1 else f"{min(100 * share, 99.9999):.4f}"


def row(name: str, precision: str, found: dict[str, Any] | None) -> str:
    if found is None:
        return f"| {name} | {precision} | *not run* |"
    if "refused" in found:
        return f"| {name} | {precision} | refused: {' '.join(found['refused'].split())} |"
    size = "any" if found["size"] is None else "x".join(map(str, found["size"]))
    difference = found["difference"]
    low, high = difference["interval"]["low"], difference["interval"]["high"]
    pixels = sum(each["batch"] * each["height"] * each["width"] for each in found["sizes"])
    same = sum(e["agreement"] * e["batch"] * e["height"] * e["width"] for e in found["sizes"])
    return " | ".join(
        (
            f"| {name}",
            precision,
            size,
            f"{found['miou']['run']['value']:.4f}",
            f"{difference['difference']:+z.5f} ({low:+z.5f} to {high:+z.5f})",
            percent(found["agreement"]),
            percent(found["worst_image"]["agreement"]),
            percent(same / pixels),
            f"{found['megabytes']:.1f} |",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--epochs", type=int, default=1)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    results = {}
    for precision in arguments.precision.split(","):
        for case, (name, encoder) in CASES.items():
            run = arguments.work / "-".join(filter(None, (name, encoder)))
            kept = run.with_name(f"{run.name}-{precision}.json")
            if not kept.is_file() and (not arguments.names or name in arguments.names):
                train(name, encoder, arguments, run)
                found = examined(run, precision, arguments.data)
                kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
                print(row(case, precision, found), flush=True)
            results[case, precision] = json.loads(kept.read_text()) if kept.is_file() else None
    print(
        "\n| network | precision | size | mIoU of the run | difference (95 %) | same class, %"
        " | worst image, % | raw network, % | MB |"
    )
    print("|---" * 9 + "|")
    for (case, precision), found in results.items():
        print(row(case, precision, found))


if __name__ == "__main__":
    main()
