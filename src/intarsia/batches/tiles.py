"""The tiles that large images are cut into for training, drawn by what they hold."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.augmentation import Augmentation, augment_through
from intarsia.batches.cache_keys import mask_settings
from intarsia.batches.pairs import Pairs
from intarsia.datasets.encodings import count_ids
from intarsia.errors import DataError
from intarsia.file_cache import FileCache, Question, answers
from intarsia.transforms import Mask, Preprocessing
from intarsia.windows import moved, seen_window, tile_matrix, tile_starts

_LAYOUT = 1  # of what is remembered of a mask
_MASKS_AT_ONCE = 4  # whole masks in memory while they are counted


class Tiles:
    """Tiles of `preprocessing.size` pixels of the kept images of one split.

    Each image holds a grid of tiles that overlap by about the share `overlap`; those without a
    labelled pixel are left out. An epoch draws as many as there are: every one once where
    `rare_power` is 0, else with replacement by `draw_shares`. What a mask's tiles hold is counted
    once and remembered until the mask changes.

    Raises DataError where no tile holds a labelled pixel.
    """

    repeats = True  # an index may come twice in an order

    def __init__(self, pairs: Pairs, *, overlap: float, rare_power: float) -> None:
        self.pairs = pairs
        self.overlap = overlap
        found = self._contents()
        self.class_pixels = np.array([item["pixels"] for item in found], np.int64).sum(axis=0)
        counts = np.concatenate([np.array(item["tiles"], np.int64) for item in found])
        places = np.array(
            [
                (image, top, left)
                for image in range(len(pairs.samples))
                for top, left in self._corners(image)
            ],
            np.int64,
        )
        labelled = counts.any(axis=1)
        if not labelled.any():
            raise DataError(
                "no tile of the train images holds a labelled pixel",
                where=pairs.data.root,
                hint="`intarsia check` says what the masks hold",
            )
        self.left_out = int((~labelled).sum())
        self.places, self.counts = places[labelled], counts[labelled]
        self.shares = draw_shares(self.counts, rare_power) if rare_power else None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def preprocessing(self) -> Preprocessing:
        return self.pairs.preprocessing

    @property
    def said(self) -> str:
        """How many there are and how they are drawn."""
        height, width = self.preprocessing.tile or self.preprocessing.size
        rows, columns = self.preprocessing.size
        seen = "" if (height, width) == (rows, columns) else f", shown as {rows}x{columns}"
        left_out = f"; {self.left_out} more hold no labelled pixel" if self.left_out else ""
        drawn = "every one once an epoch"
        if self.shares is not None:
            ratio = float(self.shares.max() / self.shares.min())
            drawn = f"those of rare classes drawn up to {ratio:.3g} times as often as the others"
        return (
            f"{len(self)} tiles of {height}x{width} px{seen} in {len(self.pairs.samples)} images"
            f"{left_out}; {drawn}"
        )

    def name(self, index: int) -> str:
        """The name of the image a tile comes from."""
        return self.pairs.samples[int(self.places[index, 0])].name

    def order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """The indices of one epoch."""
        if self.shares is None:
            return rng.permutation(len(self))
        return rng.choice(len(self), size=len(self), p=self.shares)

    def sample(
        self, index: int, augmentation: Augmentation, rng: np.random.Generator, ignore_index: int
    ) -> tuple[NDArray[np.float32], Mask]:
        """One random sample of a tile; only the window that it shows is read."""
        image, top, left = (int(value) for value in self.places[index])
        preprocessing, shape = self.preprocessing, self.pairs.shape(image)
        matrix = tile_matrix((top, left), shape, preprocessing, augmentation, rng)
        window = seen_window(matrix, preprocessing.size, shape)
        pixels, mask = self.pairs.window(image, window)
        return augment_through(
            moved(matrix, window), pixels, mask, preprocessing, augmentation, rng, ignore_index
        )

    def _corners(self, image: int) -> list[tuple[int, int]]:
        """(top, left) of every tile of one image, row by row."""
        tops, lefts = (
            tile_starts(length, side, self.overlap)
            for length, side in zip(self.pairs.shape(image), self.preprocessing.size, strict=True)
        )
        return [(top, left) for top in tops for left in lefts]

    def _contents(self) -> list[dict[str, Any]]:
        """For every image `tiles` (T, K) and `pixels` (K,): labelled pixels of each class."""
        gate = threading.Semaphore(_MASKS_AT_ONCE)

        def count(image: int) -> dict[str, Any]:
            with gate:
                return self._count(image)

        questions = []
        for image, sample in enumerate(self.pairs.samples):
            parts = [
                _LAYOUT,
                mask_settings(self.pairs.data, sample),
                self.pairs.sizes[image],
                self.preprocessing.size,
                self.preprocessing.tile,
                self.overlap,
            ]
            settings = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
            file = sample.mask if isinstance(sample.mask, Path) else None
            questions.append(Question(file, "tiles", settings, partial(count, image)))
        cache = FileCache.of_user()
        try:
            return list(answers(questions, cache))
        finally:
            cache.close()

    def _count(self, image: int) -> dict[str, Any]:
        labels, (height, width) = self.pairs.data.labels, self.preprocessing.size
        mask = self.pairs.mask(image)
        if mask.shape != self.pairs.shape(image):
            raise DataError(
                f"the mask has another size than its image, {self.pairs.sizes[image]}",
                where=self.pairs.samples[image].mask,
            )

        def counts(ids: Mask) -> list[int]:
            found: list[int] = count_ids(ids, labels.ignore_index + 1)[: len(labels)].tolist()
            return found

        tiles = [counts(mask[y : y + height, x : x + width]) for y, x in self._corners(image)]
        return {"tiles": tiles, "pixels": counts(mask)}


def draw_shares(counts: NDArray[np.int64], power: float) -> NDArray[np.float64]:
    """(N,) the probability of each tile, from (N, K) pixels of each class in it.

    Of the tiles, a share f_k holds class k. A tile's probability is proportional to
    (1 / f_k) ** `power` for the rarest class k in it: 0 draws all alike, 1 as often as its class
    is rare. After the repeat factors of LVIS (Gupta et al. 2019), which are
    max(1, (t / f_k) ** 0.5) for images.

    >>> counts = np.array([[9, 0], [9, 0], [9, 0], [8, 1]])
    >>> draw_shares(counts, 0.5).round(3).tolist(), draw_shares(counts, 0).round(3).tolist()
    ([0.2, 0.2, 0.2, 0.4], [0.25, 0.25, 0.25, 0.25])
    """
    present = counts > 0
    # a class that no tile holds is the rarest of none
    frequency = np.maximum(present.mean(axis=0), 1 / len(counts))
    weights = np.where(present, frequency**-power, 0.0).max(axis=1)
    return np.asarray(weights / weights.sum())
