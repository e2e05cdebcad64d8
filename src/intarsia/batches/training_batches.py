"""Deterministic random batches of one training split."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from intarsia.augmentation import Augmentation
from intarsia.batches.pairs import Pair, Pairs
from intarsia.batches.tiles import Tiles
from intarsia.environment import usable_cores

_AHEAD = 2  # batches made while the network works


class Batch(NamedTuple):
    """`images` (B, C, H, W) float32, `masks` (B, H, W) int64, `names` of the samples."""

    images: Tensor
    masks: Tensor
    names: list[str]


class TrainingBatches:
    """Random batches of one training split.

    The order is a function of (seed, epoch) and every sample of (seed, epoch, index) alone, so
    that an epoch can be taken up again in its middle, bit for bit. A tile can come twice in an
    epoch: its place in the order stands for its index there.
    """

    def __init__(
        self,
        pairs: Pairs | Tiles,
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
        order = self.pairs.order(np.random.default_rng([self.seed, epoch]))
        waiting: deque[tuple[list[str], list[Future[Pair]]]] = deque()
        with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
            try:
                for first, last in self.bounds[start:]:
                    chunk = [int(index) for index in order[first:last]]
                    numbers = range(first, last) if self.pairs.repeats else chunk
                    names = [self.pairs.name(index) for index in chunk]
                    made = [
                        pool.submit(self._sample, index, [self.seed, epoch, number])
                        for index, number in zip(chunk, numbers, strict=True)
                    ]
                    waiting.append((names, made))
                    if len(waiting) > _AHEAD:
                        yield _collate(*waiting.popleft())
                while waiting:
                    yield _collate(*waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def _sample(self, index: int, seed: list[int]) -> Pair:
        rng = np.random.default_rng(seed)
        return self.pairs.sample(index, self.augmentation, rng, self.ignore_index)


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
