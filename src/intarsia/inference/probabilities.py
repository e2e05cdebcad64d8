"""From logits to probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ModelError, RecipeError

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def apply_network(
    network: Network, batch: NDArray[np.float32], flip: bool, scales: Sequence[float] = (1.0,)
) -> NDArray[np.float32]:
    """(B, C, H, W) to probabilities (B, K, H, W), the mean over copies of the batch.

    With `flip` each copy is averaged with its mirror image. A copy is the batch with its sides
    times one of the `scales`, rounded; its probabilities are brought back to H x W. The network
    never sees more pixels at once than there are in the batch, or than one image's copy has.
    """
    total: NDArray[np.float32] | None = None
    for scale in scales:
        found = _at_scale(network, batch, flip, scale)
        total = found if total is None else np.add(total, found, out=total)
    if total is None:
        raise RecipeError("there are no scales to predict at", where="predict.scales")
    if len(scales) > 1:
        total /= len(scales)
    return total


def _at_scale(
    network: Network, batch: NDArray[np.float32], flip: bool, scale: float
) -> NDArray[np.float32]:
    count, _, height, width = batch.shape
    scaled = max(1, round(height * scale)), max(1, round(width * scale))
    if scaled == (height, width):
        return _flipped(network, batch, flip)
    step = max(1, count * height * width // (scaled[0] * scaled[1]))
    parts = [
        _resized(_flipped(network, _resized(batch[i : i + step], scaled), flip), (height, width))
        for i in range(0, count, step)
    ]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _resized(planes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(B, C, h, w) at another (height, width): bilinear, or means of areas where it shrinks."""
    count, channels = planes.shape[:2]
    shrinks = size[0] * size[1] < planes.shape[2] * planes.shape[3]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    result = np.empty((count, channels, *size), np.float32)
    # plane by plane: OpenCV wants channels last, and only so many of them
    for place in np.ndindex(count, channels):
        plane = np.ascontiguousarray(planes[place])
        result[place] = cv2.resize(plane, (size[1], size[0]), interpolation=how)
    return result


def _flipped(network: Network, batch: NDArray[np.float32], flip: bool) -> NDArray[np.float32]:
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
