"""One upload on its way to an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ModelError
from intarsia.inference import Band, Ids
from intarsia.prediction.measurements import Tally
from intarsia.serving.models import Model


@dataclass(frozen=True)
class Segmented:
    """What the network made of one image: (H, W) ids, and their probability as 0..255."""

    image: NDArray[Any]
    mask: Ids
    confidence: NDArray[np.uint8]
    tally: Tally
    model: Model
    seconds: dict[str, float]


Write = Callable[[Segmented], "Answer"]


@dataclass(frozen=True)
class Answer:
    """The body of a response."""

    content: bytes
    media_type: str


@dataclass(eq=False)
class Work:
    """An upload in `path`, already inspected.

    The pipeline sets `future`, unless nobody waits any more (`gone`), removes the file, and calls
    `release`, which gives the model back.
    `large` ones, the jobs, have no deadline and step aside for the others.
    """

    path: Path
    pixels: int
    model: Model
    write: Write
    release: Callable[[], None]
    deadline: float | None
    large: bool = False
    future: Future[Answer] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)
    gone: bool = False
    over: bool = False
    room: int = 0
    inside: bool = False
    progress: float = 0.0
    image: NDArray[Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def useless(self) -> bool:
        """True where no answer would arrive in time, or nobody waits for one."""
        late = self.deadline is not None and time.monotonic() > self.deadline
        return self.gone or late

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, C) once it is decoded."""
        return () if self.image is None else self.image.shape

    def segment(self, bands: Iterable[Band], begun: float) -> Segmented:
        """What the bands of its image, of the network that began with it at `begun`, come to."""
        image = self.image
        if image is None:
            raise ModelError("an image was not decoded before the network")
        inference, labels = self.model.inference, self.model.predictor.labels
        height, width = image.shape[:2]
        mask = np.empty((height, width), labels.dtype)
        confidence = np.empty((height, width), np.uint8)
        tally = Tally(labels)
        for band in bands:
            ids, best = inference.decide(band)
            rows = slice(band.top, band.top + len(ids))
            mask[rows] = ids
            confidence[rows] = np.rint(255 * best)
            tally.add(ids, best)
            self.progress = rows.stop / height
        seconds = {**self.seconds, "inference": time.monotonic() - begun}
        return Segmented(image, mask, confidence, tally, self.model, seconds)
