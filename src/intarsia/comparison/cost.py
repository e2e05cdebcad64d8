"""What a network costs: its size, its training, and its time for one image, all measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from intarsia.runs import Run

if TYPE_CHECKING:
    from intarsia.evaluation import Evaluation
    from intarsia.inference import Inference
    from intarsia.transforms import Pixels

_ROUNDS = 5


@dataclass(frozen=True)
class Cost:
    """Means over the repeats; None is n/a. `milliseconds_per_image` is from pixels to mask.

    `multiply_adds` are those of one image from pixels to mask, tiles and flips included.
    `peak_memory_bytes` is that of the training, `images_per_second` its speed with data.
    """

    parameters: int | None = None
    multiply_adds: int | None = None
    training_seconds: float | None = None
    epochs: float | None = None
    images_per_second: float | None = None
    evaluation_seconds: float | None = None
    milliseconds_per_image: float | None = None
    peak_memory_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_cost(
    runs: Sequence[Run],
    sheets: Sequence[Evaluation],
    milliseconds: float | None,
    multiply_adds: int | None,
) -> Cost:
    """The cost of a recipe from what its repeats have left."""
    summaries = [run.summary for run in runs]
    return Cost(
        parameters=summaries[0].get("parameters"),
        multiply_adds=multiply_adds,
        training_seconds=_mean([s.get("training_seconds") for s in summaries]),
        epochs=_mean([s.get("epochs") for s in summaries]),
        images_per_second=_mean([_speed(run) for run in runs]),
        evaluation_seconds=_mean([sheet.seconds for sheet in sheets]),
        milliseconds_per_image=milliseconds,
        peak_memory_bytes=max(s.get("peak_memory_bytes") or 0 for s in summaries) or None,
    )


def time_in_turn(networks: Mapping[str, Inference], images: Sequence[Pixels]) -> dict[str, float]:
    """Milliseconds from decoded pixels to the mask, the median over a few rounds and images.

    The networks take turns on each image, so that a slow minute of the machine meets all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(_ROUNDS + 1):
        for name, inference in networks.items():
            for image in images:
                begun = time.perf_counter()
                inference.mask(image)
                if turn > 0:  # the first one warms up
                    seconds[name].append(time.perf_counter() - begun)
    return {name: 1000 * statistics.median(each) for name, each in seconds.items()}


def count_multiply_adds(inference: Inference, image: Pixels) -> int:
    """Multiply-adds of the network for one image (H, W, C), as PyTorch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        inference.mask(image)
    # one multiply-add is two operations
    return int(counter.get_total_flops()) // 2


def _speed(run: Run) -> float | None:
    rows = [row["images_per_second"] for row in run.log]
    return statistics.median(rows) if rows else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
