"""Random changes of training samples: one warp for image and mask, then brightness and blur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.transforms import Mask, Matrix, Pixels, Preprocessing, fit_matrix, warp, warp_mask


@dataclass(frozen=True)
class Augmentation:
    """Random changes of one training sample; see `recipe.AugmentSection` for the units."""

    flip: float = 0.0
    vertical_flip: float = 0.0
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    blur: float = 0.0
    rotation_probability: float = 1.0
    color_probability: float = 1.0


def random_matrix(
    height: int,
    width: int,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Matrix:
    """(2, 3) affine map of one random sample: fit, flip, rotation, zoom, shift or crop at once."""
    rows, columns = preprocessing.size
    linear, zoom, (place_x, place_y) = random_turn(augmentation, rng)
    base = fit_matrix(height, width, preprocessing)
    if preprocessing.native:
        # the window of a crop slides over the image, and stays inside it where it is smaller
        source_x = _window_centre(width, columns / zoom, place_x)
        source_y = _window_centre(height, rows / zoom, place_y)
        centre = np.array([source_x, source_y])
        middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
    else:
        centre = base[:, :2] @ [(width - 1) / 2, (height - 1) / 2] + base[:, 2]
        shift = augmentation.shift * np.array([columns, rows])
        middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
        middle = middle + shift * (2 * np.array([place_x, place_y]) - 1)
    matrix = np.empty((2, 3))
    matrix[:, :2] = linear @ base[:, :2]
    matrix[:, 2] = linear @ (base[:, 2] - centre) + middle
    return matrix


def random_turn(
    augmentation: Augmentation, rng: np.random.Generator
) -> tuple[Matrix, float, tuple[float, float]]:
    """(2, 2) map of a random rotation, zoom and flip; the zoom; a random place, x and y 0..1."""
    low, high = augmentation.scale
    zoom = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    angle = float(np.deg2rad(rng.uniform(-1.0, 1.0) * augmentation.rotation))
    mirror_x = -1.0 if rng.random() < augmentation.flip else 1.0
    mirror_y = -1.0 if rng.random() < augmentation.vertical_flip else 1.0
    place = rng.random(), rng.random()
    if rng.random() >= augmentation.rotation_probability:
        angle = 0.0
    linear = np.array(
        [
            [zoom * np.cos(angle) * mirror_x, -zoom * np.sin(angle) * mirror_y],
            [zoom * np.sin(angle) * mirror_x, zoom * np.cos(angle) * mirror_y],
        ]
    )
    return linear, zoom, place


def _window_centre(length: int, window: float, place: float) -> float:
    if window >= length:
        return (length - 1) / 2
    return (window - 1) / 2 + place * (length - window)


def augment(
    image: Pixels,
    mask: Mask,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    rng: np.random.Generator,
    ignore_index: int,
) -> tuple[NDArray[np.float32], Mask]:
    """One training sample: (C, H, W) float32 for the network and its (H, W) mask.

    The geometry is one warp, bilinear for the image and nearest for the mask; brightness,
    contrast and blur follow and touch the image alone. Everything random comes from `rng`.
    """
    height, width = image.shape[:2]
    matrix = random_matrix(height, width, preprocessing, augmentation, rng)
    return augment_through(matrix, image, mask, preprocessing, augmentation, rng, ignore_index)


def augment_through(
    matrix: Matrix,
    image: Pixels,
    mask: Mask,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    rng: np.random.Generator,
    ignore_index: int,
) -> tuple[NDArray[np.float32], Mask]:
    """`augment` with a geometry that is drawn already."""
    warped = warp(image, matrix, preprocessing.size, preprocessing.fill)
    labels = warp_mask(mask, matrix, preprocessing.size, ignore_index)
    contrast = 1.0 + rng.uniform(-1.0, 1.0) * augmentation.contrast
    brightness = rng.uniform(-1.0, 1.0) * augmentation.brightness
    blurred = rng.random() < augmentation.blur
    sigma = rng.uniform(0.3, 1.5)
    if rng.random() >= augmentation.color_probability:
        contrast, brightness = 1.0, 0.0
    pixels = preprocessing.scaling.apply(warped)
    if blurred:
        # into the same buffer: OpenCV drops a last axis of one
        cv2.GaussianBlur(pixels, (0, 0), sigma, dst=pixels)
    # contrast about the middle grey, then brightness, in place: one pass each over the sample
    pixels *= np.float32(contrast)
    pixels += np.float32(0.5 * (1.0 - contrast) + brightness)
    np.clip(pixels, 0.0, 1.0, out=pixels)
    return preprocessing.standardise(pixels), labels
