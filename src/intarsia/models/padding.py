"""Any height and width: padding inside the network."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class PadToStride(nn.Module):
    """Pads (B, C, H, W) at the right and bottom to a multiple of `stride`, and crops the logits.

    Zeros are the mean colour of a normalised image. The size is taken from the input each time,
    so that an exported graph takes any size too.

    >>> import torch
    >>> PadToStride(nn.Identity(), 32)(torch.zeros(1, 3, 33, 65)).shape
    torch.Size([1, 3, 33, 65])
    """

    def __init__(self, network: nn.Module, stride: int) -> None:
        super().__init__()
        self.network = network
        self.stride = stride

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % self.stride, 0, -height % self.stride))
        logits: Tensor = self.network(padded)
        return logits[..., :height, :width]
