"""Painting: masks as pictures, flat and over their image, small enough for a page."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from intarsia.html import data_uri
from intarsia.labels import LabelMap

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = 480  # pixels of a picture's longer side in the page
SMALL = 200  # pictures below this are shown with square pixels, not blurred
_OPACITY = 0.55  # the flat mask stands beside it, so the picture may show
_QUALITY = 84

Ids = NDArray[np.integer]


@dataclass(frozen=True)
class Scene:
    """One image made small, and masks painted to match it; `labels` give the colours.

    Masks come at the image's own size, (H, W) ids, and are made small first: a mosaic of 400
    million pixels must not be painted six times.

    >>> scene = Scene.of(np.full((4, 6, 3), 100, np.uint8), LabelMap.of(["sky"], [(200, 0, 0)]))
    >>> scene.flat(np.zeros((4, 6), np.uint8)).getpixel((5, 3)), scene.small
    ((200, 0, 0), True)
    """

    photo: Image
    labels: LabelMap

    @classmethod
    def of(cls, picture: NDArray[np.uint8], labels: LabelMap, longest: int = LONGEST) -> Scene:
        """`picture` is (H, W, 3) uint8; its longer side becomes `longest` pixels at most."""
        from PIL import Image

        height, width = picture.shape[:2]
        scale = min(1.0, longest / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        photo = Image.fromarray(picture)
        if size != photo.size:
            photo = photo.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
        return cls(photo, labels)

    @property
    def size(self) -> tuple[int, int]:
        """Width, height."""
        return self.photo.size

    @property
    def small(self) -> bool:
        return max(self.size) < SMALL

    def flat(self, mask: Ids) -> Image:
        """The classes in their own colours, ignored pixels black."""
        from PIL import Image

        return Image.fromarray(self.labels.colorize(self._shrunk(mask)))

    def over(self, mask: Ids) -> Image:
        """The classes over the image; ignored pixels stay bare."""
        from intarsia.draw import overlay

        return overlay(np.asarray(self.photo), self._shrunk(mask), self.labels, opacity=_OPACITY)

    def error(self, truth: Ids, mask: Ids) -> Image:
        """Right in grey, wrong in red, ignored in black."""
        from intarsia.draw import error_map

        return error_map(self._shrunk(truth), self._shrunk(mask), self.labels)

    def _shrunk(self, mask: Ids) -> Ids:
        """The nearest pixel, so that no id is invented."""
        width, height = self.size
        rows = ((np.arange(height) + 0.5) * mask.shape[0] / height).astype(np.intp)
        columns = ((np.arange(width) + 0.5) * mask.shape[1] / width).astype(np.intp)
        small: Ids = mask[rows[:, None], columns[None, :]]
        return small


def photo_uri(image: Image) -> str:
    """A photograph as a `data:` address: JPEG, or PNG where each pixel will be seen."""
    if max(image.size) < SMALL:
        return flat_uri(image)
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return data_uri(buffer.getvalue(), "image/jpeg")


def flat_uri(image: Image) -> str:
    """A picture of few plain colours as a `data:` address: PNG, exact.

    >>> from PIL import Image
    >>> flat_uri(Image.new("RGB", (9, 9)))[:22]
    'data:image/png;base64,'
    """
    buffer = io.BytesIO()
    _paletted(image.convert("RGB")).save(buffer, "PNG", optimize=True)
    return data_uri(buffer.getvalue(), "image/png")


def _paletted(image: Image) -> Image:
    """The same colours by number where there are few: a third of the bytes."""
    from PIL import Image

    pixels = np.asarray(image).astype(np.uint32)
    packed = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    colors, numbers = np.unique(packed, return_inverse=True)
    if len(colors) > 256:
        return image
    small = Image.fromarray(numbers.reshape(packed.shape).astype(np.uint8), "L")
    table = np.stack([colors >> 16, (colors >> 8) & 255, colors & 255], axis=1)
    small.putpalette(table.astype(np.uint8).tobytes(), "RGB")
    return small
