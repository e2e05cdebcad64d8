"""A run, exported in every precision: its gates, and the time of its network in each runtime.

    python benchmarks/export.py --run RUN --data ../shared/data/camvid --out export.json

Every precision passes its gate against the run (`intarsia export`), with a limit that only reports.
Then the network takes one image of each `--size` in turn: torch in fp32 (eager), ONNX Runtime,
and OpenVINO in fp32, bf16 and int8, all on the CPU with the threads that they choose.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import intarsia as ia
from intarsia.backends.onnx_backend import onnx_network
from intarsia.backends.openvino_backend import openvino_network
from intarsia.backends.torch_backend import Network, torch_network
from intarsia.bundles import Bundle
from intarsia.exporting.graph import whole_network
from intarsia.runs import Run

PRECISIONS = ("fp32", "bf16", "int8")


def latencies(
    networks: dict[str, Network], channels: int, size: tuple[int, int], rounds: int
) -> dict[str, float]:
    """Median milliseconds of a batch of one; the networks take turns."""
    batch = np.random.default_rng(0).standard_normal((1, channels, *size), np.float32)
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(rounds + 1):
        for name, network in networks.items():
            begun = time.perf_counter()
            network(batch)
            if turn:
                seconds[name].append(time.perf_counter() - begun)
    return {name: 1000 * statistics.median(each) for name, each in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--size", action="append", help="HxW; default: 352x480 and 1088x1920")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    run = Run.open(chosen.run)
    found: dict[str, object] = {"run": run.name}
    networks: dict[str, Network] = {
        "torch fp32": torch_network(whole_network(run.load_models()), device="cpu")
    }
    with tempfile.TemporaryDirectory() as folder:
        for precision in PRECISIONS:
            path = Path(folder) / f"{precision}.intarsia"
            gate = ia.export(
                run, path, chosen.data, precision=precision, max_difference=0.5, device="cpu"
            )
            print(gate, end="\n\n")
            found[precision] = gate.to_json()
            network = Bundle.open(path).network
            if precision == "fp32":
                networks["ONNX Runtime fp32"] = onnx_network(network, device="cpu")
            networks[f"OpenVINO {precision}"] = openvino_network(network, precision=precision)
    channels = len(run.preprocessing.mean)
    for text in chosen.size or ["352x480", "1088x1920"]:
        height, width = (int(part) for part in text.split("x"))
        times = latencies(networks, channels, (height, width), chosen.rounds)
        found[text] = times
        print(f"{text}, ms an image (times faster than torch fp32)")
        for name, value in times.items():
            print(f"  {name:<20}{value:10.1f}{times['torch fp32'] / value:8.1f} x")
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
