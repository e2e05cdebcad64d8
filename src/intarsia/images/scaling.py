"""How the values of a file become 0..1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError


@dataclass(frozen=True)
class Scaling:
    """The value that becomes 0, the value that becomes 1, and why these two.

    Stored in a run, so that prediction scales exactly as training did. Where the channels are of
    different kinds (stains, sequences), `each` holds the two values of every channel, and `low`
    and `high` are the lowest and the highest of them.

    >>> Scaling(0, 255, "8 bit").apply(np.array([[[0], [51], [255]]], np.uint8)).ravel().tolist()
    [0.0, 0.20000000298023224, 1.0]
    """

    low: float
    high: float
    rule: str
    each: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        for low, high in ((self.low, self.high), *self.each):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise DataError(
                    f"an image scale from {low} to {high} is empty",
                    expected="two finite numbers, the first below the second",
                )

    @classmethod
    def by_channel(cls, each: Sequence[tuple[float, float]], rule: str) -> Scaling:
        """A scale for every channel."""
        lows, highs = zip(*each, strict=True)
        return cls(min(lows), max(highs), rule, tuple(each))

    def bounds(self, channel: int) -> tuple[float, float]:
        """The values of one channel that become 0 and 1."""
        return self.each[channel] if self.each else (self.low, self.high)

    def apply(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """(H, W, C) in the file's own units to float32 0..1; values outside are clipped.

        An image may have fewer channels than `each`: they are the first ones.
        """
        # One subtraction in float64 only where float32 would lose integers (32-bit files).
        wide = image.dtype.itemsize > 2 and image.dtype != np.float32
        values: NDArray[np.floating] = image.astype(np.float64 if wide else np.float32)
        if self.each:
            low, high = np.array(self.each[: image.shape[-1]], values.dtype).T
            values = (values - low) / (high - low)
        else:
            if self.low:
                values -= self.low
            values /= self.high - self.low
        np.clip(values, 0.0, 1.0, out=values)
        return values.astype(np.float32, copy=False)

    def to_json(self) -> dict[str, object]:
        item: dict[str, object] = {"low": self.low, "high": self.high, "rule": self.rule}
        if self.each:
            item["each"] = [list(bounds) for bounds in self.each]
        return item

    @classmethod
    def from_json(cls, item: Mapping[str, object]) -> Scaling:
        """The inverse of `to_json`."""
        low, high = item["low"], item["high"]
        if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
            raise DataError(f"an image scale must be two numbers, not {low!r} and {high!r}")
        each = item.get("each", ())
        if not isinstance(each, (list, tuple)):
            raise DataError(f"the scales of the channels must be a list, not {each!r}")
        bounds = tuple((float(bottom), float(top)) for bottom, top in each)
        return cls(float(low), float(high), str(item["rule"]), bounds)
