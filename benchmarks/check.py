"""How long `intarsia check` takes on many files, how much memory, and how long a second time.

    python benchmarks/check.py --files 100000

makes that many small files (half images, half masks) in a temporary folder and checks them twice,
each time in a process of its own, with an empty cache before the first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (48, 64)

_CHECK = """
import json, resource, sys, time
start = time.perf_counter()
from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.file_cache import FileCache
cache = FileCache.of_user()
data = Dataset.open(sys.argv[1], cache=cache)
opened = time.perf_counter()
report = check(data, cache=cache)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({
    "open_seconds": round(opened - start, 2),
    "seconds": round(time.perf_counter() - start, 2),
    "peak_memory_mb": round(peak / 1e6),
    "errors": len(report.errors),
    "images": report.statistics["images"],
}))
"""


def _pair(root: Path, number: int) -> None:
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    picture = Image.fromarray(coarse).resize(SIZE[::-1], Image.Resampling.BICUBIC)
    mask = np.zeros(SIZE, np.uint8)
    top, left = rng.integers(2, 20, 2)
    mask[top : top + 20, left : left + 30] = 1 + number % 3
    mask[0] = 255
    split = ("train", "train", "val", "test")[number % 4]
    folder = root / split / "images" / f"{number // 1000:03d}"
    masks = root / split / "masks" / f"{number // 1000:03d}"
    folder.mkdir(parents=True, exist_ok=True)
    masks.mkdir(parents=True, exist_ok=True)
    picture.save(folder / f"{number:06d}.jpg", quality=90)
    Image.fromarray(mask).save(masks / f"{number:06d}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "many"
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda n: _pair(root, n), range(files // 2)))
        environment = os.environ | {"XDG_CACHE_HOME": str(Path(folder) / "cache")}
        runs = []
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", _CHECK, str(root)],
                env=environment,
                stdout=subprocess.PIPE,
                check=True,
            )
            runs.append(json.loads(done.stdout))
        ratio = round(runs[1]["seconds"] / runs[0]["seconds"], 3)
        print(json.dumps({"files": files, "first": runs[0], "second": runs[1], "ratio": ratio}))


if __name__ == "__main__":
    main()
