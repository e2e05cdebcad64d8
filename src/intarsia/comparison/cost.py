"""What a network costs: its size, its training, and its time for one image, all measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from intarsia.evaluation import OUT_OF_FOLD
from intarsia.runs import CrossValidation, Run

if TYPE_CHECKING:
    from intarsia.comparison.judged_images import JudgedImages
    from intarsia.evaluation import Evaluation
    from intarsia.inference import Inference
    from intarsia.transforms import Pixels

_ROUNDS = 5
_TIMED = 3  # images, evenly spaced


@dataclass(frozen=True)
class Cost:
    """Means over the repeats; None is n/a.

    `parameters` are those of all networks that predict together, `multiply_adds` those of one image
    from pixels to mask, tiles and flips included, `milliseconds_per_image` the time that this
    takes. `peak_memory_bytes` is the most that a training process took, `images_per_second` its
    speed with data. `evaluation_seconds` is the measuring of all images, reading included.
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


def measure_costs(
    contenders: Mapping[str, Sequence[Run]],
    sheets: Mapping[str, Sequence[Evaluation]],
    judged: JudgedImages,
    device: str,
) -> dict[str, Cost]:
    """What each contender costs, by name; one without runs has no figures.

    Latencies are measured now, in turn, with the network of the first repeat.

    Raises:
        RunError: a run has no weights.
    """
    from intarsia.backends.device import select_device
    from intarsia.backends.torch_backend import torch_network

    places = {int(at) for at in np.linspace(0, len(judged.samples) - 1, _TIMED).round()}
    images = [judged.data.read_image(judged.samples[place]) for place in sorted(places)]
    networks, parameters = {}, {}
    for name, runs in contenders.items():
        if runs:
            run = _measured_run(runs[0], judged.split)
            models = run.load_models()
            parameters[name] = sum(p.numel() for model in models for p in model.parameters())
            networks[name] = run.inference(torch_network(*models, device=select_device(device)))
    times = time_in_turn(networks, images)
    return {
        name: _cost(
            runs,
            sheets[name],
            parameters=parameters[name],
            multiply_adds=count_multiply_adds(networks[name], images[0]),
            milliseconds=times[name],
        )
        if runs
        else Cost()
        for name, runs in contenders.items()
    }


def _measured_run(run: Run, split: str) -> Run:
    """The run whose network makes the figures: out of fold it is one, elsewhere their ensemble."""
    if isinstance(run, CrossValidation) and split == OUT_OF_FOLD:
        return run.folds[0]
    return run


def _cost(
    runs: Sequence[Run],
    sheets: Sequence[Evaluation],
    *,
    parameters: int,
    multiply_adds: int,
    milliseconds: float,
) -> Cost:
    """From what the repeats have left, and what was measured of the first one's network."""
    summaries = [run.summary for run in runs]
    return Cost(
        parameters=parameters,
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

    The networks take turns in each round, so that a slow minute of the machine meets all of them.
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
    trainings = run.folds if isinstance(run, CrossValidation) else [run]
    rows = [row["images_per_second"] for training in trainings for row in training.log]
    return statistics.median(rows) if rows else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
