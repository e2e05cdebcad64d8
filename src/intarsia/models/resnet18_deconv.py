"""ResNet18 with a decoder of transposed convolutions, with and without skips (R0, HD, 9 classes).

The encoder is ResNet18 (He et al. 2016) without average pooling and classifier; the decoder is that
of a student report whose listed sizes contradict each other: four x2 stages cannot undo a x32
encoder, and taken literally (first stage to 68x119, then 2n - 1 each, a classifier without padding)
a 1080x1920 image comes out as 535x943. Here a fifth stage is added and each stage ends at the very
size that the encoder had at that depth, so that the output has the input's size, whatever it is.
"""

from __future__ import annotations

from itertools import pairwise

import timm
from torch import Tensor, nn

from intarsia.errors import ModelError

PRETRAINED = "resnet18"
"""timm's name of the encoder; torchvision's `resnet18` has the same keys in the same order."""

STRIDE = 1
"""Any height and width: no padding to a multiple is needed around the network."""

_WIDTHS = (512, 256, 128, 64, 32, 32)
_SKIPS = 3


class _UpStage(nn.Module):
    """(B, inputs, h, w) to (B, outputs, height, width) with 2h - 1 <= height <= 2h; width alike."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # `output_padding` only appends a row and a column, and `padding` only cuts one at each
        # end: cut by hand, this is padding 1 with output padding target - (2n - 1). Made too
        # large by two, there is always something to cut, so that an exported graph needs no
        # case for the sizes at which nothing is
        self.transposed = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, output_padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        height, width = target.shape[-2:]
        raised: Tensor = self.transposed(features)[..., 1 : height + 1, 1 : width + 1]
        activated: Tensor = self.activation(self.norm(raised))
        return activated


class ResNet18Deconv(nn.Module):
    """(B, channels, H, W) to logits (B, classes, H, W), any H and W.

    Stages 256, 128, 64, 32, 32 of 3x3 transposed convolutions, then a 3x3 classifier; 12,756,585
    parameters at 9 classes, 11,176,512 of them the encoder's. With `skips` the encoder's maps are
    added to the first three stages, where channels agree; adding needs no parameters.

    `stages=4` is the head as the report lists it (12,747,273 parameters): its logits have half
    the input's size, rounded up, and it is here for that count only.

    >>> import torch
    >>> ResNet18Deconv(9, 3, skips=True).eval()(torch.zeros(1, 3, 33, 65)).shape
    torch.Size([1, 9, 33, 65])

    Raises:
        ModelError: `stages` is neither 4 nor 5.
    """

    def __init__(self, classes: int, channels: int = 3, *, skips: bool, stages: int = 5) -> None:
        super().__init__()
        if stages not in (4, 5):
            raise ModelError(f"{stages} stages", expected="5, or 4 for the head as published")
        self.skips = skips
        self.encoder: nn.Module = timm.create_model(
            PRETRAINED, pretrained=False, features_only=True, in_chans=channels
        )
        widths = _WIDTHS[: stages + 1]
        self.decoder = nn.ModuleList(_UpStage(a, b) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[-1], classes, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        # at 1/2, 1/4, 1/8, 1/16 and 1/32, each rounded up
        *maps, features = self.encoder(images)
        targets = [*reversed(maps), images]
        for index, stage in enumerate(self.decoder):
            features = stage(features, targets[index])
            if self.skips and index < _SKIPS:
                features = features + targets[index]
        logits: Tensor = self.head(features)
        return logits


def resnet18_deconv(classes: int, channels: int = 3) -> nn.Module:
    """The network without skips: (B, channels, H, W) to logits (B, classes, H, W), any size."""
    return ResNet18Deconv(classes, channels, skips=False)


def resnet18_deconv_skip(classes: int, channels: int = 3) -> nn.Module:
    """The network with additive skips: (B, channels, H, W) to logits (B, classes, H, W)."""
    return ResNet18Deconv(classes, channels, skips=True)
