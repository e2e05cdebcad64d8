"""Facts about timm's models: which names there are, and what their feature maps look like."""

from __future__ import annotations

from typing import Any

import timm
import torch

from intarsia.errors import ModelError, nearest

_FOREIGN = ("tu-", "timm/", "hf_hub:timm/", "hf-hub:timm/")

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


def checked_encoder(name: str) -> str:
    """The name, where timm knows it: `resnet50`, or with the tag of weights `resnet50.a1_in1k`.

    Raises:
        ModelError: an unknown model or tag; the nearest one is named.
    """
    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        wanted = base
        for prefix in _FOREIGN:
            wanted = wanted.removeprefix(prefix)
        known = timm.list_models()
        close = wanted if wanted in known else nearest(wanted, known)
        offer = f'did you mean "{close}"? ' if close else ""
        raise ModelError(
            f'timm has no model "{name}"',
            where="model.encoder",
            expected="one of timm's own names",
            hint=f"{offer}timm.list_models() in Python lists all {len(known)}",
        )
    tagged = timm.list_pretrained(base)
    if tag and name not in tagged:
        raise ModelError(
            f'timm has no weights "{tag}" of {base}',
            where="model.encoder",
            expected=", ".join(tagged) or f"{base} alone: it has no weights",
        )
    return name


def feature_strides(name: str) -> tuple[int, ...] | None:
    """Image pixels a pixel of each feature map, finest first; None where there are no maps.

    >>> feature_strides("resnet18"), feature_strides("test_vit")
    ((2, 4, 8, 16, 32), (16, 16, 16))
    """
    try:
        with torch.device("meta"):
            features = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError):
        return None
    info: Any = features.feature_info
    return tuple(info.reduction())


def state_keys(name: str) -> list[str]:
    """The names of all tensors of timm's whole model, classifier included, in order.

    >>> state_keys("resnet18")[0], state_keys("resnet18")[-1]
    ('conv1.weight', 'fc.bias')
    """
    try:
        with torch.device("meta"):
            model = timm.create_model(name, pretrained=False)
    except (RuntimeError, NotImplementedError):
        # some count on real numbers while they are built
        model = timm.create_model(name, pretrained=False)
    return list(model.state_dict())


def made_for_one_size(name: str) -> bool:
    """Whether timm's model takes one image size unless it is told otherwise.

    >>> made_for_one_size("swin_tiny_patch4_window7_224"), made_for_one_size("resnet18")
    (True, False)
    """
    config = timm.get_pretrained_cfg(name)
    return config is not None and config.fixed_input_size


def encoder_statistics(name: str) -> Statistics:
    """Mean and standard deviation of a channel in 0..1 that timm's weights were trained with.

    >>> encoder_statistics("xception41")
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    Raises:
        ModelError: an unknown model, or one without weights.
    """
    config = timm.get_pretrained_cfg(checked_encoder(name))
    if config is None:
        raise ModelError(f'timm has no weights for "{name}"', where="model.encoder")
    return tuple(config.mean), tuple(config.std)
