"""What measuring costs beyond predicting, in time and in memory.

    python benchmarks/evaluation_overhead.py --run RUN --rounds 5
    python benchmarks/evaluation_overhead.py --run RUN --memory 50 500

The first takes, in turn and in one process, the time of three things on the split: to read the
images and predict their masks; `evaluate`, which also reads the true masks, checks that they are
what they were and makes the sheet with its intervals; and `evaluate` with details. Each loads the
network. The ratios are of the medians. The second evaluates as many images (those of the split
over and over) in a process each and prints the peak memory: what grows is the matrices. All
writing is done in a copy of the run, so that nothing of it changes.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import intarsia as ia
from intarsia.inference import read_ahead
from intarsia.runs import Run


def predict(run: Path, data: ia.Dataset, split: str, device: str) -> None:
    inference = ia.Predictor(run, device=device).inference
    for image in read_ahead(data.read_image, data.split(split)):
        inference.mask(image)


def timing(arguments: argparse.Namespace, run: Path) -> dict[str, object]:
    data, split, device = opened(arguments), arguments.split, arguments.device
    given = None if arguments.data is None else data
    ways: dict[str, Callable[[], object]] = {
        "inference": lambda: predict(run, data, split, device),
        "evaluate": lambda: ia.evaluate(run, given, split, device=device),
    }
    if not arguments.no_details:
        ways["evaluate --details"] = lambda: ia.evaluate(
            run, given, split, details=True, device=device
        )
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(arguments.rounds + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if turn:  # the first round warms up the files and the machine
                seconds[name].append(time.perf_counter() - begun)
        print(f"round {turn} of {arguments.rounds}", file=sys.stderr)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    base = medians["inference"]
    images = len(data.split(split))
    print(f"{images} images of {data.name}, {split}; medians of {arguments.rounds} rounds")
    for name, median in medians.items():
        each = 1000 * median / images
        print(f"{name:<20}{median:8.2f} s {each:8.1f} ms/image {100 * (median / base - 1):+7.1f} %")
    return {"images": images, "seconds": seconds, "medians": medians}


def opened(arguments: argparse.Namespace) -> ia.Dataset:
    if arguments.data is not None:
        return ia.Dataset.open(arguments.data)
    return Run.open(arguments.run).dataset()


def measure_memory(arguments: argparse.Namespace, run: Path) -> dict[str, object]:
    """Peak bytes by the number of images, each in a process of its own."""
    peaks = {}
    for images in arguments.memory:
        command = [sys.executable, __file__, "--run", str(run), "--split", arguments.split]
        command += ["--device", arguments.device, "--evaluate-only", str(images)]
        if arguments.data is not None:
            command += ["--data", str(arguments.data)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[images] = int(answer.stdout.split()[-1])
        print(f"{images:>6} images: peak {peaks[images] / 1e6:8.1f} MB")
    return {"peak_bytes": peaks}


def evaluate_only(arguments: argparse.Namespace) -> None:
    """Evaluates so many samples under names of their own, and prints the peak memory."""
    data = opened(arguments)
    again = islice(cycle(data.split(arguments.split)), arguments.evaluate_only)
    samples = tuple(replace(s, name=f"copy {at}/{s.name}") for at, s in enumerate(again))
    other = replace(data, samples=samples)
    ia.evaluate(arguments.run, other, arguments.split, device=arguments.device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak if sys.platform == "darwin" else peak * 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="by default the data of the training")
    parser.add_argument("--split", default="val")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-details", action="store_true")
    parser.add_argument("--memory", type=int, nargs="+", metavar="IMAGES")
    parser.add_argument("--out", type=Path, help="a JSON file")
    parser.add_argument("--evaluate-only", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.evaluate_only is not None:
        evaluate_only(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / arguments.run.resolve().name
        shutil.copytree(arguments.run, copy, ignore=shutil.ignore_patterns("pictures", "last.pt"))
        measure = timing if arguments.memory is None else measure_memory
        result = measure(arguments, copy)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
