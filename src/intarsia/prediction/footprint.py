"""What a model needs from nothing to its first mask: time and memory, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ModelError


@dataclass(frozen=True)
class Footprint:
    """`seconds` from the start of Python to the mask; `peak_bytes` resident, None if unknown."""

    seconds: float
    peak_bytes: int | None


def measure_footprint(
    model: Path, image: NDArray[Any], *, device: str = "auto", settings: Sequence[str] = ()
) -> Footprint:
    """Loads the run or bundle in a new process and predicts the pixels (H, W, C) there.

    `settings` are those of `Predictor`.

    Raises:
        ModelError: the process failed; its last line says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        pixels = Path(folder) / "image.npy"
        np.save(pixels, image, allow_pickle=False)
        words = [sys.executable, "-m", __name__, str(model), str(pixels), device, *settings]
        begun = time.perf_counter()
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            line = process.stdout.readline() if process.stdout else ""
            seconds = time.perf_counter() - begun
            _, said = process.communicate()
    if process.returncode:
        lines = said.strip().splitlines()
        raise ModelError(
            f"the model fails in a process of its own: {lines[-1] if lines else 'no message'}",
            where=model,
        )
    return Footprint(seconds, json.loads(line)["peak_bytes"])


def main(model: str, image: str, device: str, *settings: str) -> None:
    """Predicts once and prints the peak memory."""
    from intarsia.prediction.predictor import Predictor

    Predictor(model, device=device, settings=settings)(np.load(image, allow_pickle=False))
    print(json.dumps({"peak_bytes": _peak_bytes()}), flush=True)


def _peak_bytes() -> int | None:
    """The highest resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss is that of the process before `exec`, too: of the parent
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main(*sys.argv[1:])
