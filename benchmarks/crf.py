"""The fully connected CRF: its time, and what it does to the predictions of a run.

    python benchmarks/crf.py
    python benchmarks/crf.py --run RUN --data ../shared/data/camvid --split val --out crf.json

The first times `refine` on a made 480 x 360 image with 12 classes, takes its memory, and measures
how far the filters are from exact Gaussian kernels. The second predicts each image of the split
once and compares the masks without and with the CRF: with the defaults, or with every `--try`
(weights of appearance and smoothness, then pixels, color and pixels). Parameters are to be chosen
on train images, never on the split that is reported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import tracemalloc
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import intarsia as ia
from intarsia import crf, metrics
from intarsia.runs import Run

HEIGHT, WIDTH, CLASSES = 360, 480, 12
NAMES = (
    "appearance_weight",
    "smoothness_weight",
    "appearance_position",
    "appearance_color",
    "smoothness_position",
)


def made() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Blobs of 12 classes in 12 colors with noise, and uncertain probabilities of them."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin(rows / (17 + 3 * c) + c) + np.cos(columns / (23 + 2 * c)) for c in range(12)]
    truth = np.argmax(waves, axis=0)
    colors = random.integers(20, 236, (CLASSES, 3))
    image = np.clip(colors[truth] + random.normal(0, 8, (HEIGHT, WIDTH, 3)), 0, 255)
    logits = random.normal(0, 1, (CLASSES, HEIGHT, WIDTH)) + 2 * (
        truth == np.arange(CLASSES)[:, None, None]
    )
    odds = np.exp(logits)
    return (odds / odds.sum(axis=0)).astype(np.float32), image.astype(np.uint8)


def timing(repeats: int) -> dict[str, object]:
    probabilities, image = made()
    crf.refine(probabilities, image)
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        crf.refine(probabilities, image)
        seconds.append(time.perf_counter() - begun)
        # what an idle machine would need, where other work slows this one down
        cpu_seconds.append(time.process_time() - cpu_begun)
    tracemalloc.start()
    crf.refine(probabilities, image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "size": [WIDTH, HEIGHT, CLASSES],
        "iterations": 5,
        "seconds_median": statistics.median(seconds),
        "seconds": seconds,
        "cpu_seconds_median": statistics.median(cpu_seconds),
        "peak_bytes_per_pixel": peak / (HEIGHT * WIDTH),
    }


def exactness() -> dict[str, dict[str, float]]:
    """Against dense kernels on 40 x 50 pixels: errors in shares of the filtered values' span."""
    random = np.random.default_rng(1)
    image = made()[1][100:140, 200:250]
    places = np.indices(image.shape[:2]).reshape(2, -1).T.astype(np.float32)
    appearance = np.hstack([places / 80, image.reshape(-1, 3) / np.float32(13)])
    values = (random.random((len(places), 8)) < 0.5).astype(np.float32)
    half = (np.arange(len(places)) % 50 < 25).astype(np.float32)
    values = np.hstack([values, half[:, None]])
    return {
        "appearance, lattice": errors(appearance, values, crf.Lattice(appearance)),
        "smoothness, banded": errors(places / 3, values, crf.PlaneFilter(40, 50, 3.0)),
        "smoothness, lattice": errors(places / 3, values, crf.Lattice(places / 3)),
    }


def errors(
    features: NDArray[np.float32],
    values: NDArray[np.float32],
    kernel: crf.Lattice | crf.PlaneFilter,
) -> dict[str, float]:
    apart = ((features[:, None] - features[None]).astype(np.float64) ** 2).sum(axis=2)
    dense = np.exp(-0.5 * apart)
    scale = 1 / np.sqrt(dense.sum(axis=1))
    wrong = np.abs(kernel.apply(values) - (scale[:, None] * dense * scale) @ values)
    return {"mean": float(wrong.mean()), "largest": float(wrong.max())}


def measure(
    arguments: argparse.Namespace, settings: list[tuple[float, ...]]
) -> tuple[list[str], list[dict[str, object]]]:
    predictor = ia.Predictor(arguments.run)
    if arguments.data is None:
        data = ia.Dataset.from_manifest(Run.open(arguments.run).manifest)
    else:
        data = ia.Dataset.open(arguments.data)
    labels = predictor.labels
    if data.labels.names != labels.names:
        raise SystemExit("the classes of the data are not those of the run")
    samples = data.split(arguments.split)[:: arguments.every]
    totals = [np.zeros((len(labels), len(labels)), np.int64) for _ in range(1 + len(settings))]
    seconds = [0.0] * (1 + len(settings))
    for done, sample in enumerate(samples):
        image, truth = data.read_image(sample), data.read_mask(sample)
        begun = time.perf_counter()
        probabilities = predictor.probabilities(image)
        seconds[0] += time.perf_counter() - begun
        for row in range(len(totals)):
            refined = probabilities
            if row:
                begun = time.perf_counter()
                chosen = dict(zip(NAMES, settings[row - 1], strict=True))
                iterations = arguments.iterations
                refined = crf.refine(probabilities, image, iterations=iterations, **chosen)
                seconds[row] += time.perf_counter() - begun
            mask = refined.argmax(axis=0).astype(np.uint8)
            totals[row] += metrics.confusion_matrix(truth, mask, len(labels), labels.ignore_index)
        print(f"\r{done + 1} of {len(samples)}", end="", flush=True)
    print()
    rows: list[dict[str, object]] = []
    for row, matrix in enumerate(totals):
        sheet = metrics.class_metrics(matrix, labels.names)
        rows.append(
            {
                "crf": dict(zip(NAMES, settings[row - 1], strict=True)) if row else None,
                "iterations": arguments.iterations if row else 0,
                "miou": metrics.miou(matrix),
                "pixel_accuracy": metrics.pixel_accuracy(matrix),
                "iou": {one.name: one.iou for one in sheet},
                "seconds_per_image": seconds[row] / len(samples),
                "images": len(samples),
                "split": arguments.split,
            }
        )
    return labels.names, rows


def show(names: list[str], rows: list[dict[str, object]]) -> None:
    plain = rows[0]
    for row in rows:
        chosen = row["crf"]
        title = "without" if chosen is None else " ".join(f"{v:g}" for v in chosen.values())  # type: ignore[attr-defined]
        print(
            f"{title:>22}  mIoU {row['miou']:.4f}  accuracy {row['pixel_accuracy']:.4f}  "
            f"{row['seconds_per_image']:.2f} s an image"
        )
        if chosen is not None:
            changes = []
            for name in names:
                before, after = plain["iou"][name], row["iou"][name]  # type: ignore[index]
                if before is not None and after is not None:
                    changes.append(f"{name} {100 * (after - before):+.1f}")
            print(f"{'':>22}  IoU in points: {', '.join(changes)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--data", type=Path, help="by default that of the run")
    parser.add_argument("--split", default="val")
    parser.add_argument("--every", type=int, default=1, help="every N-th image of the split")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--try", dest="tries", type=float, nargs=5, action="append", metavar="X")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    arguments = parser.parse_args()
    defaults = crf.refine.__kwdefaults__
    settings = [tuple(t) for t in arguments.tries or [[defaults[name] for name in NAMES]]]
    if arguments.run is None:
        found: dict[str, object] = {"timing": timing(arguments.repeats), "errors": exactness()}
        print(json.dumps(found, indent=1))
    else:
        names, rows = measure(arguments, settings)
        show(names, rows)
        found = {"run": arguments.run.name, "rows": rows}
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
