"""One training step: forward, loss, backward, update."""

from __future__ import annotations

import copy
import logging
import math
from typing import Any

import torch
from torch import nn

from intarsia.batches import Batch
from intarsia.errors import RunError
from intarsia.models import encoder_of
from intarsia.training.optimisation import (
    Schedule,
    build_optimizer,
    set_rates,
    update_average,
)
from intarsia.training.setup import Setup

_PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
_LOST_IN_A_ROW = 20

_log = logging.getLogger("intarsia")


class Stepper:
    """The network, its optimiser, its averaged copy, and the sums of the epoch so far."""

    def __init__(self, setup: Setup, model: nn.Module) -> None:
        train = setup.recipe.train
        self.setup = setup
        self.model = model
        self.optimizer = build_optimizer(model, train)
        self.schedule = Schedule(setup.recipe.schedule, train.epochs, setup.batches.steps)
        self._encoder = encoder_of(model)
        self.average: nn.Module | None = None
        if train.ema > 0:
            self.average = copy.deepcopy(model).requires_grad_(False)
        half = _PRECISIONS.get(train.precision)
        kind = torch.device(setup.device).type
        self._autocast = torch.autocast(kind, dtype=half, enabled=half is not None)
        self._scaler = torch.amp.GradScaler(kind, enabled=train.precision == "fp16")
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.lost = 0
        classes = len(setup.data.labels)
        self.matrix = torch.zeros(classes, classes, dtype=torch.int64)
        self.loss_sum = 0.0
        self.loss_count = 0

    @property
    def predicting(self) -> nn.Module:
        """The network that is validated and kept: the averaged one where there is one."""
        return self.model if self.average is None else self.average

    @property
    def mean_loss(self) -> float | None:
        """Of the steps of this epoch that were not left out."""
        return self.loss_sum / self.loss_count if self.loss_count else None

    def begin_epoch(self) -> None:
        self.matrix.zero_()
        self.loss_sum, self.loss_count = 0.0, 0

    def step(self, batch: Batch, step: int, factor: float) -> float:
        """One update at `factor` of the highest rate; returns that rate.

        A loss that is not finite changes nothing but a warning; many in a row end the training.
        """
        self.model.train()
        if self._encoder is not None:
            train = self.setup.recipe.train
            frozen = step < train.freeze_epochs * self.setup.batches.steps
            if frozen or train.encoder_lr_factor == 0:
                self._encoder.eval()  # running statistics are part of what is frozen
            if train.freeze_epochs and train.encoder_lr_factor:
                # without a gradient an optimiser leaves a parameter alone, its decay included
                self._encoder.requires_grad_(not frozen)
        rate = set_rates(self.optimizer, factor)
        device = self.setup.device
        images = batch.images.to(device, memory_format=torch.channels_last, non_blocking=True)
        masks = batch.masks.to(device, non_blocking=True)
        # a forward pass changes running statistics, also one that is left out
        buffers = [buffer.clone() for buffer in self.model.buffers()]
        with self._autocast:
            logits = self.model(images)
        loss = self.setup.loss(logits, masks)
        value = float(loss.detach())
        sound = math.isfinite(value)
        if sound:
            torch.autograd.backward(self._scaler.scale(loss))
            self._scaler.unscale_(self.optimizer)
            clip = self.setup.recipe.train.clip_norm or math.inf
            norm = torch.nn.utils.clip_grad_norm_(self.trained, clip)
            # the scaler of fp16 meets infinite gradients itself, and lowers its scale
            sound = self._scaler.is_enabled() or bool(norm.isfinite())
        if not sound:
            for buffer, kept in zip(self.model.buffers(), buffers, strict=True):
                buffer.copy_(kept)
            self._lose(value, step, batch)
            return rate
        self._scaler.step(self.optimizer)
        self._scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            update_average(self.average, self.model, self.setup.recipe.train.ema, step)
        self.lost = 0
        self._count(value, logits.detach(), masks)
        return rate

    def _count(self, loss: float, logits: torch.Tensor, masks: torch.Tensor) -> None:
        classes = self.matrix.shape[0]
        labelled = masks != self.setup.data.labels.ignore_index
        chosen = logits.argmax(dim=1) if logits.shape[1] > 1 else (logits[:, 0] > 0).long()
        cells = masks[labelled] * classes + chosen[labelled]
        counts = torch.bincount(cells, minlength=classes**2).reshape(classes, classes)
        self.matrix += counts.cpu()
        self.loss_sum += loss
        self.loss_count += 1

    def _lose(self, value: float, step: int, batch: Batch) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self.lost += 1
        _log.warning(
            "the loss is %s or its gradient not finite at step %d (%s): the step is left out",
            value,
            step,
            ", ".join(batch.names[:3]),
        )
        if self.lost >= _LOST_IN_A_ROW:
            raise RunError(
                f"loss or gradient were not finite {self.lost} times in a row",
                where=f"step {step}",
                hint="lower --lr, or set train.precision=fp32",
            )

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "schedule": self.schedule.state(),
            "lost": self.lost,
            "matrix": self.matrix,
            "loss_sum": self.loss_sum,
            "loss_count": self.loss_count,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self.schedule.restore(state["schedule"])
        self.lost = state["lost"]
        self.matrix = state["matrix"]
        self.loss_sum, self.loss_count = state["loss_sum"], state["loss_count"]
