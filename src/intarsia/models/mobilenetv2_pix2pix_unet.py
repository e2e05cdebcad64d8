"""MobileNetV2 U-Net with the up blocks of pix2pix (R1, Oxford-IIIT Pet).

The network of TensorFlow's segmentation tutorial: MobileNetV2 (Sandler et al. 2018) cut after the
last block's projection, raised by the transposed convolutions of pix2pix (Isola et al. 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

STRIDE = 32

UNUSED = ("features.17.conv.3.", "features.18.")
"""Prefixes of torchvision's MobileNetV2 trunk that this cut trunk does not have: the batch norm
of the last projection and the 1280-channel convolution after it."""

_PROJECTION = 17
_TAPS = {2: 96, 4: 144, 7: 192, 14: 576}
_BOTTOM = 320
_UPS = (512, 256, 128, 64)
_INIT_STD = 0.02


class MobileNetV2Taps(nn.Module):
    """(B, channels, H, W) to five maps, at 1/2, 1/4, 1/8, 1/16 (expansions) and 1/32 (projection).

    96, 144, 192, 576 and 320 channels: after the ReLU6 of the expansions of blocks 1, 3, 6 and 13
    as Keras counts them, and the projection of block 16 before its batch norm. The names of the
    parameters are torchvision's (`features.0.0.weight`, ...).
    """

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        # Keras' block N is torchvision's features[N + 1]
        self.features: nn.Sequential = mobilenet_v2(weights=None).features[: _PROJECTION + 1]
        projection = self.features[_PROJECTION]
        projection.conv = projection.conv[:-1]
        if channels != 3:
            first = nn.Conv2d(channels, 32, 3, stride=2, padding=1, bias=False)
            nn.init.kaiming_normal_(first.weight, mode="fan_out")
            self.features[0][0] = first

    def forward(self, images: Tensor) -> list[Tensor]:
        taps = []
        features = images
        for index, block in enumerate(self.features):
            if index in _TAPS:
                # these four blocks halve the size, so that none of them adds its input
                expand, *rest = block.get_submodule("conv").children()
                features = expand(features)
                taps.append(features)
                for layer in rest:
                    features = layer(features)
            else:
                features = block(features)
        return [*taps, features]


class _UpBlock(nn.Sequential):
    """(B, inputs, h, w) to (B, outputs, 2h, 2w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        # Keras' "same" cuts the odd last row; padding 1 cuts the first one, which fits
        # torchvision's encoder: its stride-2 convolutions pad by 1 on both sides
        transposed = nn.ConvTranspose2d(
            inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False
        )
        nn.init.normal_(transposed.weight, 0.0, _INIT_STD)
        super().__init__(transposed, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class MobileNetV2Pix2PixUNet(nn.Module):
    """(B, channels, H, W) to logits (B, classes, H, W); H and W multiples of 32.

    Up blocks 512, 256, 128 and 64, each followed by the tap of its size as [up, tap]; the head is
    one more 3x3 transposed convolution, with a bias. 6,504,227 numbers at 3 classes as Keras
    counts them, with the running statistics of the batch norms; the report freezes the encoder.

    >>> import torch
    >>> MobileNetV2Pix2PixUNet(3).eval()(torch.zeros(1, 3, 32, 64)).shape
    torch.Size([1, 3, 32, 64])
    """

    def __init__(self, classes: int, channels: int = 3) -> None:
        super().__init__()
        self.encoder = MobileNetV2Taps(channels)
        inputs = _BOTTOM
        blocks = []
        for outputs, tapped in zip(_UPS, reversed(_TAPS.values()), strict=True):
            blocks.append(_UpBlock(inputs, outputs))
            inputs = outputs + tapped
        self.decoder = nn.ModuleList(blocks)
        self.head = nn.ConvTranspose2d(inputs, classes, 3, stride=2, padding=1, output_padding=1)

    def forward(self, images: Tensor) -> Tensor:
        *taps, features = self.encoder(images)
        for up, tap in zip(self.decoder, reversed(taps), strict=True):
            features = torch.cat([up(features), tap], dim=1)
        logits: Tensor = self.head(features)
        return logits


def mobilenetv2_pix2pix_unet(classes: int, channels: int = 3) -> nn.Module:
    """The network with random weights: (B, channels, H, W) to logits (B, classes, H, W)."""
    return MobileNetV2Pix2PixUNet(classes, channels)
