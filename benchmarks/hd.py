"""R0 at its own size: time, memory and output size at 1080 x 1920 with nine classes, made data.

    python benchmarks/hd.py

Both networks in turn, medians of several passes; the peak is the process's resident memory. Keeps
its table for benchmarks/reference_systems.py, which writes the page.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

CLASSES, SIZE, PASSES = 9, (1080, 1920), 3
KEPT = Path("benchmarks/reference-systems/R0/hd.json")
NAMES = ("resnet18-deconv", "resnet18-deconv-skip")


def measure(name: str) -> dict[str, object]:
    import numpy as np
    import torch

    from intarsia.backends.device import peak_memory
    from intarsia.losses import build_loss
    from intarsia.models import build_model, parameter_count

    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.standard_normal((1, 3, *SIZE), np.float32))
    masks = torch.from_numpy(rng.integers(0, CLASSES, (1, *SIZE)))
    torch.manual_seed(0)
    model = build_model(name, classes=CLASSES).to(memory_format=torch.channels_last)
    loss = build_loss("cross-entropy", classes=CLASSES, ignore_index=255)
    predicting, training = [], []
    with torch.inference_mode():
        for _ in range(PASSES):
            begun = time.perf_counter()
            shape = tuple(model.eval()(images).shape)
            predicting.append(time.perf_counter() - begun)
    inference_memory = peak_memory("cpu")
    for _ in range(PASSES):
        begun = time.perf_counter()
        torch.autograd.backward(loss(model.train()(images), masks))
        training.append(time.perf_counter() - begun)
    return {
        "network": name,
        "parameters": parameter_count(model),
        "output": "x".join(map(str, shape)),
        "predict, s": round(statistics.median(predicting), 2),
        "step, s": round(statistics.median(training), 2),
        "predict, peak GiB": round(inference_memory / 2**30, 2),
        "step, peak GiB": round(peak_memory("cpu") / 2**30, 2),
    }


def main() -> None:
    if len(sys.argv) == 2:
        print(json.dumps(measure(sys.argv[1])))
        return
    table = []
    for name in NAMES:
        # a process each: a peak never falls
        told = subprocess.check_output([sys.executable, __file__, name], text=True)
        print(told.strip())
        table.append(json.loads(told))
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
