"""Optimisers, learning rates, averaged weights."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from intarsia.models import encoder_of
from intarsia.recipe import ScheduleSection, TrainSection

_START = 1 / 25  # of the highest rate; these two are torch's
_END = _START / 1e4
_MOMENTUM = 0.9


def build_optimizer(model: nn.Module, train: TrainSection) -> torch.optim.Optimizer:
    """The recipe's optimiser: the encoder at its own share of the rate, 0 freezing it.

    Biases and normalisation parameters are not decayed.
    """
    encoder = encoder_of(model)
    inside = {id(p) for p in encoder.parameters()} if encoder is not None else set()
    groups: list[dict[str, Any]] = []
    for in_encoder, factor in ((True, train.encoder_lr_factor), (False, 1.0)):
        members = [p for p in model.parameters() if (id(p) in inside) == in_encoder]
        if factor == 0:
            for parameter in members:
                parameter.requires_grad_(False)
            continue
        for decayed in (True, False):
            chosen = [p for p in members if (p.ndim > 1) == decayed]
            if chosen:
                rate = train.lr * factor
                decay = train.weight_decay if decayed else 0.0
                groups.append({"params": chosen, "lr": rate, "peak": rate, "weight_decay": decay})
    if train.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=train.lr, momentum=_MOMENTUM, nesterov=True)
    kind = torch.optim.AdamW if train.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=train.lr, fused=True)


class Schedule:
    """The learning rate as a share of its highest value, a function of the step.

    - `one-cycle`: Smith & Topin (2018), a step at a time
    - `cosine`: half a cosine to 0
    - `plateau`: times `plateau_factor` when the validation figure stops improving
    - `snapshot`: Huang et al. (2017), cosine annealing that starts again each cycle; constant
      within an epoch, as the epoch is its unit of time

    >>> schedule = Schedule(ScheduleSection(name="cosine", warmup=0), epochs=10, steps_per_epoch=10)
    >>> schedule.factor(0), round(schedule.factor(50), 6)
    (1.0, 0.5)
    """

    def __init__(self, section: ScheduleSection, epochs: int, steps_per_epoch: int) -> None:
        self.section = section
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.steps = epochs * steps_per_epoch
        self.drops = 0
        self.waited = 0
        self.best: float | None = None

    def factor(self, step: int) -> float:
        """The share at `step`, counted from 0 over the whole training."""
        name = self.section.name
        if name == "plateau":
            return self.section.plateau_factor**self.drops
        if name == "snapshot":
            return snapshot_factor(step // self.steps_per_epoch, self.epochs, self.section.cycles)
        rise = self.section.warmup * self.steps
        if name == "constant":
            return min(1.0, (step + 1) / rise) if rise >= 1 else 1.0
        if name == "one-cycle":
            if step < rise:
                return _cosine(_START, 1.0, step / rise)
            return _cosine(1.0, _END, (step - rise) / max(1.0, self.steps - 1 - rise))
        return _cosine(1.0, 0.0, step / self.steps)

    def observe(self, value: float) -> None:
        """Tells a plateau schedule the validation figure (higher is better)."""
        if self.best is None or value > self.best:
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited > self.section.plateau_patience:
            self.drops, self.waited = self.drops + 1, 0

    def state(self) -> dict[str, Any]:
        return {"drops": self.drops, "waited": self.waited, "best": self.best}

    def restore(self, state: dict[str, Any]) -> None:
        self.drops, self.waited, self.best = state["drops"], state["waited"], state["best"]


def snapshot_factor(time: int, total: int, cycles: int) -> float:
    """The share of the highest rate at `time` of `total`: Huang et al. (2017), equation 2.

    (cos(pi (t mod C) / C) + 1) / 2 with C = floor(T / M).

    >>> [round(1e-3 * snapshot_factor(t, 1600, 8), 10) for t in (0, 100, 199, 200)]
    [0.001, 0.0005, 6.17e-08, 0.001]
    """
    length = total // cycles
    return (math.cos(math.pi * (time % length) / length) + 1) / 2


def ends_cycle(epoch: int, total: int, cycles: int) -> int | None:
    """The number, from 1, of the snapshot that is kept after `epoch` (counted from 1), or None.

    >>> [ends_cycle(epoch, 7, 3) for epoch in (1, 2, 4, 6, 7)]
    [None, 1, 2, 3, None]
    """
    number, rest = divmod(epoch, total // cycles)
    return number if rest == 0 and number <= cycles else None


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, share))) / 2


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> float:
    """Moves every group to `factor` of its highest rate; returns the highest one now."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
    return max(float(group["lr"]) for group in optimizer.param_groups)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average of parameters and buffers; early steps count more.

    The warm-up (1 + t) / (10 + t) is that of TensorFlow's ExponentialMovingAverage.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    own: dict[str, Tensor] = average.state_dict()
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            own[key].lerp_(value, weight)
        else:
            own[key].copy_(value)


def frequency_weights(pixels: Tensor, power: float) -> Tensor:
    """(1 / share of pixels) ** power a class, scaled so that the mean over pixels is 1.

    A class without a pixel gets the weight of the rarest one that has some.

    >>> frequency_weights(torch.tensor([75.0, 25.0]), 1.0)
    tensor([0.6667, 2.0000])
    """
    share = pixels.double() / pixels.sum().clamp(min=1)
    present = share[share > 0]
    rarest = float(present.min()) if len(present) else 1.0
    weights = share.clamp(min=rarest) ** -power
    return (weights / (weights * share).sum()).float()
