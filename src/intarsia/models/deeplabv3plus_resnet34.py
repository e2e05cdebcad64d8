"""DeepLabV3+ (Chen et al. 2018) on ResNet34, from segmentation_models.pytorch."""

from __future__ import annotations

from segmentation_models_pytorch import DeepLabV3Plus
from torch import nn

from intarsia.models.atrous import Atrous

PRETRAINED = "resnet34"
"""timm's name of the encoder; torchvision's `resnet34` has the same keys."""

OUTPUT_STRIDE = 16


def deeplabv3plus_resnet34(classes: int, channels: int, atrous: Atrous) -> nn.Module:
    """(B, channels, H, W) to logits (B, classes, H, W); H and W multiples of the output stride.

    Separable ASPP of 256 channels, joined at a quarter of the size by 48 channels of the encoder.
    """
    network: nn.Module = DeepLabV3Plus(
        "resnet34",
        encoder_weights=None,
        encoder_output_stride=atrous.output_stride,
        decoder_atrous_rates=atrous.rates,
        in_channels=channels,
        classes=classes,
    )
    return network
