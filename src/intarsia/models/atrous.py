"""What the DeepLab networks share: output stride and atrous rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intarsia.errors import ModelError

_OUTPUT_STRIDES = (8, 16)
_RATES = (96, 192, 288)  # image pixels: 6, 12, 18 at output stride 16, doubled at 8


@dataclass(frozen=True)
class Atrous:
    """How far a DeepLab looks: image pixels a pixel of its last map, and three dilations in it."""

    output_stride: int
    rates: tuple[int, int, int]


def atrous(output_stride: int, rates: Sequence[int] | None) -> Atrous:
    """Checked; no rates are those of Chen et al. (2017): 6, 12, 18 at 16, doubled at 8.

    >>> atrous(8, None)
    Atrous(output_stride=8, rates=(12, 24, 36))

    Raises:
        ModelError: an output stride other than 8 and 16, or not three rates from 1 on.
    """
    if output_stride not in _OUTPUT_STRIDES:
        raise ModelError(
            f"output stride {output_stride}", where="model.output_stride", expected="8 or 16"
        )
    given = [rate // output_stride for rate in _RATES] if rates is None else list(rates)
    if len(given) != len(_RATES) or min(given) < 1:
        raise ModelError(
            f"atrous rates {given}",
            where="model.atrous_rates",
            expected="three whole numbers from 1 on, such as [6, 12, 18]",
        )
    first, second, third = given
    return Atrous(output_stride, (first, second, third))
