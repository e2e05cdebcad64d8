"""PyTorch as a plain function from images to logits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def torch_network(model: nn.Module, device: str = "cpu") -> Network:
    """float32 (B, C, H, W) to float32 logits (B, K, H, W), by the model in evaluation mode.

    >>> network = torch_network(nn.Conv2d(3, 5, 1))
    >>> network(np.zeros((1, 3, 4, 6), np.float32)).shape
    (1, 5, 4, 6)
    """
    model = model.to(device).to(memory_format=torch.channels_last).eval()

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            batch = torch.from_numpy(images).to(device, memory_format=torch.channels_last)
            logits: NDArray[np.float32] = model(batch).float().cpu().numpy()
        return logits

    return run
