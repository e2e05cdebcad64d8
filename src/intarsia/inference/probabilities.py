"""From logits to probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ModelError

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def apply_network(network: Network, batch: NDArray[np.float32], flip: bool) -> NDArray[np.float32]:
    """(B, C, H, W) to probabilities (B, K, H, W); `flip` averages with the mirrored batch."""
    probabilities = _probabilities(network(batch), batch.shape)
    if flip:
        mirrored = _probabilities(network(np.ascontiguousarray(batch[:, :, :, ::-1])), batch.shape)
        probabilities += mirrored[:, :, :, ::-1]
        probabilities *= 0.5
    return probabilities


def _probabilities(logits: NDArray[np.float32], given: tuple[int, ...]) -> NDArray[np.float32]:
    if logits.ndim != 4 or logits.shape[0] != given[0] or logits.shape[2:] != given[2:]:
        raise ModelError(
            f"the network turned {given} into {logits.shape}",
            expected=f"({given[0]}, classes, {given[2]}, {given[3]})",
        )
    if not np.isfinite(logits).all():
        raise ModelError(
            "the network gives values that are not finite",
            hint="its weights are damaged, or its training diverged (lower --lr)",
        )
    values = logits.astype(np.float32, copy=True)
    if values.shape[1] == 1:
        # the sigmoid of a logit is the softmax of (0, logit)
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    values -= values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)
    return values
