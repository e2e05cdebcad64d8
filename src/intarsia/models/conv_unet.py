"""The plain U-Net for lungs in CT (R4): 1x1 kernels as published, 3x3 as the corrected variant.

What the 1x1 kernels mean: no convolution but the head's 3x3 sees a neighbor. A position learns of
others only through the four 2x2 max-poolings and the nearest upsampling back, that is of the
maxima over the aligned blocks of 2, 4, 8 and 16 pixels that it lies in, and of the same blocks of
the pixels next to it (head). Edges, texture and place are out of reach; brightness is not. Most of
the published parameters thus only mix channels.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

STRIDE = 16
"""Four poolings: the bottleneck works at 1/16."""

_WIDTHS = (32, 64, 128, 256)
_SLOPE = 0.3


class PooledSkipUNet(nn.Module):
    """(B, channels, H, W) to logits (B, classes, H, W); H and W multiples of 16.

    The frame of both networks of the report: four blocks, each with a 2x2 max-pooling, a
    bottleneck and three blocks upwards, nearest upsampling, a 3x3 head. What is concatenated, as
    [up, skip], is the maps *after* the poolings 3, 2 and 1 and the first block's own: 384, 192, 96
    and 64 channels. `block(inputs, outputs)` makes one block that keeps height and width.
    """

    def __init__(self, classes: int, channels: int, block: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        first, *others, last = _WIDTHS
        self.down = nn.ModuleList(block(a, b) for a, b in pairwise((channels, *_WIDTHS)))
        self.pool = nn.MaxPool2d(2)
        self.bottleneck = block(last, last)
        ends = (last, *reversed(others), first)
        self.up = nn.ModuleList(block(a + b, b) for a, b in pairwise(ends))
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(2 * first, classes, 3, padding=1)
        for name, parameter in self.named_parameters():
            # as the report's code draws kernels; biases start at zero in Keras
            if parameter.ndim == 4:
                nn.init.xavier_normal_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, images: Tensor) -> Tensor:
        features = self.down[0](images)
        skips = [features]
        for block in self.down[1:]:
            features = self.pool(features)
            skips.append(features)
            features = block(features)
        # the maps after poolings 1 to 3; the fourth goes into the bottleneck alone
        features = self.bottleneck(self.pool(features))
        full, *pooled = skips
        for block, skip in zip(self.up, reversed(pooled), strict=True):
            features = block(torch.cat([self.upsample(features), skip], dim=1))
        logits: Tensor = self.head(torch.cat([self.upsample(features), full], dim=1))
        return logits


def normed_convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, LeakyReLU of slope 0.3 (Keras' default)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(_SLOPE, inplace=True),
    )


def conv_unet(classes: int, channels: int = 3) -> nn.Module:
    """The network as published, 1x1 kernels: (B, channels, H, W) to logits (B, classes, H, W).

    One convolution a block; 176,609 parameters at one logit, 178,529 with the running statistics
    of the batch norms, which the report counts. H and W multiples of 16.
    """
    return PooledSkipUNet(classes, channels, lambda a, b: normed_convolution(a, b, 1))


def conv_unet_3x3(classes: int, channels: int = 3) -> nn.Module:
    """The corrected variant, 3x3 kernels: (B, channels, H, W) to logits (B, classes, H, W).

    1,563,745 numbers at one logit, counted as above. H and W multiples of 16.
    """
    return PooledSkipUNet(classes, channels, lambda a, b: normed_convolution(a, b, 3))
