"""Networks: one closed table from name to builder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from intarsia.errors import ModelError, did_you_mean
from intarsia.models.mini_unet import STRIDE as MINI_STRIDE
from intarsia.models.mini_unet import MiniUNet
from intarsia.models.padding import PadToStride
from intarsia.models.unet_mobilenetv2 import STRIDE as MOBILENET_STRIDE
from intarsia.models.unet_mobilenetv2 import unet_mobilenetv2
from intarsia.models.weights import (
    PRETRAINED,
    load_encoder_weights,
    load_model_weights,
    pretrained_encoder,
    read_state,
)

__all__ = [
    "Architecture",
    "build_model",
    "encoder_of",
    "load_encoder_weights",
    "load_model_weights",
    "model_names",
    "parameter_count",
    "pretrained_encoder",
    "pretrained_name",
    "read_state",
]


@dataclass(frozen=True)
class Architecture:
    """How to build one network: `build(classes, channels)`, its stride, its timm encoder."""

    build: Callable[[int, int], nn.Module]
    stride: int
    pretrained: str | None


_MODELS: dict[str, Architecture] = {
    "mini-unet": Architecture(MiniUNet, MINI_STRIDE, None),
    "unet-mobilenetv2": Architecture(unet_mobilenetv2, MOBILENET_STRIDE, PRETRAINED),
}


def model_names() -> list[str]:
    """Every name `build_model` takes."""
    return sorted(_MODELS)


def build_model(
    name: str, *, classes: int, channels: int = 3, encoder: str | None = None
) -> nn.Module:
    """A network with random weights: (B, channels, H, W) to logits (B, classes, H, W), any H, W.

    `classes=1` gives one sigmoid logit for two classes.

    >>> parameter_count(build_model("mini-unet", classes=6))
    31037958

    Raises:
        ModelError: an unknown name, an encoder for a preset, or counts below 1.
    """
    if name not in _MODELS:
        raise ModelError(f'no model "{name}"', hint=did_you_mean(name, model_names()))
    if encoder is not None:
        raise ModelError(
            f'"{name}" is a preset: its encoder is fixed',
            where=f"model.encoder = {encoder}",
            hint="leave model.encoder out",
        )
    if classes < 1 or channels < 1:
        raise ModelError(
            f"{classes} classes and {channels} channels", expected="at least one of each"
        )
    architecture = _MODELS[name]
    return PadToStride(architecture.build(classes, channels), architecture.stride)


def pretrained_name(name: str) -> str | None:
    """timm's name of the encoder of a model, None where the model has none."""
    return _MODELS[name].pretrained


def encoder_of(model: nn.Module) -> nn.Module | None:
    """The part that pretrained weights fill, or None where there is none."""
    network = model.network if isinstance(model, PadToStride) else model
    if isinstance(network, MiniUNet):
        return None
    encoder = getattr(network, "encoder", None)
    return encoder if isinstance(encoder, nn.Module) else None


def parameter_count(model: nn.Module) -> int:
    """Trainable and frozen parameters, without buffers."""
    return sum(p.numel() for p in model.parameters())
