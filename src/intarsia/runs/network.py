"""The network that a recipe names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intarsia.errors import RecipeError
from intarsia.recipe import ModelSection

if TYPE_CHECKING:
    from torch import nn


def build_network(section: ModelSection, *, classes: int, channels: int) -> nn.Module:
    """Random weights; one logit a class, or a single one for two classes with a sigmoid head.

    Raises:
        RecipeError: a sigmoid head for another number of classes.
        ModelError: the model cannot be built so.
    """
    from intarsia.models import build_model

    sigmoid = section.head == "sigmoid"
    if sigmoid and classes != 2:
        raise RecipeError(
            f"a sigmoid head decides between two classes; the data have {classes}",
            where="model.head = sigmoid",
            hint="model.head=softmax",
        )
    return build_model(
        section.name,
        classes=1 if sigmoid else classes,
        channels=channels,
        encoder=section.encoder,
        output_stride=section.output_stride,
        atrous_rates=section.atrous_rates,
    )
