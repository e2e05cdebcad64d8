"""Any height and width: padding inside the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from intarsia.errors import ModelError


class PadToStride(nn.Module):
    """Pads (B, C, H, W) at the right and bottom to a multiple of `stride`, and crops the logits.

    Zeros are the mean color of a normalised image. The size is taken from the input each time,
    so that an exported graph takes any size too. A network that needs `smallest` pixels each way
    refuses fewer.

    >>> import torch
    >>> PadToStride(nn.Identity(), 32)(torch.zeros(1, 3, 33, 65)).shape
    torch.Size([1, 3, 33, 65])

    Raises:
        ModelError: an image below the smallest size.
    """

    def __init__(self, network: nn.Module, stride: int, smallest: int = 1) -> None:
        super().__init__()
        self.network = network
        self.stride = stride
        self.smallest = smallest

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % self.stride, 0, -height % self.stride))
        # a graph that is exported holds no errors, and must not be bound to sizes by one
        if self.smallest > 1 and not torch.compiler.is_compiling():
            self._refuse_small(padded)
        logits: Tensor = self.network(padded)
        return logits[..., :height, :width]

    def _refuse_small(self, padded: Tensor) -> None:
        height, width = padded.shape[-2:]
        if min(height, width) < self.smallest:
            raise ModelError(
                f"{height}x{width} px are too few for {type(self.network).__name__}",
                expected=f"{self.smallest}x{self.smallest} px at least",
                hint="a larger data.image_size, or a model that takes small images, "
                "such as unet, fpn or deeplabv3plus",
            )
