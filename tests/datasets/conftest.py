from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (13, 21)


class Files:
    """Writes tiny images and masks below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rng = np.random.default_rng(0)

    def image(self, *names: str, array: np.ndarray | None = None) -> None:
        for name in names:
            pixels = self.rng.integers(0, 256, (*SIZE, 3), np.uint8) if array is None else array
            self._save(name, Image.fromarray(pixels))

    def mask(self, *names: str, values=(0, 1), dtype=np.uint8) -> None:
        """Stripes of the values; 3-tuples make a colour mask."""
        for name in names:
            table = np.array(values, dtype)
            stripes = table[np.arange(SIZE[0] * SIZE[1]) % len(table)]
            self._save(name, Image.fromarray(stripes.reshape(*SIZE, *table.shape[1:])))

    def palette(self, name: str, values, colors) -> None:
        """A palette mask of (H, W) indices, or stripes of some; `colors` maps index to colour."""
        table = np.zeros((256, 3), np.uint8)
        for index, color in colors.items():
            table[index] = color
        array = np.asarray(values, np.uint8)
        if array.ndim == 1:
            array = array[np.arange(SIZE[0] * SIZE[1]) % len(array)].reshape(SIZE)
        picture = Image.fromarray(array)
        picture.putpalette(table.tobytes())
        self._save(name, picture)

    def pairs(self, images: str, masks: str, names, **options) -> None:
        for name in names:
            self.image(f"{images}/{name}.jpg")
            self.mask(f"{masks}/{name}.png", **options)

    def text(self, name: str, content: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def _save(self, name: str, picture: Image.Image) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path) -> Files:
    return Files(tmp_path / "set")
