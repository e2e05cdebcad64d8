"""How the values of a file become 0..1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError


@dataclass(frozen=True)
class Scaling:
    """The value that becomes 0, the value that becomes 1, and why these two.

    Stored in a run, so that prediction scales exactly as training did.

    >>> Scaling(0, 255, "8 bit").apply(np.array([[[0], [51], [255]]], np.uint8)).ravel().tolist()
    [0.0, 0.20000000298023224, 1.0]
    """

    low: float
    high: float
    rule: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise DataError(
                f"an image scale from {self.low} to {self.high} is empty",
                expected="two finite numbers, the first below the second",
            )

    def apply(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """(H, W, C) in the file's own units to float32 0..1; values outside are clipped."""
        # One subtraction in float64 only where float32 would lose integers (32-bit files).
        wide = image.dtype.itemsize > 2 and image.dtype != np.float32
        values: NDArray[np.floating] = image.astype(np.float64 if wide else np.float32)
        if self.low:
            values -= self.low
        values /= self.high - self.low
        np.clip(values, 0.0, 1.0, out=values)
        return values.astype(np.float32, copy=False)

    def to_json(self) -> dict[str, object]:
        return {"low": self.low, "high": self.high, "rule": self.rule}

    @classmethod
    def from_json(cls, item: Mapping[str, object]) -> Scaling:
        """The inverse of `to_json`."""
        low, high = item["low"], item["high"]
        if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
            raise DataError(f"an image scale must be two numbers, not {low!r} and {high!r}")
        return cls(float(low), float(high), str(item["rule"]))
