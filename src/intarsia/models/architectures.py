"""Decoders on any timm encoder that fits, from segmentation_models.pytorch.

The one closed list of them is in `intarsia.models`; here is how one is built, tried and refused.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import nn

from intarsia.errors import IntarsiaError, ModelError
from intarsia.models.atrous import Atrous
from intarsia.models.encoders import checked_encoder, feature_strides, made_for_one_size
from intarsia.models.padding import PadToStride

_PYRAMIDS = ("resnet34", "efficientnet_b0", "convnext_tiny", "swin_tiny_patch4_window7_224")
_DILATED = ("resnet34", "resnet50", "efficientnet_b0", "convnext_tiny", "xception41")
_PLAIN = ("vit_tiny_patch16_224", "vit_small_patch16_224", "deit_small_patch16_224")

# what timm and the decoders raise when they do not fit each other
_MISFITS = (RuntimeError, ValueError, TypeError, AssertionError, AttributeError, LookupError)


@dataclass(frozen=True)
class AnyEncoder:
    """One decoder, the timm encoder it has by default, and a few that fit it.

    `plain` decoders take vision transformers whose maps all have one size, the others a pyramid.
    `output_stride` is that of DeepLab by default, None for decoders that do not dilate.
    `smallest` is the least height and width that the decoder's poolings leave something of.
    """

    decoder: Callable[..., nn.Module]
    encoder: str
    fits: tuple[str, ...] = _PYRAMIDS
    stride: int = 32
    output_stride: int | None = None
    smallest: int = 1
    plain: bool = False


ARCHITECTURES: dict[str, AnyEncoder] = {
    "deeplabv3": AnyEncoder(smp.DeepLabV3, "resnet34", _DILATED, output_stride=16),
    "deeplabv3plus": AnyEncoder(smp.DeepLabV3Plus, "resnet34", _DILATED, output_stride=16),
    "dpt": AnyEncoder(smp.DPT, "vit_small_patch16_224", _PLAIN, plain=True),
    "fpn": AnyEncoder(smp.FPN, "resnet34"),
    "linknet": AnyEncoder(smp.Linknet, "resnet34"),
    "manet": AnyEncoder(smp.MAnet, "resnet34"),
    "pan": AnyEncoder(smp.PAN, "resnet34", _DILATED, smallest=128),
    "pspnet": AnyEncoder(smp.PSPNet, "resnet34"),
    "segformer": AnyEncoder(smp.Segformer, "pvt_v2_b2"),
    "unet": AnyEncoder(smp.Unet, "resnet34"),
    "unetplusplus": AnyEncoder(smp.UnetPlusPlus, "resnet34"),
    "upernet": AnyEncoder(smp.UPerNet, "convnext_tiny"),
}


def build_architecture(
    name: str, encoder: str, classes: int, channels: int, atrous: Atrous | None
) -> PadToStride:
    """A decoder of `ARCHITECTURES` on a timm encoder: (B, channels, H, W) to (B, classes, H, W).

    It is tried on one small image, so that what does not fit is refused here and not in training.

    Raises:
        ModelError: an unknown encoder, or one that does not fit; some that do are named.
    """
    architecture = ARCHITECTURES[name]
    checked_encoder(encoder)
    strides = feature_strides(encoder)
    plain = strides is not None and len(set(strides)) == 1
    if strides is not None and plain != architecture.plain:
        raise _misfit(name, encoder, _SHAPES[plain])
    if plain and strides is not None and architecture.stride % strides[0]:
        raise _misfit(name, encoder, f"its patches of {strides[0]} px do not divide 32")
    options: dict[str, Any] = {"encoder_weights": None, "in_channels": channels, "classes": classes}
    if atrous is not None:
        options["encoder_output_stride"] = atrous.output_stride
        options["decoder_atrous_rates"] = atrous.rates
    try:
        network = _created(architecture, encoder, options)
    except torch.OutOfMemoryError:
        raise
    except _MISFITS as error:
        raise _misfit(name, encoder, _reason(encoder, error)) from error
    stride = architecture.stride if atrous is None else atrous.output_stride
    padded = PadToStride(network, stride, smallest=architecture.smallest)
    _try(padded, name, encoder, channels)
    return padded


_SHAPES = {
    True: "it is a plain vision transformer, its maps all have one size: no pyramid",
    False: "it gives a pyramid of maps, and this decoder wants a plain vision transformer",
}


def _created(architecture: AnyEncoder, encoder: str, options: dict[str, Any]) -> nn.Module:
    """The network; transformers made for one image size are asked, each its way, to take any."""
    if architecture.plain:
        # without the classifier, which nothing would train
        return architecture.decoder(
            f"tu-{encoder}", dynamic_img_size=True, num_classes=0, **options
        )
    if made_for_one_size(encoder):
        with suppress(TypeError):
            return architecture.decoder(f"tu-{encoder}", strict_img_size=False, **options)
    return architecture.decoder(f"tu-{encoder}", **options)


def _try(network: PadToStride, name: str, encoder: str, channels: int) -> None:
    # an odd number of cells each way: window transformers must pad them
    height, width = (max(n * network.stride, network.smallest) for n in (3, 5))
    network.eval()
    try:
        with torch.no_grad():
            given = network(torch.zeros(1, channels, height, width)).shape[-2:]
    except IntarsiaError:
        raise
    except _MISFITS as error:
        raise _misfit(name, encoder, _reason(encoder, error)) from error
    if given != (height, width):
        raise _misfit(name, encoder, f"{height}x{width} px come out as {given[0]}x{given[1]}")
    network.train()


def _misfit(name: str, encoder: str, reason: str) -> ModelError:
    architecture = ARCHITECTURES[name]
    return ModelError(
        f'"{encoder}" does not fit {name}: {reason}',
        where="model.encoder",
        expected=f"such as {', '.join(architecture.fits)}",
        hint=None if architecture.plain else f"plain vision transformers fit {_for_plain()}",
    )


def _for_plain() -> str:
    return ", ".join(name for name, each in ARCHITECTURES.items() if each.plain)


def _reason(encoder: str, error: BaseException) -> str:
    if "output_stride" in str(error):
        return "its strides cannot become dilations (output stride)"
    text = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
    return f"it takes images of one size only ({text})" if made_for_one_size(encoder) else text
