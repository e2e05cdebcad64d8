"""What a synthetic street is painted with: the light, the canvas and its pinhole camera.

Distances are metres: x to the right, y up, z along the street; the camera stands at x = 0, z = 0.
Colours are RGB from 0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Light:
    """The weather of one scene."""

    sunny: bool
    bright_side: int  # -1: the left row of houses lies in the sun
    haze: NDArray[np.float64]  # (3,) RGB that far things fade to
    cast: NDArray[np.float64]  # (3,) factor on every channel

    def faded(self, color: Any, z: float, shade: float = 1.0) -> NDArray[np.float64]:
        """A colour (or texture) as seen over `z` metres of air."""
        air = 1.0 - np.exp(-z / 170.0)
        seen: NDArray[np.float64] = np.asarray(color, np.float64) * shade * (1.0 - air)
        seen += self.haze * air
        return seen

    def side(self, side: int) -> float:
        if not self.sunny:
            return 0.9
        return 1.06 if side == self.bright_side else 0.66


@dataclass
class Canvas:
    image: Image  # (H, W, 3)
    mask: NDArray[np.uint8]  # (H, W)
    matrix: NDArray[np.float64]  # (3, 4): metres to homogeneous pixels

    def project(self, points: Sequence[Vector] | NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) metres to (N, 2) pixels."""
        homogeneous = np.asarray(points, np.float64) @ self.matrix[:, :3].T + self.matrix[:, 3]
        return homogeneous[:, :2] / homogeneous[:, 2:]

    def fill(self, points: NDArray[np.float64], color: Any, label: int) -> None:
        """A filled polygon in pixels."""
        fixed = [np.round(points * 16).astype(np.int32)]
        value = [min(max(float(c), 0.0), 255.0) for c in color]
        cv2.fillPoly(self.image, fixed, value, lineType=cv2.LINE_AA, shift=4)
        cv2.fillPoly(self.mask, fixed, [label], shift=4)

    def solid(
        self, points: Sequence[Vector], color: Any, label: int, *, hull: bool = False
    ) -> None:
        """A filled polygon in metres, or the outline of a convex body."""
        if np.min(np.asarray(points) @ self.matrix[2, :3] + self.matrix[2, 3]) < 0.2:
            return  # beside or behind the camera
        pixels = self.project(points)
        if hull:
            pixels = cv2.convexHull(pixels.astype(np.float32))[:, 0].astype(np.float64)
        self.fill(pixels, color, label)

    def plane(
        self, texture: Image, origin: Vector, along: Vector, up: Vector, label: int | Image
    ) -> None:
        """A texture on the rectangle that `along` and `up` span from `origin` (bottom corner)."""
        height, width = texture.shape[:2]
        o, a, u = (np.asarray(v, np.float64) for v in (origin, along, up))
        corner = self.matrix[:, :3] @ np.stack([a / width, -u / height, o + u], axis=1)
        corner[:, 2] += self.matrix[:, 3]
        part = self._part(corner @ [[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]])
        image, mask = self.image[part], self.mask[part]
        if not mask.size:
            return
        rows, columns = part
        corner = np.array([[1, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1]]) @ corner
        size = (mask.shape[1], mask.shape[0])
        # 0 is left for "outside": labels travel as label + 1.
        ids = np.full((height, width), label + 1, np.uint8) if isinstance(label, int) else label + 1
        warped = cv2.warpPerspective(ids, corner, size, flags=cv2.INTER_NEAREST)
        inside = warped > 0
        behind = np.linalg.inv(corner)[2]  # a pixel whose ray meets the plane behind the camera
        y, x = np.ogrid[: size[1], : size[0]]
        inside &= behind[0] * x + behind[1] * y + behind[2] > 0
        painted = cv2.warpPerspective(
            texture, corner, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        image[inside] = painted[inside]
        mask[inside] = warped[inside] - 1

    def _part(self, corners: NDArray[np.float64]) -> tuple[slice, slice]:
        """Rows and columns that a plane with these homogeneous corners (3, 4) can touch."""
        height, width = self.mask.shape
        if corners[2].min() < 0.05:  # it reaches behind the camera
            return slice(0, height), slice(0, width)
        x, y = corners[:2] / corners[2]
        left, right = (int(np.clip(v, 0, width)) for v in (x.min() - 1, x.max() + 2))
        top, bottom = (int(np.clip(v, 0, height)) for v in (y.min() - 1, y.max() + 2))
        return slice(top, bottom), slice(left, right)
