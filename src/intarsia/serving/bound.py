"""The memory that a service takes at most, worked out before its first request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from intarsia.memory import peak_memory
from intarsia.serving.limits import longest_side
from intarsia.transforms import kept_size

if TYPE_CHECKING:
    from intarsia.inference import Inference
    from intarsia.serving.service import Service

# Bytes a pixel beside the decoded image itself: the decoder's own buffer and an upright copy; mask,
# confidence and labelled regions; the pictures made of them, as files and as base64.
_DECODING = 10
_MASKING = 8
_WRITING = 14
_ANSWER = 5  # of a finished answer with every picture in it, of noise
_PICTURES = 4  # of the pictures of a job, on disk
_LATTICE = 100  # of a CRF, and how often it holds the probabilities
_CRF_COPIES = 10
_BANDS = 110_000_000  # bytes of results that are enlarged piece by piece


@dataclass(frozen=True)
class MemoryBound:
    """Bytes: the model and what its passes take, images with what is made of them, probabilities
    of the least favourable image, answers, one job with its own probabilities.

    `files` are uploads, and the pictures of jobs, in the system's temporary folder, which may be
    memory or disk.
    """

    model: int
    decoded: int
    probabilities: int
    answers: int
    job: int
    files: int

    @property
    def total(self) -> int:
        """All that is memory wherever temporary files lie."""
        return self.model + self.decoded + self.probabilities + self.answers + self.job

    def __str__(self) -> str:
        parts = (
            ("model", self.model),
            ("decoded images", self.decoded),
            ("probabilities", self.probabilities),
            ("answers", self.answers),
            ("one job", self.job),
        )
        shown = " + ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in parts)
        return f"{self.total / 1e6:,.0f} MB at most: {shown}"


def memory_bound(service: Service) -> MemoryBound:
    """What this process takes at most, where its model has been warmed up."""
    predictor, limits = service.models.own.predictor, service.limits
    # files of 8 bits have one byte a channel; what else a model was trained on, up to four
    scaling = predictor.preprocessing.scaling
    depth = 1 if (scaling.low, scaling.high) == (0, 255) else 4
    each = depth * len(predictor.preprocessing.mean) + _DECODING + _MASKING + _WRITING
    classes = len(predictor.labels)
    job_files = limits.job_body + _PICTURES * limits.job_pixels
    return MemoryBound(
        model=(1 if service.runs is None else 2) * peak_memory(),
        decoded=each * limits.decoded_pixels,
        probabilities=probability_bytes(predictor.inference, classes, limits.max_pixels),
        answers=_ANSWER * limits.queue * limits.max_pixels,
        job=each * limits.job_pixels
        + probability_bytes(predictor.inference, classes, limits.job_pixels),
        files=limits.queue * limits.max_body + limits.jobs * job_files,
    )


def probability_bytes(inference: Inference, classes: int, pixels: int) -> int:
    """Of the least favourable image of so many pixels, beyond what the warm-up has seen."""
    preprocessing, pixel = inference.preprocessing, 4 * classes
    if inference.refine is not None:
        return pixels * (_LATTICE + _CRF_COPIES * pixel)
    if preprocessing.fit == "grid":
        return 2 * pixels * pixel
    size = pixels // longest_side(pixels), longest_side(pixels)
    if not inference.tiles(*size):
        return _BANDS
    # a row of tiles, what of it is finished, and a little more
    row = preprocessing.size[0] * kept_size(*size, preprocessing)[1] * pixel * 9 // 4
    # an image made smaller is put together whole before it is enlarged
    whole = min(pixels, (preprocessing.longest_side or 0) ** 2) * pixel * 2
    return _BANDS + row + whole
