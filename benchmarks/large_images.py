"""Tiles of 60-megapixel images: reading, an epoch, a training, a mask; time and peak memory.

    python benchmarks/large_images.py --work work/large --out large.json

Makes five images of 7680 x 8000 RGB (three tiled TIFFs and a stripped one to train on, all
deflated; a tiled one for val) with PNG masks in `--work`, and measures, each in a process of its
own: a window of 512 px against the whole decode, in turn; opening and checking the set; drawing an
epoch of tiles without a network, wherever the pixels are kept; a training of one epoch; the mask
of one whole image.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 7680, 8000
TILED: dict[str, Any] = {"tile": (256, 256), "compression": "zlib", "predictor": True}
STRIPPED: dict[str, Any] = {"rowsperstrip": 64, "compression": "zlib", "predictor": True}
IMAGES = {
    "train/a": TILED,
    "train/b": TILED,
    "train/c": TILED,
    "train/d": STRIPPED,
    "val/v": TILED,
}
PARTS = ("read", "check", "draw memory", "draw disk", "draw disk again", "draw windows", "train")


def scene(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A field with many boxes and a few small rare disks, and their mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _ in range(300):
        y, x = rng.integers(0, HEIGHT - 200), rng.integers(0, WIDTH - 200)
        mask[y : y + rng.integers(60, 200), x : x + rng.integers(60, 200)] = 1
    rows, columns = np.mgrid[-30:31, -30:31]
    disk = rows**2 + columns**2 <= 900
    for _ in range(3):
        y, x = rng.integers(40, HEIGHT - 40), rng.integers(40, WIDTH - 40)
        mask[y - 30 : y + 31, x - 30 : x + 31][disk] = 2
    colors = np.array([[90, 120, 70], [150, 140, 130], [200, 60, 50]], np.uint8)
    image = colors[mask]
    # noise of a few grey levels, as of a camera: pure colours would compress to nothing
    noise = rng.integers(0, 16, (HEIGHT // 4, WIDTH // 4, 3)).astype(np.uint8)
    image += np.repeat(np.repeat(noise, 4, axis=0), 4, axis=1)
    return image, mask


def make(folder: Path) -> None:
    for seed, (name, options) in enumerate(IMAGES.items()):
        split, _, stem = name.partition("/")
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True, exist_ok=True)
        path = folder / split / "images" / f"{stem}.tif"
        if path.exists():
            continue
        image, mask = scene(seed)
        Image.fromarray(mask).save(folder / split / "masks" / f"{stem}.png")
        tifffile.imwrite(path, image, photometric="rgb", **options)
    (folder / "dataset.yaml").write_text(
        "schema: 1\nclasses:\n  - {id: 0, name: field}\n  - {id: 1, name: box}\n"
        "  - {id: 2, name: disk}\n"
    )


def read(folder: Path) -> dict[str, Any]:
    """Seconds of a window of 512 px and of the whole, measured in turn."""
    from intarsia.images import read_image

    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for name in ("a", "d"):
        path = folder / "train" / "images" / f"{name}.tif"
        seconds: dict[str, list[float]] = {"window": [], "whole": []}
        for _ in range(7):
            top, left = int(rng.integers(0, HEIGHT - 512)), int(rng.integers(0, WIDTH - 512))
            begun = time.perf_counter()
            part = read_image(path, window=((top, top + 512), (left, left + 512)))
            seconds["window"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            whole = read_image(path)
            seconds["whole"].append(time.perf_counter() - begun)
            if not np.array_equal(part, whole[top : top + 512, left : left + 512]):
                raise SystemExit("a window differs from the whole")
        window, all_of_it = (statistics.median(seconds[kind]) for kind in ("window", "whole"))
        kind = "tiled" if name == "a" else "stripped"
        found[kind] = {"window": window, "whole": all_of_it, "ratio": all_of_it / window}
    return found


def examine(folder: Path) -> dict[str, Any]:
    from intarsia.datasets import Dataset
    from intarsia.doctor import check

    begun = time.perf_counter()
    data = Dataset.open(folder)
    opened = time.perf_counter() - begun
    report = check(data)
    return {"open": opened, "all": time.perf_counter() - begun, "errors": len(report.errors)}


def recipe(arguments: argparse.Namespace) -> Any:
    from intarsia.recipe import Recipe

    return Recipe().replace(
        **{
            "train.weights": "none",
            "train.epochs": 1,
            "train.batch_size": 8,
            "data.fit": "tiles",
            "data.image_size": (arguments.size, arguments.size),
            "data.tile": (arguments.tile, arguments.tile),
            "data.tile_overlap": 0.0,
            "data.cache": "disk",
        }
    )


def draw(arguments: argparse.Namespace, place: str) -> dict[str, Any]:
    """One epoch of batches, and no network."""
    from intarsia.augmentation import Augmentation
    from intarsia.batches import Pairs, Tiles, TrainingBatches, pairs
    from intarsia.datasets import Dataset
    from intarsia.transforms import Preprocessing

    chosen = recipe(arguments).data
    data = Dataset.open(arguments.work / "data")
    settings = Preprocessing(
        chosen.image_size, "tiles", data.scaling, (0.5,) * 3, (0.25,) * 3, tile=chosen.tile
    )
    if place == "windows":
        # as on a machine whose memory is too small
        pairs.available_memory = lambda: 0
    begun = time.perf_counter()
    kept = Pairs(data, data.split("train"), settings, "auto" if place == "windows" else place)
    tiles = Tiles(kept, overlap=0.0, rare_power=0.5)
    ready = time.perf_counter() - begun
    batches = TrainingBatches(
        tiles, Augmentation(**chosen.augment.model_dump()), batch_size=8, seed=0, ignore_index=255
    )
    names = [name for batch in batches.epoch(1) for name in batch.names]
    return {
        "prepared": ready,
        "epoch": time.perf_counter() - begun - ready,
        "samples": len(names),
        "rare": float((tiles.counts[:, 2] > 0).mean()),
        "rare drawn": float(tiles.shares[tiles.counts[:, 2] > 0].sum()),
        "said": [kept.said, tiles.said],
    }


def fit(arguments: argparse.Namespace) -> dict[str, Any]:
    from intarsia.datasets import Dataset
    from intarsia.training import train

    run = train(Dataset.open(arguments.work / "data"), recipe(arguments), arguments.work / "run")
    (row,) = run.log
    return {
        "epoch": row["seconds"] - row["validation_seconds"],
        "validation": row["validation_seconds"],
        "images_per_second": row["images_per_second"],
    }


def predict(arguments: argparse.Namespace) -> dict[str, Any]:
    import intarsia as ia

    predictor = ia.Predictor(arguments.work / "run")
    begun = time.perf_counter()
    mask = predictor(arguments.work / "data" / "val" / "images" / "v.tif")
    return {"seconds": time.perf_counter() - begun, "shape": list(mask.shape)}


def part(arguments: argparse.Namespace) -> dict[str, Any]:
    folder = arguments.work / "data"
    name = arguments.part
    if name == "read":
        found = read(folder)
    elif name == "check":
        found = examine(folder)
    elif name.startswith("draw"):
        found = draw(arguments, name.split()[1])
    else:
        found = fit(arguments) if name == "train" else predict(arguments)
    # Linux counts in KiB; mapped pages of files that are in memory count as well
    found["peak_rss_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256, help="data.image_size")
    parser.add_argument("--tile", type=int, default=512, help="data.tile")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    parser.add_argument("--part", choices=(*PARTS, "predict"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(part(arguments)))
        return
    make(arguments.work / "data")
    for name in ("cache", "run"):  # of the benchmark before
        shutil.rmtree(arguments.work / name, ignore_errors=True)
    # the cache starts empty, and no other data is swept out of it
    environment = os.environ | {"XDG_CACHE_HOME": str((arguments.work / "cache").resolve())}
    found = {}
    for name in (*PARTS, "predict"):
        print(name, flush=True)
        command = [sys.executable, __file__, "--part", name, "--work", str(arguments.work)]
        command += ["--size", str(arguments.size), "--tile", str(arguments.tile)]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if told.returncode:
            raise SystemExit(told.stderr)
        found[name] = json.loads(told.stdout.splitlines()[-1])
        print(json.dumps(found[name], indent=1), flush=True)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
