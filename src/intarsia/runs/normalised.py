"""A network behind another one's normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from intarsia.transforms import Preprocessing


def normalised_as(model: nn.Module, *, given: Preprocessing, own: Preprocessing) -> nn.Module:
    """The network for images (B, C, H, W) of `given`'s mean and deviation instead of its `own`.

    Where the two are the same it is the network itself.

    >>> from intarsia.images import Scaling
    >>> eight_bit = Scaling(0, 255, "8 bit")
    >>> given = Preprocessing((4, 4), "crop", eight_bit, (0.5,), (0.25,))
    >>> own = Preprocessing((4, 4), "crop", eight_bit, (0.0,), (1.0,))
    >>> image = torch.tensor([-2.0, 0.0, 2.0]).reshape(1, 1, 1, 3)
    >>> normalised_as(nn.Identity(), given=given, own=own)(image).flatten().tolist()
    [0.0, 0.5, 1.0]
    """
    if (given.mean, given.std) == (own.mean, own.std):
        return model
    return _Renormalised(model, given, own).eval()


class _Renormalised(nn.Module):
    """Images of one mean and deviation, given to a network that was trained with another."""

    factor: Tensor
    shift: Tensor

    def __init__(self, model: nn.Module, given: Preprocessing, own: Preprocessing) -> None:
        super().__init__()
        self.model = model
        factor = [g / o for g, o in zip(given.std, own.std, strict=True)]
        shift = [(g - o) / s for g, o, s in zip(given.mean, own.mean, own.std, strict=True)]
        self.register_buffer("factor", torch.tensor(factor).reshape(1, -1, 1, 1))
        self.register_buffer("shift", torch.tensor(shift).reshape(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images * self.factor + self.shift)
        return logits
