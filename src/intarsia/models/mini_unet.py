"""The mini network: a U-Net from scratch (Ronneberger et al. 2015), 31 million parameters."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

_WIDTHS = (64, 128, 256, 512)
_BOTTLENECK = 1024
STRIDE = 2 ** len(_WIDTHS)


def _double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class MiniUNet(nn.Module):
    """(B, channels, H, W) to logits (B, classes, H, W); H and W multiples of 16.

    Encoder 64/128/256/512, bottleneck 1024, 2x2 max-pooling; decoder of 2x2 transposed
    convolutions, concatenated skips and double convolutions; a 1x1 head.
    """

    def __init__(self, classes: int, channels: int = 3) -> None:
        super().__init__()
        ends = (channels, *_WIDTHS)
        self.down = nn.ModuleList(_double_convolution(a, b) for a, b in pairwise(ends))
        self.pool = nn.MaxPool2d(2)
        self.bottleneck = _double_convolution(_WIDTHS[-1], _BOTTLENECK)
        widths = _WIDTHS[::-1]
        self.ups = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths)
        self.decoder = nn.ModuleList(_double_convolution(2 * w, w) for w in widths)
        self.head = nn.Conv2d(_WIDTHS[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        skips = []
        features = images
        for block in self.down:
            features = block(features)
            skips.append(features)
            features = self.pool(features)
        features = self.bottleneck(features)
        for up, block, skip in zip(self.ups, self.decoder, reversed(skips), strict=True):
            features = block(torch.cat([skip, up(features)], dim=1))
        logits: Tensor = self.head(features)
        return logits
