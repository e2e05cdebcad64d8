"""U-Net of inception blocks for lungs in CT (R4), after Szegedy et al. 2016 (Inception-v4).

The frame is that of `conv_unet`; each block there is one convolution, here four branches side by
side. Its 1x1 convolutions are not those of the published `conv-unet`: they only bring the channels
down before the 3x3 kernels and the pooling, which do look at neighbors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from intarsia.models.conv_unet import STRIDE as STRIDE
from intarsia.models.conv_unet import PooledSkipUNet, normed_convolution

_BRANCHES = 4


class InceptionBlock(nn.Module):
    """(B, inputs, H, W) to (B, outputs, H, W), a quarter of the outputs from each branch.

    1x1, 3x3, 3x3; 1x1, 3x3; 1x1; 2x2 max-pooling with stride 1, then 1x1. Batch norm and LeakyReLU
    after every convolution.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        filters = outputs // _BRANCHES
        self.deep = nn.Sequential(
            normed_convolution(inputs, filters, 1),
            normed_convolution(filters, filters, 3),
            normed_convolution(filters, filters, 3),
        )
        self.shallow = nn.Sequential(
            normed_convolution(inputs, filters, 1), normed_convolution(filters, filters, 3)
        )
        self.point = normed_convolution(inputs, filters, 1)
        self.pooled = normed_convolution(inputs, filters, 1)

    def forward(self, features: Tensor) -> Tensor:
        # Keras' "same" pads a 2x2 window at the right and bottom only: pad all around, where
        # max-pooling ignores what is padded, and drop the first row and column
        pooled = F.max_pool2d(features, 2, stride=1, padding=1)[..., 1:, 1:]
        branches = [
            self.deep(features),
            self.shallow(features),
            self.point(features),
            self.pooled(pooled),
        ]
        return torch.cat(branches, dim=1)


def inception_unet(classes: int, channels: int = 3) -> nn.Module:
    """The network with random weights: (B, channels, H, W) to logits (B, classes, H, W).

    Filters 8, 16, 32, 64 | 64 | 32, 16, 8 a branch; 472,529 parameters at one logit, 475,889 with
    the running statistics of the batch norms. H and W multiples of 16.

    >>> inception_unet(1).eval()(torch.zeros(1, 3, 16, 32)).shape
    torch.Size([1, 1, 16, 32])
    """
    return PooledSkipUNet(classes, channels, InceptionBlock)
