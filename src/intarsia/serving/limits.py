"""How much the service takes on at once, and the memory that comes to."""

from __future__ import annotations

from dataclasses import dataclass, fields

from intarsia.errors import ServiceError

# Bytes a pixel beside the decoded image itself: the decoder's own buffer and an upright copy; mask,
# confidence and labelled regions; the pictures made of them, as files and as base64.
_DECODING = 10
_MASKING = 8
_WRITING = 14
_ANSWER = 2  # of a finished answer with every picture in it
_PARTS = 2  # one in the network, one before or behind it


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
    max_pixels: int = 12_000_000
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
        each = sample_bytes + _DECODING + _MASKING + _WRITING
        return MemoryBound(
            model=model,
            uploads=self.queue * self.max_body,
            answers=self.queue * self.max_pixels * _ANSWER,
            decoded=self.decoded_pixels * each,
            job=self.job_pixels * each,
        )


@dataclass(frozen=True)
class MemoryBound:
    """Bytes: the model with what it works in, uploads, images and results, answers, one job.

    Uploads are files in the system's temporary folder, which may be memory or disk.
    """

    model: int
    uploads: int
    decoded: int
    answers: int
    job: int

    @property
    def total(self) -> int:
        return self.model + self.uploads + self.decoded + self.answers + self.job

    def __str__(self) -> str:
        parts = (
            ("model", self.model),
            ("uploads", self.uploads),
            ("decoded images", self.decoded),
            ("answers", self.answers),
            ("one job", self.job),
        )
        shown = " + ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in parts)
        return f"{self.total / 1e6:,.0f} MB at most: {shown}"
