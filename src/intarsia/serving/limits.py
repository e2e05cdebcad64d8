"""How much the service takes on at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from intarsia.errors import ServiceError

_PARTS = 2  # one in the network, one before or behind it
_LONG = 4  # a row of tiles is held at a time: what is very wide would take more than its pixels


@dataclass(frozen=True)
class Limits:
    """The bounds of one service.

    `max_body` is in bytes as they arrive, `max_pixels` that of one image answered at once, `queue`
    how many requests are inside at any moment (arriving, waiting, predicted, being answered),
    `deadline` the seconds from admission to the answer, `idle` those between two pieces of a
    body, `batch` the images of one pass of the network, `stalled` the seconds without a sign of
    life after which the inference thread counts as stuck.

    Larger images are jobs: up to `job_factor` times the bytes and the pixels, `jobs` of them kept
    at a time, finished ones for `job_lifetime` seconds.

    Raises ServiceError where a bound is not above zero, or has no end.
    """

    max_body: int = 20_000_000
    max_pixels: int = 12_000_000
    queue: int = 32
    deadline: float = 30.0
    idle: float = 5.0
    batch: int = 4
    stalled: float = 60.0
    jobs: int = 8
    job_factor: int = 4
    job_lifetime: float = 3600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < math.inf:
                raise ServiceError(f"{field.name} is {value}", expected="more than 0, and finite")

    @property
    def decoded_pixels(self) -> int:
        """Pixels of all images that are decoded at one time, jobs apart."""
        return _PARTS * self.max_pixels

    @property
    def job_body(self) -> int:
        return self.job_factor * self.max_body

    @property
    def job_pixels(self) -> int:
        return self.job_factor * self.max_pixels


def longest_side(pixels: int) -> int:
    """How long a side may be of images of at most so many pixels: four times that of a square.

    >>> longest_side(4_000_000)
    8000
    """
    return _LONG * math.isqrt(pixels)
