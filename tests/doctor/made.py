"""Sound tiny data sets in every layout and mask format, for faults to be planted in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .conftest import ids, picture, save

SPLITS = ("train", "val", "test")
NAMES = ("sky", "road", "tree")
COLORS = ((10, 20, 230), (200, 30, 20), (20, 180, 40))
_LAYOUTS = {
    "splits above": ("{split}/images/{name}", "{split}/masks/{name}"),
    "splits below": ("images/{split}/{name}", "masks/{split}/{name}"),
    "camvid": ("{split}/{name}", "{split}annot/{name}"),
    "nested": ("{split}/images/day/one/{name}", "{split}/masks/day/one/{name}"),
    "suffix": ("{split}/{name}", "{split}/{name}_mask"),
    "declared": ("photos/{split}/{name}", "drawn/{split}/{name}"),
}
# the value in the files of ids 0, 1, 2; 255 is ignored
_VALUES = {"ids": (0, 1, 2), "wide": (0, 100, 200), "deep": (0, 300, 900), "palette": (0, 1, 2)}


@dataclass
class Made:
    """One made set: where it lies, in what layout, with what kinds of files."""

    root: Path
    layout: str = "splits above"
    image_format: str = "png"
    mask_format: str = "png"
    encoding: str = "ids"

    def image(self, split: str, name: str) -> Path:
        pattern = _LAYOUTS[self.layout][0]
        return self.root / f"{pattern.format(split=split, name=name)}.{self.image_format}"

    def mask(self, split: str, name: str) -> Path:
        pattern = _LAYOUTS[self.layout][1]
        return self.root / f"{pattern.format(split=split, name=name)}.{self.mask_format}"

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def write(self, split: str, name: str, *, seed: int, mask: np.ndarray | None = None) -> None:
        """One sound pair; the mask is (H, W) ids with 255 for ignored."""
        save(self.image(split, name), picture(seed))
        self.write_mask(self.mask(split, name), ids() if mask is None else mask)

    def write_mask(self, path: Path, mask: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.picture_of(mask).save(path)

    def picture_of(self, mask: np.ndarray) -> Image.Image:
        """The ids as this set stores them."""
        if self.encoding in ("colors", "alpha"):
            table = np.zeros((256, 3), np.uint8)
            table[:3] = COLORS
            colors = table[mask]
            if self.encoding == "alpha":
                colors = np.dstack([colors, np.full(mask.shape, 255, np.uint8)])
            return Image.fromarray(colors)
        if self.encoding == "binary":
            return Image.fromarray(((mask > 0) * 255).astype(np.uint8))
        if self.encoding == "bit":
            return Image.fromarray(mask > 0)
        deep = self.encoding == "deep"
        values = np.arange(256, dtype=np.uint16 if deep else np.uint8)
        values[:3] = _VALUES[self.encoding]
        if deep:
            values[255] = 65535
        stored = Image.fromarray(values[mask])
        if self.encoding == "palette":
            # All 256 entries: with fewer, Pillow keeps fewer bits, and 255 would become 3.
            rest = [(n, n, n) for n in range(256 - len(COLORS))]
            stored.putpalette([channel for color in (*COLORS, *rest) for channel in color])
        return stored

    def describe(self) -> None:
        """Its dataset.yaml."""
        lines = ["classes:"]
        two = self.encoding in ("binary", "bit")
        names = ("background", "thing") if two else NAMES
        for number, name in enumerate(names):
            color = ", ".join(map(str, COLORS[number]))
            if self.encoding in ("colors", "alpha"):
                lines.append(f"  - {{name: {name}, color: [{color}]}}")
            elif two:
                lines.append(f"  - {name}")
            else:
                lines.append(f"  - {{id: {_VALUES[self.encoding][number]}, name: {name}}}")
        if self.encoding in ("colors", "alpha"):
            lines.append('ignore_index: "#000000"')
        elif not two:
            lines.append("ignore_index: " + ("65535" if self.encoding == "deep" else "255"))
        if self.layout == "declared":
            lines += ["images: photos", "masks: {dir: drawn}"]
        (self.root / "dataset.yaml").write_text("\n".join(lines) + "\n")


def make(made: Made, *, each: int = 4, first_seed: int = 1000) -> Made:
    """Fill a set with sound pairs and describe it."""
    seed = first_seed
    for split in SPLITS:
        for number in range(each):
            made.write(split, f"{split}_sound{number}", seed=seed)
            seed += 1
    made.describe()
    return made
