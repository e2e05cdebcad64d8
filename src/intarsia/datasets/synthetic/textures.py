"""Surfaces of the synthetic street, as RGB pictures: walls, roofs, leaves, asphalt."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_WALLS = (
    (176, 92, 70),
    (150, 76, 60),
    (205, 190, 160),
    (222, 214, 200),
    (190, 170, 130),
    (165, 160, 152),
    (214, 180, 140),
    (140, 125, 112),
)
_DETAIL = 20  # pixels a metre that near walls are drawn at, before they are averaged down


def between(rng: np.random.Generator, low: Any, high: Any) -> NDArray[np.float64]:
    """A colour on the line from `low` to `high`."""
    start, end = np.asarray(low, np.float64), np.asarray(high, np.float64)
    color: NDArray[np.float64] = start + (end - start) * rng.random()
    return color


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell: int
) -> NDArray[np.float64]:
    """(H, W) noise about 0 to 1, its largest spots `cell` pixels wide."""
    height, width = shape
    total, weight, sum_of_weights = np.zeros(shape), 1.0, 0.0
    while cell >= 3:
        grid = rng.random((height // cell + 2, width // cell + 2))
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        sum_of_weights += weight
        weight, cell = weight * 0.6, cell // 2
    return total / max(sum_of_weights, 1.0)


def facade(
    rng: np.random.Generator, width: float, height: float, density: float, base: Any = None
) -> Image:
    """A wall of `width` x `height` metres with rows of windows; `density` in pixels a metre."""
    detail = _detail(density)
    w, h = max(8, round(width * detail)), max(8, round(height * detail))
    color = np.asarray(_WALLS[int(rng.integers(len(_WALLS)))] if base is None else base)
    color = color * rng.uniform(0.85, 1.12) + rng.normal(0, 5, 3)
    wall = color * (0.86 + 0.28 * fractal_noise(rng, (h, w), 40))[:, :, None]
    if rng.random() < 0.55:  # courses of brick
        wall[:: detail // 4] *= 0.8
        wall *= rng.uniform(0.9, 1.1, (h, w // 5 + 1)).repeat(5, axis=1)[:, :w, None]
    picture = np.clip(wall, 0, 255).astype(np.uint8)
    frame = (236, 234, 228) if rng.random() < 0.7 else (70, 60, 52)
    storey = round(float(rng.uniform(2.8, 3.4)) * detail)
    pitch = round(float(rng.uniform(1.9, 3.0)) * detail)
    wide, tall = round(pitch * rng.uniform(0.42, 0.6)), round(storey * rng.uniform(0.45, 0.6))
    shop = rng.random() < 0.4
    for floor in range(h // storey + 1):
        bottom = h - floor * storey - round(storey * 0.22)
        if bottom - tall < 4:
            break
        for left in range((w % pitch) // 2 + (pitch - wide) // 2, w - wide, pitch):
            if floor == 0 and shop:
                continue
            if floor == 0 and rng.random() < 0.25:
                door = [float(c) for c in rng.uniform((40, 25, 20), (130, 90, 70))]
                cv2.rectangle(picture, (left, bottom - tall), (left + wide, h), door, -1)
                continue
            _window(picture, rng, (left, bottom - tall), (wide, tall), frame)
    if shop:
        sign = [float(c) for c in rng.uniform(30, 200, 3)]
        top = h - round(storey * 0.95)
        cv2.rectangle(picture, (3, top), (w - 4, top + detail // 2), sign, -1)
        for left in range(8, w - pitch, round(pitch * 1.25)):
            at, size = (left, top + detail // 2 + 5), (pitch, round(storey * 0.66))
            _window(picture, rng, at, size, (50, 50, 52))
    cv2.rectangle(picture, (0, 0), (w, detail // 3), [float(c) for c in color * 0.6], -1)  # eaves
    return _at_density(picture, width, height, density)


def _window(
    picture: Image,
    rng: np.random.Generator,
    at: tuple[int, int],
    size: tuple[int, int],
    frame: tuple[int, int, int],
) -> None:
    (x, y), (w, h) = at, size
    cv2.rectangle(picture, (x - 2, y - 2), (x + w + 2, y + h + 2), frame, -1)
    dark = between(rng, (25, 32, 40), (60, 72, 85))
    bright = between(rng, (80, 95, 110), (150, 170, 190))
    pane = picture[y : y + h, x : x + w]  # cut where the wall ends
    fall = np.linspace(1, 0, len(pane))[:, None, None] ** rng.uniform(0.7, 2.5)
    pane[:] = (dark + (bright - dark) * fall).astype(np.uint8)
    if rng.random() < 0.3:  # a curtain
        pane[:, : w // 3] = (205, 200, 190)
    cv2.line(picture, (x + w // 2, y), (x + w // 2, y + h), frame, 1)
    cv2.line(picture, (x, y + h // 3), (x + w, y + h // 3), frame, 1)
    cv2.line(picture, (x - 3, y + h + 3), (x + w + 3, y + h + 3), (120, 115, 108), 2)


def roof_tiles(rng: np.random.Generator, width: float, height: float, density: float) -> Image:
    """A slope of tiles."""
    detail = _detail(density)
    w, h = max(8, round(width * detail)), max(8, round(height * detail))
    color = np.asarray(((125, 62, 48), (88, 80, 78), (72, 70, 74))[int(rng.integers(3))])
    roof = color * (0.8 + 0.4 * fractal_noise(rng, (h, w), 16))[:, :, None]
    roof[:: detail // 3] *= 0.7
    return _at_density(np.clip(roof, 0, 255).astype(np.uint8), width, height, density)


def foliage(rng: np.random.Generator, width: float, height: float, density: float) -> Image:
    """A hedge: leaves in light and shade."""
    detail = _detail(density)
    w, h = max(8, round(width * detail)), max(8, round(height * detail))
    green = between(rng, (40, 68, 26), (88, 115, 52))
    leaves = fractal_noise(rng, (h, w), 24) * 0.7 + fractal_noise(rng, (h, w), 6) * 0.5
    hedge = green * (0.35 + 1.1 * leaves)[:, :, None]
    return _at_density(np.clip(hedge, 0, 255).astype(np.uint8), width, height, density)


def asphalt_and_paving(
    rng: np.random.Generator,
    half: float,
    length: float,
    road: float,
    density: int,
    *,
    road_id: int,
    paving_id: int,
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The ground from above, far end first: (H, W, 3) colours 0 to 255 and (H, W) ids.

    It reaches from x = -half to half and from z = 0 (last row) to `length`, in metres;
    `road` is half the width of the road, `density` in pixels a metre.
    """
    h, w = round(length * density), round(2 * half * density)
    asphalt = rng.uniform(68, 108) * np.asarray((0.98, 1.0, 1.03))
    ground = asphalt * (0.82 + 0.36 * fractal_noise(rng, (h, w), 64))[:, :, None]
    ground *= 1 + 0.06 * rng.standard_normal((h, w, 1), np.float32)

    def column(x: float) -> int:
        return round((x + half) * density)

    for _ in range(int(rng.integers(1, 5))):  # mended patches
        x, z = rng.uniform(-road, road), rng.uniform(2, 30)
        top, left = round((length - z) * density), column(x)
        patch = (slice(top, top + round(rng.uniform(1, 4) * density)), slice(left, left + density))
        ground[patch] *= rng.uniform(0.72, 1.2)
    white = np.asarray((212.0, 212.0, 205.0))
    dash, line = 3 * density, max(1, round(0.16 * density))
    middle = column(0)
    for top in range(int(rng.integers(0, 2 * dash)), h, 2 * dash):
        ground[top : top + dash, middle : middle + line] = white
    if rng.random() < 0.35:  # a crossing
        top = round((length - rng.uniform(6, 20)) * density)
        for left in range(column(-road) + density // 2, column(road) - density // 2, density):
            ground[top : top + 3 * density, left : left + density // 2] = white
    ids = np.full((h, w), road_id, np.uint8)
    stone = between(rng, (132, 126, 118), (182, 176, 166))
    if rng.random() < 0.25:
        stone = between(rng, (150, 105, 88), (175, 125, 105))
    slabs = stone * (0.85 + 0.3 * fractal_noise(rng, (h, w), 32))[:, :, None]
    slab = round(density * 0.75)
    tones = rng.uniform(0.92, 1.08, (h // slab + 1, w // slab + 1))
    slabs *= tones.repeat(slab, axis=0).repeat(slab, axis=1)[:h, :w, None]
    slabs[::slab] *= 0.78
    slabs[:, ::slab] *= 0.78
    for beyond in (slice(0, column(-road)), slice(column(road), w)):
        ground[:, beyond] = slabs[:, beyond]
        ids[:, beyond] = paving_id
    for edge in (column(-road) - 2, column(road)):
        ground[:, edge : edge + 3] = stone * 1.2
    return np.clip(ground, 0, 255), ids


def _detail(density: float) -> int:
    """Pixels a metre to draw at: enough for what will be seen, no more."""
    return int(np.clip(2 * density, 8, _DETAIL))


def _at_density(picture: Image, width: float, height: float, density: float) -> Image:
    """Averaged down to the pixels a metre at which it will be seen, so that it does not alias."""
    if density >= _detail(density):
        return picture
    size = (max(4, round(width * density)), max(4, round(height * density)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
