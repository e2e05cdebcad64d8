"""From samples to tensors: a cache of decoded pixels and deterministic training batches."""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from intarsia.datasets import Dataset, Sample
from intarsia.environment import usable_cores
from intarsia.transforms import (
    Augmentation,
    Mask,
    Pixels,
    Preprocessing,
    augment,
    grid_bounds,
    shrink,
    shrink_mask,
)

_CACHE_SHARE = 0.4  # of the memory that is available when the training starts
_AHEAD = 2  # batches made while the network works

Pair = tuple[Pixels, Mask]


class Batch(NamedTuple):
    """`images` (B, C, H, W) float32, `masks` (B, H, W) int64, `names` of the samples."""

    images: Tensor
    masks: Tensor
    names: list[str]


class Pairs:
    """Decoded images and masks, kept in memory where they fit and read again where they do not.

    What is kept is already shrunk to at most twice the size the network sees, in the file's own
    depth: random transforms come after, so that no epoch sees the same sample twice. With a grid
    each of its cells is a pair of its own; they follow one another, row by row.
    """

    def __init__(
        self,
        data: Dataset,
        samples: Sequence[Sample],
        preprocessing: Preprocessing,
        cache: Literal["auto", "memory", "none"] = "auto",
    ) -> None:
        self.data = data
        self.samples = samples
        self.preprocessing = preprocessing
        self.cells = math.prod(preprocessing.grid)
        first = self._read(0)
        self.bytes = len(samples) * sum(part.nbytes for pair in first for part in pair)
        # judged by the first image; the room that is kept to is counted, as sizes can differ
        self._room = _CACHE_SHARE * available_memory() if cache == "auto" else math.inf
        self.cached = cache == "memory" or (cache == "auto" and self.bytes <= self._room)
        self._kept: dict[int, list[Pair]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.samples) * self.cells

    def __getitem__(self, index: int) -> Pair:
        image, cell = divmod(index, self.cells)
        if image in self._kept:
            return self._kept[image][cell]
        pairs = self._read(image)
        size = sum(part.nbytes for pair in pairs for part in pair)
        with self._lock:
            if self.cached and image not in self._kept and size <= self._room:
                self._room -= size
                self._kept[image] = pairs
        return pairs[cell]

    def name(self, index: int) -> str:
        """The name of the image a pair comes from."""
        return self.samples[index // self.cells].name

    def _read(self, index: int) -> list[Pair]:
        """All pairs of one image."""
        sample = self.samples[index]
        image, mask = self.data.read_image(sample), self.data.read_mask(sample)
        rows, columns = grid_bounds(mask.shape, self.preprocessing.grid)
        cells = [(slice(*row), slice(*column)) for row in rows for column in columns]
        return [
            # copies: a view of one cell would keep the whole image in memory
            (
                np.array(shrink(image[cell], self.preprocessing)),
                np.array(shrink_mask(mask[cell], self.preprocessing)),
            )
            for cell in cells
        ]


class TrainingBatches:
    """Random batches of one training split.

    The order is a function of (seed, epoch) and every sample of (seed, epoch, index) alone, so
    that an epoch can be taken up again in its middle, bit for bit.
    """

    def __init__(
        self,
        pairs: Pairs,
        augmentation: Augmentation,
        *,
        batch_size: int,
        seed: int,
        ignore_index: int,
    ) -> None:
        self.pairs = pairs
        self.augmentation = augmentation
        self.seed = seed
        self.ignore_index = ignore_index
        self.bounds = _bounds(len(pairs), batch_size)

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return len(self.bounds)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from number `start` on, made ahead by threads."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.pairs))
        chunks = [order[a:b] for a, b in self.bounds[start:]]
        waiting: deque[tuple[list[str], list[Future[Pair]]]] = deque()
        with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
            try:
                for chunk in chunks:
                    names = [self.pairs.name(int(i)) for i in chunk]
                    made = [pool.submit(self._sample, epoch, int(i)) for i in chunk]
                    waiting.append((names, made))
                    if len(waiting) > _AHEAD:
                        yield _collate(*waiting.popleft())
                while waiting:
                    yield _collate(*waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def _sample(self, epoch: int, index: int) -> Pair:
        rng = np.random.default_rng([self.seed, epoch, index])
        image, mask = self.pairs[index]
        return augment(
            image,
            mask,
            self.pairs.preprocessing,
            self.augmentation,
            rng,
            self.ignore_index,
        )


def _collate(names: list[str], made: list[Future[Pair]]) -> Batch:
    samples = [future.result() for future in made]
    images = torch.from_numpy(np.stack([image for image, _ in samples]))
    masks = torch.from_numpy(np.stack([mask for _, mask in samples]).astype(np.int64))
    return Batch(images, masks, names)


def _bounds(count: int, size: int) -> list[tuple[int, int]]:
    """Where batches begin and end; a last one of one sample joins the one before it.

    Unless all are of one: a batch of one breaks normalisation over the batch where a network pools
    to a single pixel.
    """
    starts = list(range(0, count, size))
    if size > 1 and len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))


def class_pixels(pairs: Pairs, classes: int, ignore_index: int) -> NDArray[np.int64]:
    """(classes,) pixels of each class over all pairs, ignored ones left out."""
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        counts = pool.map(
            lambda index: np.bincount(pairs[index][1].ravel(), minlength=ignore_index + 1),
            range(len(pairs)),
        )
        total = sum(counts, np.zeros(ignore_index + 1, np.int64))
    return total[:classes]


def channel_statistics(pairs: Pairs) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels, on values scaled to 0..1."""

    def moments(index: int) -> NDArray[np.float64]:
        pixels = pairs.preprocessing.scaling.apply(pairs[index][0]).astype(np.float64)
        flat = pixels.reshape(-1, pixels.shape[2])
        return np.stack([np.full(flat.shape[1], len(flat)), flat.sum(0), (flat**2).sum(0)])

    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        count, total, squares = np.sum(list(pool.map(moments, range(len(pairs)))), axis=0)
    mean = total / count
    # a channel without any contrast must not divide by zero
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-6))
    return tuple(map(float, mean)), tuple(map(float, deviation))


def available_memory() -> int:
    """Bytes of memory that can be had without swapping."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        # not Linux: half of what the machine has, or 4 GiB where even that is unknown
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        except (AttributeError, ValueError, OSError):
            return 4 << 30
    line = next(line for line in text.splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) * 1024
