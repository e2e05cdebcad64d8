"""The things of a synthetic street: cars, trees, poles. Places are (x, z) in metres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.synthetic.canvas import Canvas, Light, Vector
from intarsia.datasets.synthetic.textures import between

_CAR_COLORS = (
    (225, 225, 222),
    (165, 170, 175),
    (35, 36, 40),
    (160, 28, 30),
    (35, 65, 130),
    (30, 75, 60),
    (200, 165, 50),
    (95, 100, 108),
)


def paint_car(
    canvas: Canvas,
    rng: np.random.Generator,
    light: Light,
    place: tuple[float, float],
    label: int,
    *,
    oncoming: bool,
) -> None:
    x, z = place
    paint = np.asarray(_CAR_COLORS[int(rng.integers(len(_CAR_COLORS)))]) * rng.uniform(0.85, 1.1)
    glass = between(rng, (28, 36, 46), (85, 98, 110))
    length, half, roof = rng.uniform(3.8, 4.7), rng.uniform(0.82, 0.95), rng.uniform(1.4, 1.75)
    waist = roof * 0.62

    def color(value: Any, shade: float) -> NDArray[np.float64]:
        return light.faded(value, z, shade)

    def box(y0: float, y1: float, z0: float, z1: float, narrow: float = 0) -> list[Vector]:
        w = half - narrow
        return [(x + s * w, y, z + d) for s in (-1, 1) for y in (y0, y1) for d in (z0, z1)]

    def rear(y0: float, y1: float, x0: float, x1: float) -> list[Vector]:
        return [(x + x0, y0, z), (x + x1, y0, z), (x + x1, y1, z), (x + x0, y1, z)]

    for s in (-1, 1):  # tyres seen from behind, below the body
        canvas.solid(rear(0, 0.45, s * half * 0.95, s * half * 0.68), color((22, 22, 24), 1), label)
    hood = length * (0.7 if oncoming else 0.1), length * (0.25 if oncoming else 0.78)
    start, stop = min(hood), max(hood)
    canvas.solid(box(0.28, waist, 0, length), color(paint, 0.75), label, hull=True)
    cabin: list[Vector] = []
    for s in (-1, 1):
        cabin += [
            (x + s * half * 0.97, waist - 0.02, z + start),
            (x + s * half * 0.97, waist, z + stop),
        ]
        cabin += [
            (x + s * half * 0.8, roof, z + start + 0.45),
            (x + s * half * 0.8, roof, z + stop - 0.8),
        ]
    canvas.solid(cabin, color(paint, 1.08), label, hull=True)
    near_side = -1 if x - half > 0 else (1 if x + half < 0 else 0)
    if near_side:
        side_x, shade = x + near_side * half, 0.62 if light.side(-near_side) < 0.8 else 1.0
        canvas.solid(
            [
                (side_x, y, z + d)
                for y, d in ((0.28, 0), (0.28, length), (waist, length), (waist, 0))
            ],
            color(paint, shade),
            label,
        )
        window = ((waist, start + 0.35), (waist, stop - 0.2), (roof - 0.1, stop - 0.85))
        canvas.solid(
            [
                (x + near_side * half * 0.93, y, z + d)
                for y, d in (*window, (roof - 0.1, start + 0.6))
            ],
            color(glass, 0.9),
            label,
        )
        turn = np.linspace(0, 2 * np.pi, 14)
        for d in (0.8, length - 0.8):
            for radius, tone in ((0.33, 24), (0.18, 120)):
                wheel = [
                    (side_x, 0.33 + radius * np.sin(t), z + d + radius * np.cos(t)) for t in turn
                ]
                canvas.solid(wheel, color((tone, tone, tone), 0.9), label)
    canvas.solid(rear(0.28, waist, -half, half), color(paint, 0.88), label)
    canvas.solid(rear(0.28, 0.42, -half, half), color(paint, 0.45), label)
    canvas.solid(
        [(x + s * half * w, y, z + d) for s, w, y, d in (
            (-1, 0.88, waist + 0.03, start + 0.02), (1, 0.88, waist + 0.03, start + 0.02),
            (1, 0.72, roof - 0.08, start + 0.42), (-1, 0.72, roof - 0.08, start + 0.42))],
        color(glass, 1.0),
        label,
    )  # fmt: skip
    lamp = (245, 240, 215) if oncoming else (190, 25, 25)
    for s in (-1, 1):
        canvas.solid(
            rear(waist - 0.3, waist - 0.1, s * half * 0.95, s * half * 0.68), color(lamp, 1), label
        )
    canvas.solid(rear(0.48, 0.62, -0.26, 0.26), color((225, 225, 205), 1), label)


def paint_tree(
    canvas: Canvas, rng: np.random.Generator, light: Light, place: tuple[float, float], label: int
) -> None:
    x, z = place
    tall, wide = float(rng.uniform(2.2, 3.4)), float(rng.uniform(1.2, 2.2))
    bark = light.faded(between(rng, (62, 48, 36), (100, 85, 70)), z)
    trunk = [(x - 0.16, 0, z), (x + 0.16, 0, z), (x + 0.1, tall + 0.8, z), (x - 0.1, tall + 0.8, z)]
    canvas.solid(trunk, bark, label)
    green = between(rng, (40, 70, 25), (95, 125, 55)) + rng.normal(0, 6, 3)
    if rng.random() < 0.15:
        green = between(rng, (120, 75, 25), (165, 105, 40))  # autumn
    count = 130
    angle, radius = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    dx, dy = wide * radius * np.cos(angle), wide * 1.05 * radius * np.sin(angle)
    middle = tall + wide * 0.8
    across = canvas.project([(x, middle, z), (x + 1, middle, z)])
    metre = float(np.linalg.norm(across[1] - across[0]))
    at = canvas.project(np.stack([x + dx, middle + dy, np.full(count, z)], axis=1))
    turn = np.linspace(0, 2 * np.pi, 9)[:-1] + rng.uniform(0, 1, (count, 1))
    size = metre * wide * rng.uniform(0.1, 0.24, (count, 1)) * rng.uniform(0.7, 1.3, (count, 8))
    leaves = at[:, None] + np.stack([size * np.cos(turn), size * np.sin(turn)], axis=2)
    lit = 0.75 + 0.25 * (dy / wide + 1) * (1.15 if light.sunny else 0.85)
    colors = light.faded(green * (rng.uniform(0.6, 1.15, count) * lit)[:, None], z)
    # Dark leaves below and first, lit ones above and last.
    for i in np.argsort(dy + rng.normal(0, wide * 0.4, count)):
        canvas.fill(leaves[i], colors[i], label)


def paint_pole(
    canvas: Canvas,
    rng: np.random.Generator,
    light: Light,
    place: tuple[float, float],
    label: int,
    *,
    left: bool,
) -> None:
    x, z = place
    tone = light.faded(np.full(3, rng.uniform(40, 130)), z)
    wide, tall = 0.16 + 0.006 * z, float(rng.uniform(4.5, 7.5))
    inward = 1 if left else -1
    sign = rng.random() < 0.45
    if sign:
        tall = float(rng.uniform(2.6, 3.2))
    canvas.solid(
        [(x - wide, 0, z), (x + wide, 0, z), (x + wide * 0.8, tall, z), (x - wide * 0.8, tall, z)],
        tone,
        label,
    )
    canvas.solid(
        [(x + wide * 0.1, 0, z), (x + wide, 0, z), (x + wide * 0.8, tall, z), (x, tall, z)],
        tone * 0.7,
        label,
    )
    if sign:
        turn = np.linspace(0, 2 * np.pi, 20)
        rim, face = (
            ((185, 25, 30), (235, 235, 235))
            if rng.random() < 0.6
            else ((235, 235, 235), (30, 70, 160))
        )
        for radius, paint in ((0.42, rim), (0.3, face)):
            disc = [(x + radius * np.cos(t), tall + radius * np.sin(t), z) for t in turn]
            canvas.solid(disc, light.faded(paint, z, light.side(1)), label)
        return
    arm = x + inward * 1.5
    canvas.solid(
        [(x, tall, z), (arm, tall + 0.2, z), (arm, tall + 0.4, z), (x, tall + 0.25, z)], tone, label
    )
    lamp = [(arm - 0.35, tall + 0.1, z), (arm + 0.35, tall + 0.1, z)]
    lamp += [(arm + 0.35, tall + 0.45, z), (arm - 0.35, tall + 0.45, z)]
    canvas.solid(lamp, tone * 1.2, label)
