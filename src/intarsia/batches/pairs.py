"""Decoded images and masks of one split, kept at hand where there is room."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from intarsia.augmentation import Augmentation, augment
from intarsia.batches.cache_keys import cache_keys
from intarsia.batches.pixel_cache import UNUSED_DAYS, PixelCache
from intarsia.datasets import Dataset, Sample
from intarsia.datasets.formats.masks import source_of
from intarsia.errors import DataError
from intarsia.file_cache import file_state
from intarsia.images import Window, has_windows, read_header
from intarsia.memory import available_memory
from intarsia.transforms import (
    Mask,
    Pixels,
    Preprocessing,
    grid_bounds,
    kept_size,
    shrink,
    shrink_mask,
)

_CACHE_SHARE = 0.4  # of the memory that is available when the training starts
_DISK_SHARE = 0.5  # of what the disk has left
_LOCKS = 64
_STRIP_PIXELS = 4_000_000

Pair = tuple[Pixels, Mask]
Part = Literal["image", "mask"]
PARTS: tuple[Part, Part] = ("image", "mask")
Cache = Literal["auto", "memory", "disk", "none"]

_log = logging.getLogger("intarsia")


class Pairs:
    """Decoded images and masks, kept in memory or on disk, or read again each time.

    What is kept is already shrunk to at most twice the size the network sees, in the file's own
    depth: random transforms come after, so that no epoch sees the same sample twice. With a grid
    each of its cells is a pair of its own; they follow one another, row by row.

    `place` says where they are: `auto` takes the memory where all fit into 0.4 of what is
    available, then the disk where they fit into half of what is free, else the files. With
    `preprocessing.tile` only windows are read, and a TIFF that gives them by itself is never
    copied to the disk by `auto`. `said` is that choice in a sentence.
    """

    repeats = False  # no index comes twice in an order

    def __init__(
        self,
        data: Dataset,
        samples: Sequence[Sample],
        preprocessing: Preprocessing,
        cache: Cache = "auto",
    ) -> None:
        self.data = data
        self.samples = samples
        self.preprocessing = preprocessing
        self.cells = math.prod(preprocessing.grid)
        self.sizes: list[tuple[int, int]] = []  # of the images; with tiles only
        self._kept: dict[int, list[Pair]] = {}
        self._counting = threading.Lock()
        self._decoding = [threading.Lock() for _ in range(_LOCKS)]
        self._direct_files: dict[Path, bool] = {}
        self._cache = cache
        sizes = self._part_bytes()
        self.bytes = sum(sum(each) for each in sizes.values())
        # judged before anything is read; the room that is kept to is counted, as sizes can differ
        self._room = _CACHE_SHARE * available_memory() if cache == "auto" else math.inf
        self._disk: PixelCache | None = None
        self._keys: dict[str, list[str]] = {}
        self._states: dict[Path, tuple[int, int] | None] = {}
        self.place, self.said = self._choose(sizes)

    def __len__(self) -> int:
        return len(self.samples) * self.cells

    def __getitem__(self, index: int) -> Pair:
        image, cell = divmod(index, self.cells)
        if self.place == "memory":
            return self._in_memory(image)[cell]
        return self._stored(image, "image")[cell], self._stored(image, "mask")[cell]

    @property
    def cached(self) -> bool:
        """True where the pairs stay in memory."""
        return self.place == "memory"

    def name(self, index: int) -> str:
        """The name of the image a pair comes from."""
        return self.samples[index // self.cells].name

    def order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """Every index once, at random."""
        return rng.permutation(len(self))

    def sample(
        self, index: int, augmentation: Augmentation, rng: np.random.Generator, ignore_index: int
    ) -> tuple[NDArray[np.float32], Mask]:
        """One random sample of a pair; see `augmentation.augment`."""
        image, mask = self[index]
        return augment(image, mask, self.preprocessing, augmentation, rng, ignore_index)

    def shape(self, image: int) -> tuple[int, int]:
        """(height, width) of an image as it is kept; with tiles only."""
        return kept_size(*self.sizes[image], self.preprocessing)

    def window(self, image: int, window: Window) -> Pair:
        """A window of a kept image and of its mask; with tiles only."""
        rows, columns = slice(*window[0]), slice(*window[1])
        if self.place == "memory":
            pixels, mask = self._in_memory(image)[0]
            return pixels[rows, columns], mask[rows, columns]
        parts: list[NDArray[Any]] = []
        for part in PARTS:
            if self._reads_windows(image, part):
                parts.append(self._window_of_file(image, part, window))
            else:
                parts.append(self._stored(image, part)[0][rows, columns])
        return parts[0], parts[1]

    def mask(self, image: int) -> Mask:
        """A whole mask as it is kept; with tiles only."""
        if self.place == "memory" and image in self._kept:
            return self._kept[image][0][1]
        if self.place == "memory" or self._reads_windows(image, "mask"):
            return self._read(image, "mask")[0]
        return self._stored(image, "mask")[0]

    def strips(self, index: int) -> Iterator[Pixels]:
        """The image of one pair, in strips that a large image is not held whole for."""
        if self.preprocessing.tile is None:
            yield self[index][0]
            return
        height, width = self.shape(index)
        step = max(1, _STRIP_PIXELS // width)
        direct = self.place != "memory" and self._reads_windows(index, "image")
        whole = None
        if not direct:
            in_memory = self.place == "memory"
            whole = self._in_memory(index)[0][0] if in_memory else self._stored(index, "image")[0]
        for top in range(0, height, step):
            rows = top, min(height, top + step)
            if whole is None:
                yield self._window_of_file(index, "image", (rows, (0, width)))
            else:
                yield whole[slice(*rows)]

    def _choose(
        self, sizes: dict[Part, list[int]]
    ) -> tuple[Literal["memory", "disk", "files"], str]:
        """Where the pairs are to stay, and that in a sentence.

        Raises:
            DataError: they are to stay on disk, and it has no room for them.
        """
        total = f"{self.bytes / 1e9:.2f} GB of decoded images"
        if self._cache == "memory" or (self._cache == "auto" and self.bytes <= self._room):
            return "memory", f"{total} are kept in memory"
        if self._cache == "none":
            return "files", f"{total} are decoded again each time: data.cache is none"
        copied = [
            (part, image)
            for part in PARTS
            for image in range(len(self.samples))
            if not self._reads_windows(image, part)
        ]
        if not copied:
            return "files", f"{total}: windows of them are read from the TIFF files"
        try:
            disk = PixelCache.of_user()
        except DataError as error:
            if self._cache == "disk":
                raise
            return "files", f"{total} are decoded again each time: {error.what}"
        self._states = {
            file: file_state(file)
            for part in PARTS
            for image in range(len(self.samples))
            for file in self._files(image, part)
        }
        keys = cache_keys(self.data, self.samples, self.preprocessing)
        kept = sum(sizes[part][image] for part, image in copied)
        needed = sum(
            sizes[part][image] for part, image in copied if not disk.holds(keys[part][image])
        )
        free = disk.free
        if needed > (free if self._cache == "disk" else _DISK_SHARE * free):
            what = f"{total} need {needed / 1e9:.2f} GB of disk, and {free / 1e9:.2f} GB are free"
            if self._cache == "disk":
                raise DataError(
                    what,
                    where=disk.folder,
                    hint="make room, set XDG_CACHE_HOME to another disk, or data.cache=none",
                )
            return "files", f"{what} in {disk.folder}: they are decoded again each time"
        self._disk, self._keys = disk, keys
        counts = [sum(part == which for part, _ in copied) for which in PARTS]
        what = f"{kept / 1e9:.2f} GB of decoded images and masks"
        if len(copied) < len(PARTS) * len(self.samples):
            what += f" ({counts[0]} images, {counts[1]} masks; of the others, windows are read)"
        return "disk", (
            f"{what} are kept in {disk.folder}, {needed / 1e9:.2f} GB of it new; what no training "
            f"uses for {UNUSED_DAYS} days is removed"
        )

    def _part_bytes(self) -> dict[Part, list[int]]:
        """Bytes of every image and mask as decoded: by the headers, or by the first pair."""
        if self.preprocessing.tile is None:
            first = {part: sum(a.nbytes for a in self._read(0, part)) for part in PARTS}
            return {part: [size] * len(self.samples) for part, size in first.items()}
        images, masks = [], []
        for sample in self.samples:
            header = read_header(sample.image, page=self.data.page)
            self.sizes.append((header.height, header.width))
            pixels = math.prod(kept_size(header.height, header.width, self.preprocessing))
            # in the depth that it is kept in, which OpenCV chooses
            one = shrink(np.zeros((1, 1, 1), header.dtype), self.preprocessing)
            images.append(pixels * self.data.channels * one.itemsize)
            masks.append(pixels * np.dtype(self.data.labels.dtype).itemsize)
        return {"image": images, "mask": masks}

    def _in_memory(self, image: int) -> list[Pair]:
        if image in self._kept:
            return self._kept[image]
        with self._decoding[image % _LOCKS]:
            if image in self._kept:
                return self._kept[image]
            pairs = list(zip(self._read(image, "image"), self._read(image, "mask"), strict=True))
            size = sum(part.nbytes for pair in pairs for part in pair)
            with self._counting:
                if size <= self._room:
                    self._room -= size
                    self._kept[image] = pairs
        return pairs

    def _stored(self, image: int, part: Part) -> list[NDArray[Any]]:
        """All cells of one part, from the disk where they are kept there."""
        if self._disk is None:
            return self._read(image, part)
        key = self._keys[part][image]
        found = self._disk.find(key)
        if found is not None:
            return found
        with self._decoding[image % _LOCKS]:
            disk = self._disk
            found = None if disk is None else disk.find(key)
            if found is not None:
                return found
            made = self._read(image, part)
            if disk is not None and self._unchanged(image, part):
                try:
                    disk.write(key, made)
                except DataError as error:
                    if self._cache == "disk":
                        raise
                    # `auto` promised nothing: the training goes on, only slower
                    _log.warning("%s; from here on images are decoded each time", error)
                    self._disk = None
        return made

    def _unchanged(self, image: int, part: Part) -> bool:
        """True where the files are those that the key was made from, whose pixels it will give."""
        return all(file_state(file) == self._states[file] for file in self._files(image, part))

    def _files(self, image: int, part: Part) -> tuple[Path, ...]:
        """What this part is decoded from."""
        sample = self.samples[image]
        if part == "image":
            return sample.image_files
        return () if sample.mask is None else (source_of(sample.mask),)

    def _reads_windows(self, image: int, part: Part) -> bool:
        """True where windows of this part are best read from its own file."""
        if self.preprocessing.tile is None or self._cache == "disk":
            return False
        sample = self.samples[image]
        if part == "image":
            return all(self._has_windows(file, self.data.page) for file in sample.image_files)
        return isinstance(sample.mask, Path) and self._has_windows(sample.mask, None)

    def _has_windows(self, file: Path, page: int | None) -> bool:
        if file not in self._direct_files:
            self._direct_files[file] = has_windows(file, page=page)
        return self._direct_files[file]

    def _window_of_file(self, image: int, part: Part, window: Window) -> NDArray[Any]:
        """The window decoded by itself: whole blocks, so that it shrinks as the image would."""
        factor, sample = self.preprocessing.factor, self.samples[image]
        rows, columns = (
            (first * factor, min(last * factor, side))
            for (first, last), side in zip(window, self.sizes[image], strict=True)
        )
        if part == "image":
            pixels = self.data.read_image(sample, window=(rows, columns))
            return shrink(pixels, self.preprocessing)
        ids = self.data.read_mask(sample, window=(rows, columns))
        return shrink_mask(ids, self.preprocessing)

    def _read(self, image: int, part: Part) -> list[NDArray[Any]]:
        """All cells of one part of one image, decoded."""
        sample = self.samples[image]
        whole: NDArray[Any]
        smaller: Callable[[Any, Preprocessing], NDArray[Any]]
        if part == "image":
            whole, smaller = self.data.read_image(sample), shrink
        else:
            whole, smaller = self.data.read_mask(sample), shrink_mask
        rows, columns = grid_bounds(whole.shape[:2], self.preprocessing.grid)
        # copies: a view of one cell would keep the whole image in memory
        return [
            np.array(smaller(whole[slice(*row), slice(*column)], self.preprocessing))
            for row in rows
            for column in columns
        ]
