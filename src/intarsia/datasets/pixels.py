"""One image with the channels that a data set, or a model trained on it, takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError
from intarsia.images import read_image


def read_pixels(
    path: Path, *, channels: int, names: Sequence[str] = (), page: int | None = None
) -> NDArray[Any]:
    """(H, W, channels) in the file's own depth; `names` are those of dataset.yaml, if any.

    Grey counts as three equal channels, unless the channels are named.

    Raises:
        ImageError: the file cannot be read, or has another number of channels.
    """
    image = read_image(path, page=page)
    if image.shape[2] == channels - 1 and names:
        # a fourth band is often marked as alpha; where it has a name it is a channel
        image = read_image(path, page=page, alpha=True)
    if image.shape[2] == channels:
        return image
    if image.shape[2] == 1 and channels == 3 and not names:
        return np.repeat(image, 3, axis=2)
    raise ImageError(
        f"the image has {image.shape[2]} channels",
        kind="channel-count",
        where=path,
        expected=f"{channels}" + (f" ({', '.join(names)})" if names else ""),
        hint="convert it, or name the channels in dataset.yaml (image: {channels: [...]})",
    )
