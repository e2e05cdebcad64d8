"""A run and its exported network on the same images, through the same inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.datasets import Dataset, Sample
from intarsia.errors import DataError
from intarsia.inference import Inference, Network, read_ahead
from intarsia.transforms import Pixels, Preprocessing

# of a network that computes in fp32
MIN_AGREEMENT = 0.9999  # share of pixels
MAX_APART = 1e-2  # of the logits' deviation


@dataclass(frozen=True, eq=False)
class Parity:
    """What both gave for N images.

    `run` and `bundle` are (N, K, K) confusion matrices, `equal` and `pixels` (N,) how many pixels
    got the same class and how many there are, ignored ones included.
    """

    files: tuple[str, ...]
    groups: tuple[str, ...]
    run: NDArray[np.int64]
    bundle: NDArray[np.int64]
    equal: NDArray[np.int64]
    pixels: NDArray[np.int64]

    @property
    def agreement(self) -> float:
        """Share of all pixels that got the same class."""
        return float(self.equal.sum() / self.pixels.sum())

    @property
    def worst(self) -> tuple[str, float]:
        """The image with the least agreement, and that."""
        shares = self.equal / self.pixels
        place = int(shares.argmin())
        return self.files[place], float(shares[place])


@dataclass(frozen=True)
class SizeParity:
    """The raw network on one batch of one size: same class, and the largest difference of logits.

    `apart` is in deviations of the run's logits, None where shapes or values are wrong: then
    `fault` says how.
    """

    runtime: str
    batch: int
    height: int
    width: int
    agreement: float
    apart: float | None
    fault: str = ""

    @property
    def pixels(self) -> int:
        return self.batch * self.height * self.width


def raw_agreement(rows: Sequence[SizeParity]) -> float:
    """Share of the pixels of all sizes together that got the same class; 0 where one failed."""
    if any(row.fault for row in rows):
        return 0.0
    return sum(row.agreement * row.pixels for row in rows) / sum(row.pixels for row in rows)


def raw_agrees(rows: Sequence[SizeParity]) -> bool:
    """Whether these are the rows of a network that does in fp32 what the run's does."""
    near = all(row.apart is not None and row.apart <= MAX_APART for row in rows)
    return near and raw_agreement(rows) >= MIN_AGREEMENT


def measure_parity(
    run: Inference,
    bundle: Inference,
    twin: Inference,
    data: Dataset,
    samples: Sequence[Sample],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Parity:
    """Predicts every sample with both.

    `twin` is the run's network used as the bundle uses its own; it is `run` but where the bundle
    takes images of one size only. The same class is asked of the twin, the figures are the run's.

    Raises:
        DataError: an image has no mask, or one of another size.
    """
    labels = data.labels
    count = len(labels)
    matrices = np.zeros((2, len(samples), count, count), np.int64)
    equal, pixels = np.zeros((2, len(samples)), np.int64)

    def load(sample: Sample) -> tuple[Pixels, NDArray[np.unsignedinteger]]:
        return data.read_image(sample), data.read_mask(sample)

    loaded = read_ahead(load, samples)
    for place, (sample, (image, truth)) in enumerate(zip(samples, loaded, strict=True)):
        if image.shape[:2] != truth.shape:
            raise DataError(
                "image and mask differ in size",
                where=sample.mask,
                hint="`intarsia check` lists all such files",
            )
        given, asked = bundle.mask(image), run.mask(image)
        same = asked if twin is run else twin.mask(image)
        equal[place], pixels[place] = (given == same).sum(), given.size
        for side, mask in enumerate((asked, given)):
            matrices[side, place] = metrics.confusion_matrix(
                truth, mask, count, labels.ignore_index
            )
        if progress is not None:
            progress(place + 1, len(samples))
    return Parity(
        files=tuple(sample.name for sample in samples),
        groups=tuple(sample.group or sample.name for sample in samples),
        run=matrices[0],
        bundle=matrices[1],
        equal=equal,
        pixels=pixels,
    )


def raw_shapes(
    size: tuple[int, int], traced: tuple[int, int] | None
) -> tuple[tuple[int, int, int], ...]:
    """Batches of 1 and 3 at a smaller and a larger size and at another aspect, all odd.

    `size` is that of a sample, `traced` one that is avoided; without it (a network of one size)
    there is only `size`.

    >>> raw_shapes((256, 320), (134, 163))[::2]
    ((1, 153, 193), (1, 333, 417), (1, 193, 449))
    """
    if traced is None:
        return ((1, *size), (3, *size))
    # networks refuse less than 128 px at most (PAN); more than 640 only costs time
    height, width = (min(512, max(216, side)) for side in size)
    shapes = []
    for tall, wide in ((0.6, 0.6), (1.3, 1.3), (0.75, 1.4)):
        rows, columns = (int(side * by) | 1 for side, by in ((height, tall), (width, wide)))
        if (rows, columns) == traced:
            columns += 2
        shapes += [(1, rows, columns), (3, rows, columns)]
    return tuple(shapes)


def measure_raw(
    runtime: str,
    reference: Network,
    network: Network,
    images: Sequence[Pixels],
    preprocessing: Preprocessing,
    shapes: Sequence[tuple[int, int, int]],
) -> tuple[SizeParity, ...]:
    """Both networks on these images, resized to each of the shapes (batch, height, width)."""
    rows = []
    for batch, height, width in shapes:
        chosen = [images[i % len(images)] for i in range(batch)]
        inputs = np.stack(
            [preprocessing.normalise(_resized(image, height, width)) for image in chosen]
        )
        rows.append(_compared(runtime, reference(inputs), network, inputs))
    return tuple(rows)


def _compared(
    runtime: str,
    expected: NDArray[np.float32],
    network: Network,
    inputs: NDArray[np.float32],
) -> SizeParity:
    batch, _, height, width = inputs.shape

    def fault(text: str) -> SizeParity:
        return SizeParity(runtime, batch, height, width, 0.0, None, text)

    try:
        found = network(inputs)
    except Exception as error:  # each runtime has its own
        return fault((str(error).strip() or type(error).__name__).splitlines()[0][:200])
    if found.shape != expected.shape:
        return fault(f"it gives {found.shape}, not {expected.shape}")
    if not np.isfinite(found).all():
        return fault("it gives values that are not finite")
    apart = float(np.abs(found - expected).max()) / max(float(expected.std()), 1e-6)
    same = float((_classes(found) == _classes(expected)).mean())
    return SizeParity(runtime, batch, height, width, same, apart)


def _classes(logits: NDArray[np.float32]) -> NDArray[np.integer]:
    """(B, H, W) ids; of one logit, whether it is above 0."""
    if logits.shape[1] == 1:
        return (logits[:, 0] > 0).astype(np.uint8)
    ids: NDArray[np.integer] = logits.argmax(axis=1)
    return ids


def _resized(image: Pixels, height: int, width: int) -> Pixels:
    """(height, width, C), plane by plane, as OpenCV takes few channels and few depths."""
    planes = [
        cv2.resize(np.ascontiguousarray(image[:, :, c], np.float32), (width, height))
        for c in range(image.shape[2])
    ]
    return np.stack(planes, axis=2)
