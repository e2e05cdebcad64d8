"""PyTorch as a plain function from images to logits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def torch_network(model: nn.Module, *others: nn.Module, device: str = "cpu") -> Network:
    """float32 (B, C, H, W) to float32 logits (B, K, H, W), by the model in evaluation mode.

    Several models are an ensemble: the logits are those of their mean probabilities.

    >>> network = torch_network(nn.Conv2d(3, 5, 1))
    >>> network(np.zeros((1, 3, 4, 6), np.float32)).shape
    (1, 5, 4, 6)
    """
    models = [
        member.to(device).to(memory_format=torch.channels_last).eval()
        for member in (model, *others)
    ]

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            batch = torch.from_numpy(images).to(device, memory_format=torch.channels_last)
            logits: NDArray[np.float32] = (
                mean_logits([m(batch).float() for m in models]).cpu().numpy()
            )
        return logits

    return run


def mean_logits(logits: list[Tensor]) -> Tensor:
    """Logits of the mean of the probabilities of several (B, K, H, W)."""
    if len(logits) == 1:
        return logits[0]
    if logits[0].shape[1] == 1:
        return torch.logit(torch.stack(logits).sigmoid().mean(dim=0), eps=1e-7)
    # softmax undoes any common factor, so the sum serves as the mean
    return torch.logsumexp(torch.stack(logits).log_softmax(dim=2), dim=0)
