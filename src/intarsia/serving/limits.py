"""How much the service takes on at once, and the memory that comes to."""

from __future__ import annotations

from dataclasses import dataclass, fields

from intarsia.errors import ServiceError

# Bytes a pixel, measured at the worst of JPEG, PNG and TIFF of three 8-bit channels: decoder's own
# buffer, upright copy, mask, confidence, labelled regions, and the files made of them.
_DECODED = 16
_RESULT = 10
_PARTS = 3  # what is decoded, in the network, and being written out


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

    Raises ServiceError where a bound is not above zero.
    """

    max_body: int = 20_000_000
    max_pixels: int = 16_000_000
    queue: int = 32
    deadline: float = 30.0
    idle: float = 5.0
    batch: int = 8
    stalled: float = 60.0
    jobs: int = 8
    job_factor: int = 4
    job_lifetime: float = 3600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ServiceError(f"{field.name} is {value}", expected="more than 0")

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

    def memory(self, model: int, *, sample_bytes: int) -> MemoryBound:
        """The bound where `model` bytes are taken before the first request.

        `sample_bytes` are those of one decoded pixel, all channels.
        """
        each = sample_bytes + _DECODED + _RESULT
        return MemoryBound(
            model=model,
            bodies=self.queue * self.max_body,
            decoded=self.decoded_pixels * each,
            job=self.job_pixels * each,
        )


@dataclass(frozen=True)
class MemoryBound:
    """Bytes: the model with what it works in, uploads, decoded images and results, one job."""

    model: int
    bodies: int
    decoded: int
    job: int

    @property
    def total(self) -> int:
        return self.model + self.bodies + self.decoded + self.job

    def __str__(self) -> str:
        parts = (
            ("model", self.model),
            ("uploads", self.bodies),
            ("decoded images", self.decoded),
            ("one job", self.job),
        )
        shown = " + ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in parts)
        return f"{self.total / 1e6:,.0f} MB at most: {shown}"
