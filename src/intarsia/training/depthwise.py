"""Depthwise convolutions that stay in fp32 while the rest of a network trains in bf16 on a CPU."""

from __future__ import annotations

import torch
from torch import nn


class _Fp32Conv2d(nn.Conv2d):
    """A convolution that autocast leaves alone."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(images.device.type, enabled=False):
            return super().forward(images.float())


def keep_depthwise_fp32(model: nn.Module) -> int:
    """Takes the slow depthwise convolutions of `model` out of autocast; returns how many.

    On processors that compute bf16, one training step of a depthwise convolution with a stride,
    a dilation or kernels other than 3x3 takes two to ten times as long as in fp32: its gradients
    have no fast kernel (`benchmarks/precision.py`). Parameters and their names stay as they are.

    >>> model = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2, groups=4), nn.Conv2d(4, 8, 1))
    >>> keep_depthwise_fp32(model)
    1
    """
    slow = [module for module in model.modules() if type(module) is nn.Conv2d and _is_slow(module)]
    for convolution in slow:
        # the class alone changes: a module put around it would rename its parameters
        convolution.__class__ = _Fp32Conv2d
    return len(slow)


def _is_slow(convolution: nn.Conv2d) -> bool:
    depthwise = convolution.groups == convolution.in_channels > 1
    fast = (
        convolution.kernel_size in {(3, 3), (1, 1)}
        and max(convolution.stride) == 1
        and max(convolution.dilation) == 1
    )
    return depthwise and not fast
