"""A small synthetic street data set, ours to give away: for demos, tests and first steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.synthetic.scene import NAMES, paint_street
from intarsia.errors import DataError
from intarsia.images import write_atomic, write_mask
from intarsia.labels import Color, LabelMap

_COLORS: tuple[Color, ...] = (
    (120, 180, 235),
    (190, 85, 65),
    (245, 205, 60),
    (115, 90, 135),
    (225, 130, 190),
    (70, 140, 55),
    (25, 70, 175),
)
_SHARES = (("train", 0.70), ("val", 0.15), ("test", 0.15))


def street_labels() -> LabelMap:
    """The classes of `make_street`.

    >>> street_labels().names
    ['Sky', 'Building', 'Pole', 'Road', 'Pavement', 'Tree', 'Car']
    """
    return LabelMap.of(NAMES, _COLORS)


def make_street(
    out: Path, *, count: int = 60, seed: int = 0, size: tuple[int, int] = (120, 176)
) -> Path:
    """Writes a street-like data set of `count` scenes and returns its folder.

    Below `out`: `train`, `val` and `test` (70, 15 and 15 %), each with `images/*.jpg` and
    `masks/*.png` (8-bit index PNG; 255 is ignored along the edge of the image), and a
    `dataset.yaml` with the class names. `size` is (height, width) in pixels. The same arguments
    give the same bytes; scene n does not depend on `count`.

    Raises DataError when `out` exists and is not empty, `count` < 3 or a side is below 32 pixels.

    >>> import tempfile
    >>> folder = make_street(Path(tempfile.mkdtemp()) / "street", count=3, size=(40, 56))
    >>> sorted(path.name for path in folder.iterdir())
    ['dataset.yaml', 'test', 'train', 'val']
    """
    out = Path(out)
    if count < 3:
        raise DataError(f"{count} scenes cannot fill three splits", expected="count of 3 or more")
    if min(size) < 32:
        raise DataError(
            f"a scene of {size[0]}x{size[1]} pixels is too small",
            expected="32 pixels or more a side",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(
            "the folder for the synthetic data is already in use",
            where=out,
            expected="a new or an empty folder",
            hint="choose another folder, or delete this one",
        )
    labels = street_labels()
    splits = _splits(count)
    for split in dict.fromkeys(splits):
        for folder in ("images", "masks"):
            (out / split / folder).mkdir(parents=True, exist_ok=True)

    def write(index: int) -> None:
        image, mask = make_scene(index, seed=seed, size=size)
        name, folder = f"street_{index:04d}", out / splits[index]
        write_atomic(folder / "images" / f"{name}.jpg", _jpeg(image))
        write_mask(folder / "masks" / f"{name}.png", mask, labels)

    with ThreadPoolExecutor(2) as pool:  # cv2 and NumPy release the interpreter lock
        list(pool.map(write, range(count)))
    write_atomic(out / "dataset.yaml", _yaml(labels).encode())
    return out


def make_scene(
    index: int, *, seed: int = 0, size: tuple[int, int] = (120, 176)
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Scene `index` of `seed`: image (H, W, 3) uint8 RGB, mask (H, W) uint8 with 255 = ignored."""
    rng = np.random.default_rng([seed, index])
    image, mask = paint_street(rng, size)
    widest = max(2, round(min(size) * 0.04))
    top, bottom, left, right = rng.integers(1, widest + 1, 4)
    mask[:top], mask[-bottom:], mask[:, :left], mask[:, -right:] = 255, 255, 255, 255
    return image, mask


def _splits(count: int) -> list[str]:
    """The split of every scene, each split a block of its own and never empty."""
    held_out = {name: max(1, round(count * share)) for name, share in _SHARES[1:]}
    train = count - sum(held_out.values())
    return ["train"] * train + [n for n, number in held_out.items() for _ in range(number)]


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 93])[1].tobytes()


def _yaml(labels: LabelMap) -> str:
    lines = [
        "# A synthetic street, made by Intarsia (intarsia.datasets.synthetic).",
        "schema: 1",
        "ignore_index: 255",
        "masks: {encoding: ids}",
        "classes:",
    ]
    lines += [
        f"  - {{id: {c.id}, name: {c.name}, color: [{', '.join(map(str, c.color))}]}}"
        for c in labels.classes
    ]
    return "\n".join(lines) + "\n"
