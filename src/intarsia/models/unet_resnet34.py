"""U-Net on ResNet34 (R2's network A), from segmentation_models.pytorch."""

from __future__ import annotations

from segmentation_models_pytorch import Unet
from torch import nn

PRETRAINED = "resnet34"
"""timm's name of the encoder; torchvision's `resnet34` has the same keys."""

STRIDE = 32


def unet_resnet34(classes: int, channels: int = 3) -> nn.Module:
    """(B, channels, H, W) to logits (B, classes, H, W); H and W multiples of 32.

    The encoder of He et al. (2016), 21,284,672 parameters; five levels, decoder 256, 128, 64, 32,
    16, 3,151,552 parameters; a 3x3 head.

    >>> sum(p.numel() for p in unet_resnet34(12).encoder.parameters())
    21284672
    """
    network: nn.Module = Unet(
        "resnet34", encoder_weights=None, in_channels=channels, classes=classes
    )
    return network
