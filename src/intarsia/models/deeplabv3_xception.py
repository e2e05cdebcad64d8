"""DeepLabV3 (Chen et al. 2017) on Xception (R2's network B), from segmentation_models.pytorch.

The encoder is timm's `xception41`, the aligned Xception of the DeepLab authors (Chen et al. 2018):
its last blocks become atrous, a dilation in place of a stride. Chollet's own `xception` cannot.
"""

from __future__ import annotations

from segmentation_models_pytorch import DeepLabV3
from torch import nn

from intarsia.models.atrous import Atrous

PRETRAINED = "xception41"

OUTPUT_STRIDE = 16
"""As the reference report is run here: 8 keeps twice the resolution at about three times the work.

A training size of 128 px gives a map of 8x8 (16x16 at output stride 8): rates above 7 (15) then
see only padding around their middle. The historical recipe keeps the usual 6, 12, 18 all the same.
"""


def deeplabv3_xception(classes: int, channels: int, atrous: Atrous) -> nn.Module:
    """(B, channels, H, W) to logits (B, classes, H, W); H and W multiples of the output stride.

    ASPP of a 1x1, three 3x3 at the three rates, and image pooling, 256 channels each; a 1x1 head
    and bilinear upsampling.

    >>> network = deeplabv3_xception(12, 3, Atrous(16, (6, 12, 18)))
    >>> network.get_submodule("encoder.model.blocks_12.stack.conv1.conv_dw").dilation
    (2, 2)
    """
    network: nn.Module = DeepLabV3(
        f"tu-{PRETRAINED}",
        encoder_weights=None,
        encoder_output_stride=atrous.output_stride,
        decoder_atrous_rates=atrous.rates,
        in_channels=channels,
        classes=classes,
    )
    return network
