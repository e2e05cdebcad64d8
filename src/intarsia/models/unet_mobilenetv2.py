"""U-Net on MobileNetV2 (Sandler et al. 2018), from segmentation_models.pytorch."""

from __future__ import annotations

from segmentation_models_pytorch import Unet
from torch import nn

STRIDE = 32


def unet_mobilenetv2(classes: int, channels: int = 3) -> nn.Module:
    """(B, channels, H, W) to logits (B, classes, H, W); H and W multiples of 32.

    Five levels, decoder 256, 128, 64, 32, 16; 6,629,670 parameters at 6 classes.
    """
    network: nn.Module = Unet(
        "mobilenet_v2", encoder_weights=None, in_channels=channels, classes=classes
    )
    return network
