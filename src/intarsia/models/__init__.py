"""Networks: one closed table from name to builder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from intarsia.errors import ModelError, did_you_mean
from intarsia.models import (
    conv_unet,
    deeplabv3_xception,
    deeplabv3plus_resnet34,
    inception_unet,
    mini_unet,
    mobilenetv2_pix2pix_unet,
    resnet18_deconv,
    unet_mobilenetv2,
    unet_resnet34,
)
from intarsia.models.architectures import ARCHITECTURES, AnyEncoder, build_architecture
from intarsia.models.atrous import Atrous, atrous
from intarsia.models.encoders import Statistics, checked_encoder, encoder_statistics
from intarsia.models.padding import PadToStride
from intarsia.models.weights import (
    PRETRAINED,
    load_encoder_weights,
    load_model_weights,
    pretrained_encoder,
    read_state,
)

__all__ = [
    "architecture_names",
    "build_model",
    "check_names",
    "encoder_of",
    "fill_encoder",
    "load_encoder_weights",
    "load_model_weights",
    "model_names",
    "parameter_count",
    "preset_names",
    "pretrained_encoder",
    "pretrained_name",
    "pretrained_statistics",
    "read_state",
]


@dataclass(frozen=True)
class Preset:
    """A network as published: `build(classes, channels)`, its stride, its encoder's timm name.

    `encoder` is None for a network that is trained from scratch.
    """

    build: Callable[[int, int], nn.Module]
    stride: int
    encoder: str | None = None


@dataclass(frozen=True)
class AtrousPreset:
    """A DeepLab as published: `build(classes, channels, atrous)`, its defaults."""

    build: Callable[[int, int, Atrous], nn.Module]
    output_stride: int
    encoder: str


Architecture = Preset | AtrousPreset | AnyEncoder

_MODELS: dict[str, Architecture] = {
    "conv-unet": Preset(conv_unet.conv_unet, conv_unet.STRIDE),
    "conv-unet-3x3": Preset(conv_unet.conv_unet_3x3, conv_unet.STRIDE),
    "deeplabv3-xception": AtrousPreset(
        deeplabv3_xception.deeplabv3_xception,
        deeplabv3_xception.OUTPUT_STRIDE,
        deeplabv3_xception.PRETRAINED,
    ),
    "deeplabv3plus-resnet34": AtrousPreset(
        deeplabv3plus_resnet34.deeplabv3plus_resnet34,
        deeplabv3plus_resnet34.OUTPUT_STRIDE,
        deeplabv3plus_resnet34.PRETRAINED,
    ),
    "inception-unet": Preset(inception_unet.inception_unet, inception_unet.STRIDE),
    "mini-unet": Preset(mini_unet.MiniUNet, mini_unet.STRIDE),
    "mobilenetv2-pix2pix-unet": Preset(
        mobilenetv2_pix2pix_unet.mobilenetv2_pix2pix_unet,
        mobilenetv2_pix2pix_unet.STRIDE,
        PRETRAINED,
    ),
    "resnet18-deconv": Preset(
        resnet18_deconv.resnet18_deconv, resnet18_deconv.STRIDE, resnet18_deconv.PRETRAINED
    ),
    "resnet18-deconv-skip": Preset(
        resnet18_deconv.resnet18_deconv_skip, resnet18_deconv.STRIDE, resnet18_deconv.PRETRAINED
    ),
    "unet-mobilenetv2": Preset(
        unet_mobilenetv2.unet_mobilenetv2, unet_mobilenetv2.STRIDE, PRETRAINED
    ),
    "unet-resnet34": Preset(
        unet_resnet34.unet_resnet34, unet_resnet34.STRIDE, unet_resnet34.PRETRAINED
    ),
    **ARCHITECTURES,
}


def model_names() -> list[str]:
    """Every name `build_model` takes: presets and architectures."""
    return sorted(_MODELS)


def architecture_names() -> list[str]:
    """The names that take any fitting `encoder`.

    >>> ", ".join(architecture_names()[:4])
    'deeplabv3, deeplabv3plus, dpt, fpn'
    """
    return [name for name in model_names() if isinstance(_MODELS[name], AnyEncoder)]


def preset_names() -> list[str]:
    """The names of networks as published, whose encoder, if they have one, is fixed."""
    return [name for name in model_names() if not isinstance(_MODELS[name], AnyEncoder)]


def build_model(
    name: str,
    *,
    classes: int,
    channels: int = 3,
    encoder: str | None = None,
    output_stride: int | None = None,
    atrous_rates: Sequence[int] | None = None,
    weights: str | Path | None = None,
) -> nn.Module:
    """A network with random weights: (B, channels, H, W) to logits (B, classes, H, W), any H, W.

    `classes=1` gives one sigmoid logit for two classes. Architectures take any timm `encoder` that
    fits, presets none. DeepLab networks take `output_stride` (8 or 16) and three `atrous_rates`.
    `weights` fills the encoder: "imagenet" or a weights file.

    >>> parameter_count(build_model("mini-unet", classes=6))
    31037958

    Raises:
        ModelError: an unknown name, an encoder that does not fit or is fixed, strides or rates for
            a network that has none, counts below 1, or weights that do not fit.
    """
    architecture = _architecture(name)
    if classes < 1 or channels < 1:
        raise ModelError(
            f"{classes} classes and {channels} channels", expected="at least one of each"
        )
    if encoder is not None and not isinstance(architecture, AnyEncoder):
        raise ModelError(
            f'"{name}" is a preset: its encoder is fixed',
            where=f"model.encoder = {encoder}",
            hint=f"leave model.encoder out, or take one of {', '.join(architecture_names())}",
        )
    dilation = _dilation(name, output_stride, atrous_rates)
    model: nn.Module
    if isinstance(architecture, AnyEncoder):
        model = build_architecture(
            name, encoder or architecture.encoder, classes, channels, dilation
        )
    elif isinstance(architecture, AtrousPreset):
        chosen = dilation or atrous(architecture.output_stride, None)
        model = PadToStride(architecture.build(classes, channels, chosen), chosen.output_stride)
    else:
        model = PadToStride(architecture.build(classes, channels), architecture.stride)
    if weights is not None:
        fill_encoder(model, name, encoder, str(weights))
    return model


def check_names(name: str, encoder: str | None = None) -> None:
    """Raises ModelError where there is no such model or encoder; nothing is built."""
    _architecture(name)
    if encoder is not None:
        checked_encoder(encoder)


def _architecture(name: str) -> Architecture:
    if name not in _MODELS:
        raise ModelError(f'no model "{name}"', hint=did_you_mean(name, model_names()))
    return _MODELS[name]


def _dilation(name: str, output_stride: int | None, rates: Sequence[int] | None) -> Atrous | None:
    default = _output_stride(name)
    if default is not None:
        return atrous(default if output_stride is None else output_stride, rates)
    if output_stride is not None or rates is not None:
        takers = [each for each in model_names() if _output_stride(each) is not None]
        key = "output_stride" if output_stride is not None else "atrous_rates"
        raise ModelError(
            f'"{name}" has no atrous convolutions to set',
            where=f"model.{key}",
            expected=f"one of {', '.join(takers)}",
        )
    return None


def _output_stride(name: str) -> int | None:
    architecture = _MODELS[name]
    return None if isinstance(architecture, Preset) else architecture.output_stride


def pretrained_name(name: str, encoder: str | None = None) -> str | None:
    """timm's name of the encoder of a model, None where the model has none.

    >>> pretrained_name("unet-resnet34"), pretrained_name("unet", "convnext_tiny")
    ('resnet34', 'convnext_tiny')
    """
    return encoder or _architecture(name).encoder


def pretrained_statistics(name: str, encoder: str | None = None) -> Statistics | None:
    """Mean and standard deviation (in 0..1, RGB) that the encoder's ImageNet weights expect.

    None where the model has no encoder.
    """
    pretrained = pretrained_name(name, encoder)
    return None if pretrained is None else encoder_statistics(pretrained)


def fill_encoder(model: nn.Module, name: str, encoder: str | None, source: str) -> list[str]:
    """Fills the encoder of `build_model(name, encoder=encoder)`; returns what to say aloud.

    `source` is "imagenet", which is timm's own file, or the path of a weights file.

    Raises:
        ModelError: a network without an encoder, a missing file, or weights that do not fit.
    """
    part, pretrained = encoder_of(model), pretrained_name(name, encoder)
    if part is None or pretrained is None:
        raise ModelError(
            f'"{name}" is trained from scratch: it has no encoder to fill',
            where=f"train.weights = {source}",
            hint="--weights none, or a run of the same model",
        )
    if source == "imagenet":
        state = pretrained_encoder(pretrained)
        said = f"ImageNet ({pretrained})"
    else:
        state, said = read_state(Path(source)), source
    return load_encoder_weights(part, state, pretrained=pretrained, source=said)


def encoder_of(model: nn.Module) -> nn.Module | None:
    """The part that pretrained weights fill, or None where there is none."""
    network = model.network if isinstance(model, PadToStride) else model
    encoder = getattr(network, "encoder", None)
    return encoder if isinstance(encoder, nn.Module) else None


def parameter_count(model: nn.Module) -> int:
    """Trainable and frozen parameters, without buffers."""
    return sum(p.numel() for p in model.parameters())
