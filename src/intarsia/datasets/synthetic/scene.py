"""One synthetic street scene: a pinhole camera in a street of textured planes.

Things are painted from far to near, so nearer ones occlude.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.synthetic.canvas import Canvas, Image, Light
from intarsia.datasets.synthetic.textures import (
    asphalt_and_paving,
    between,
    facade,
    foliage,
    fractal_noise,
    roof_tiles,
)
from intarsia.datasets.synthetic.things import paint_car, paint_pole, paint_tree

SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, CAR = range(7)
NAMES = ("Sky", "Building", "Pole", "Road", "Pavement", "Tree", "Car")

_SCALE = 2  # painted at twice the size, then averaged down: soft edges as a lens gives
_NEAR, _FAR = 1.5, 72.0  # metres of street that are built


def paint_street(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Image, Image]:
    """One scene: image (H, W, 3) uint8 RGB and mask (H, W) uint8 with ids of `NAMES`."""
    height, width = size[0] * _SCALE, size[1] * _SCALE
    light = _light(rng)
    canvas = Canvas(
        _sky(rng, height, width, light), np.full((height, width), SKY, np.uint8), _camera(rng, size)
    )
    road = float(rng.uniform(3.2, 4.6))  # half the width of the road
    kerb = road + float(rng.uniform(3.0, 4.8))  # where the houses begin
    shift = float(rng.uniform(-0.9, 1.6))  # the camera is not in the middle of the road
    cars = _cars(rng, road)
    _ground(canvas, rng, light, road, kerb, shift, cars)
    _houses(canvas, rng, light, kerb, shift)
    _things(canvas, rng, light, road, kerb, shift, cars)
    small = cv2.resize(canvas.image, size[::-1], interpolation=cv2.INTER_AREA)
    image = _exposed(rng, np.asarray(small, np.uint8), light)
    return image, np.ascontiguousarray(canvas.mask[1::_SCALE, 1::_SCALE])


def _light(rng: np.random.Generator) -> Light:
    kind = rng.choice(3, p=[0.5, 0.35, 0.15])  # sun, overcast, evening
    haze = ((205.0, 220.0, 238.0), (205.0, 208.0, 212.0), (225.0, 185.0, 150.0))[kind]
    cast = ((1.0, 0.99, 0.95), (0.95, 0.97, 1.0), (0.86, 0.74, 0.66))[kind]
    side = -1 if rng.random() < 0.5 else 1
    return Light(bool(kind != 1), side, np.asarray(haze), np.asarray(cast))


def _camera(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    height, width = size[0] * _SCALE, size[1] * _SCALE
    focal = width * rng.uniform(0.72, 0.95)
    yaw, roll = rng.uniform(-0.13, 0.13), rng.uniform(-0.025, 0.025)
    eye = rng.uniform(1.35, 1.9)
    turn = np.array(
        [[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]], np.float64
    )
    lens = np.array(
        [[focal, 0, width / 2], [0, -focal, height * rng.uniform(0.42, 0.52)], [0, 0, 1]]
    )
    c, s = np.cos(roll), np.sin(roll)
    x, y = width / 2, height / 2
    tilt = np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0, 0, 1]])
    eye_at = np.array([[0.0], [-eye], [0.0]])
    matrix: NDArray[np.float64] = tilt @ lens @ turn @ np.hstack([np.eye(3), eye_at])
    return matrix


def _sky(rng: np.random.Generator, height: int, width: int, light: Light) -> Image:
    top = (
        between(rng, (70, 115, 180), (125, 165, 220))
        if light.sunny
        else between(rng, (150, 155, 165), (190, 192, 198))
    )
    fall = np.linspace(0, 1, height)[:, None, None] ** 0.8
    sky = top * (1 - np.clip(fall * 1.8, 0, 1)) + light.haze * np.clip(fall * 1.8, 0, 1)
    clouds = np.clip((fractal_noise(rng, (height, width), 96) - rng.uniform(0.4, 0.6)) * 4, 0, 1)
    sky = sky + (rng.uniform(225, 250) - sky) * clouds[:, :, None] * 0.8
    painted: Image = np.clip(sky, 0, 255).astype(np.uint8)
    return painted


def _ground(
    canvas: Canvas,
    rng: np.random.Generator,
    light: Light,
    road: float,
    kerb: float,
    shift: float,
    cars: list[tuple[float, float, bool]],
) -> None:
    half, density = 24.0, 12
    texture, ids = asphalt_and_paving(
        rng, half, _FAR + 8, road, density, road_id=ROAD, paving_id=PAVEMENT
    )
    dark = np.ones(ids.shape, np.float32)

    def shadow(points: Sequence[tuple[float, float]], depth: float) -> None:
        outline = [((x + half) * density, (_FAR + 8 - z) * density) for x, z in points]
        cv2.fillPoly(dark, [np.round(outline).astype(np.int32)], [depth])

    if light.sunny:  # the row of houses in the shade throws it on the road
        reach, z = float(rng.uniform(2.0, kerb + road * 0.8)), 0.0
        while z < _FAR:
            length, depth = float(rng.uniform(5, 12)), reach * float(rng.uniform(0.6, 1.1))
            x = -light.bright_side * kerb
            inner = x + light.bright_side * depth
            shadow([(x, z), (inner, z), (inner, z + length), (x, z + length)], 0.62)
            z += length
    for x, z, _ in cars:
        shadow([(x - 1, z - 0.2), (x + 1, z - 0.2), (x + 1, z + 4.4), (x - 1, z + 4.4)], 0.35)
    soft = np.asarray(cv2.GaussianBlur(dark, (0, 0), 3))
    rows = _FAR + 8 - np.arange(ids.shape[0])[:, None, None] / density
    air = 1 - np.exp(-rows / 170.0)
    lit = texture * soft[:, :, None] * (1 - air) + light.haze * air
    painted = np.clip(lit, 0, 255).astype(np.uint8)
    rows_kept = ids.shape[0] - density  # not the metre under the camera
    canvas.plane(
        painted[:rows_kept],
        (-half - shift, 0.0, 1.0),
        (2 * half, 0, 0),
        (0, 0, rows_kept / density),
        ids[:rows_kept],
    )


def _houses(
    canvas: Canvas, rng: np.random.Generator, light: Light, kerb: float, shift: float
) -> None:
    width, height = 2 * kerb + 24, float(rng.uniform(7, 15))
    if rng.random() < 0.7:
        wall, label = facade(rng, width, height, 6), BUILDING
    else:
        wall, label = foliage(rng, width, height, 6), TREE
    canvas.plane(
        _lit(wall, light, _FAR, 0.9), (-width / 2, 0, _FAR), (width, 0, 0), (0, height, 0), label
    )
    for side in (-1, 1):
        x = side * kerb - shift
        row: list[tuple[float, float, float]] = []
        z = _NEAR
        while z < _FAR - 8:
            length = float(rng.uniform(7, 16))
            tall = 0.0 if z > 6 and rng.random() < 0.16 else float(rng.uniform(5.5, 15))
            row.append((z, length if tall else length * 0.6, tall))
            z += row[-1][1]
        for z, length, tall in reversed(row):
            if tall:
                _house(canvas, rng, light, side, (x, z), (length, tall))
            else:
                hedge = _lit(foliage(rng, length, 2.6, 12), light, z, light.side(side))
                canvas.plane(hedge, (x, 0, z), (0, 0, length), (0, rng.uniform(1.6, 2.8), 0), TREE)


def _house(
    canvas: Canvas,
    rng: np.random.Generator,
    light: Light,
    side: int,
    place: tuple[float, float],
    size: tuple[float, float],
) -> None:
    (x, z), (length, tall) = place, size
    density = float(np.clip(canvas.matrix[0, 0] / (z + 2), 5, 26))
    front = facade(rng, length, tall, density)
    gable = facade(rng, 9.0, tall, density, base=front.reshape(-1, 3).mean(0))
    shade = light.side(side)
    if rng.random() < 0.6:
        ridge = float(rng.uniform(1.8, 3.2))
        tiles = _lit(roof_tiles(rng, length, 4.0, density), light, z, shade)
        canvas.solid(
            [(x, tall, z), (x + side * 9, tall, z), (x + side * 4.5, tall + ridge, z)],
            light.faded(gable.reshape(-1, 3).mean(0), z, 0.8),
            BUILDING,
        )
        canvas.plane(
            tiles,
            (x - side * 0.3, tall - 0.1, z),
            (0, 0, length),
            (side * 4.8, ridge, 0),
            BUILDING,
        )
    canvas.plane(_lit(gable, light, z, 0.85), (x, 0, z), (side * 9, 0, 0), (0, tall, 0), BUILDING)
    canvas.plane(
        _lit(front, light, z + length / 3, shade), (x, 0, z), (0, 0, length), (0, tall, 0), BUILDING
    )


def _lit(texture: Image, light: Light, z: float, shade: float) -> Image:
    lit: Image = np.clip(light.faded(texture, z, shade), 0, 255).astype(np.uint8)
    return lit


def _cars(rng: np.random.Generator, road: float) -> list[tuple[float, float, bool]]:
    """(x, z, oncoming) of every car, none inside another."""
    found: list[tuple[float, float, bool]] = []
    for side in (-1, 1):
        z = float(rng.uniform(3.5, 14))
        while z < 42 and rng.random() < 0.75:
            found.append((side * (road - 1.05), z, side < 0))
            z += float(rng.uniform(5.2, 13))
    for side in (-1, 1):
        if rng.random() < 0.6:
            found.append((side * (road - 2.9) * 0.9, float(rng.uniform(7, 26)), side < 0))
    return found


def _things(
    canvas: Canvas,
    rng: np.random.Generator,
    light: Light,
    road: float,
    kerb: float,
    shift: float,
    cars: list[tuple[float, float, bool]],
) -> None:
    """Cars, trees and poles, from far to near."""
    things = [(z, "car", x, oncoming) for x, z, oncoming in cars]
    for side in (-1, 1):
        lane = side * (road + rng.uniform(0.5, 0.9))
        planted, z = rng.random() < 0.65, float(rng.uniform(4, 10))
        while z < 50:
            if planted and rng.random() < 0.75:
                things.append((z, "tree", lane, False))
            elif z < 22 and rng.random() < 0.8:
                things.append((z, "pole", lane, side < 0))
            z += float(rng.uniform(4, 9))
    for z, kind, x, flag in sorted(things, key=lambda thing: -thing[0]):
        if kind == "car":
            paint_car(canvas, rng, light, (x - shift, z), CAR, oncoming=flag)
        elif kind == "tree":
            paint_tree(canvas, rng, light, (x - shift, z), TREE)
        else:
            paint_pole(canvas, rng, light, (x - shift, z), POLE, left=flag)


def _exposed(rng: np.random.Generator, image: Image, light: Light) -> Image:
    """What the camera makes of it: colour cast, exposure, vignette, blur, noise."""
    height, width = image.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = 1 - 0.14 * (x**2 + y**2)
    blotches = 0.94 + 0.12 * fractal_noise(rng, (height, width), 24)
    value = image * light.cast * (rng.uniform(0.95, 1.3) * vignette * blotches)[:, :, None]
    value = 255 * np.clip(value / 255, 0, 1) ** rng.uniform(0.9, 1.12)
    value = cv2.GaussianBlur(value, (0, 0), float(rng.uniform(0.35, 0.6)))
    grain = rng.normal(0, 1, image.shape) * (rng.uniform(2.5, 6) + 0.012 * value)
    noisy: Image = np.clip(value + grain, 0, 255).round().astype(np.uint8)
    return noisy
