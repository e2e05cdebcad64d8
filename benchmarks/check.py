"""How long `intarsia check` takes on many files, how much memory, and how long a second time.

    python benchmarks/check.py --files 100000
    python benchmarks/check.py --data ../shared/data/camvid

The first makes that many small files (half images, half masks) in a temporary folder, the second
takes what is there. It is checked twice, each time by a command of its own, with an empty cache
before the first. Seconds are those of the whole command, from its start to its end, on the clock
and of the processor (which says more where other work runs beside it); `start` is the least that
three checks of four files took of it, and `ratio_without_start` that of the two checks when both
are rid of it. Memory is the largest sum over all processes, resident (rss) and with shared pages
counted once (pss).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (48, 64)

_EVERY = 0.2  # seconds between two looks at the memory


def _measured(data: Path, cache: Path) -> dict[str, object]:
    """One check by the command line: seconds, memory, what it says first."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    start, before = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "intarsia", "check", str(data)]
    rss = pss = 0
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        while True:
            try:
                said, _ = process.communicate(timeout=_EVERY)
                break
            except subprocess.TimeoutExpired:
                now = [_memory(pid) for pid in _tree(process.pid)]
                rss, pss = max(rss, sum(r for r, _ in now)), max(pss, sum(p for _, p in now))
    if process.returncode not in (0, 2):
        raise SystemExit(f"the check ended with {process.returncode}")
    seconds, after = time.perf_counter() - start, os.times()
    spent = sum(after[2:4]) - sum(before[2:4])  # of the processes that have ended
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(spent, 2),
        "rss_mb": round(rss / 1e6),
        "pss_mb": round(pss / 1e6),
        "said": said.partition("\n")[0],
    }


def _start(folder: Path) -> float:
    """What Python and the libraries cost: the seconds of the processor for next to nothing."""
    few, cache = folder / "few", folder / "cache of few"
    for number in (0, 2):  # one of train, one of val
        _pair(few, number)
    return min(_measured(few, cache)["cpu_seconds"] for _ in range(3))


def _tree(pid: int) -> list[int]:
    """A process and all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(below for child in children for below in _tree(int(child)))]


def _memory(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0, 0
    sizes = {name: int(rest.split()[0]) for name, _, rest in (x.partition(":") for x in lines[1:])}
    return sizes["Rss"] * 1024, sizes["Pss"] * 1024


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
    parser.add_argument("--data", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, files = asked.data, asked.files
        if data is None:
            data = Path(folder) / "many"
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda n: _pair(data, n), range(files // 2)))
            time.sleep(2.5)  # files younger than this are looked into a second time
        else:
            files = sum(1 for path in data.rglob("*") if path.is_file())
        start = _start(Path(folder))
        first, second = (_measured(data, Path(folder) / "cache") for _ in range(2))
        kept = sum(p.stat().st_size for p in (Path(folder) / "cache").rglob("*") if p.is_file())
        result = {"files": files, "first": first, "second": second}
        for unit in ("seconds", "cpu_seconds"):
            result[f"ratio_{unit}"] = round(second[unit] / first[unit], 3)
        spent = [one["cpu_seconds"] - start for one in (second, first)]
        result |= {"start": start, "ratio_without_start": round(spent[0] / spent[1], 3)}
        print(json.dumps(result | {"cache_mb": round(kept / 1e6)}))


if __name__ == "__main__":
    main()
