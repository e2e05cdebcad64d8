"""One image with the channels that a data set, or a model trained on it, takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError
from intarsia.images.reading import read_image
from intarsia.images.tiff_window import Window


def read_stack(
    files: Sequence[Path], *, page: int | None = None, window: Window | None = None
) -> NDArray[Any]:
    """(H, W, C) of an image whose channels lie in several files, in their order.

    Raises:
        ImageError: a file cannot be read, or the files differ in size or depth.
    """
    parts = [read_image(file, page=page, window=window) for file in files]
    for file, part in zip(files, parts, strict=True):
        if part.shape[:2] != parts[0].shape[:2] or part.dtype != parts[0].dtype:
            raise ImageError(
                f"the channel is {part.shape[0]} x {part.shape[1]} of {part.dtype}",
                kind="channel-count",
                where=file,
                expected=f"{parts[0].shape[0]} x {parts[0].shape[1]} of {parts[0].dtype}, "
                f"as {files[0].name}",
                hint="export all channels of an image on one grid and in one depth",
            )
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


def read_pixels(
    path: Path,
    *more: Path,
    channels: int,
    names: Sequence[str] = (),
    page: int | None = None,
    window: Window | None = None,
) -> NDArray[Any]:
    """(H, W, channels) in the file's own depth; `names` are those of dataset.yaml, if any.

    `more` are files whose channels follow those of `path`; `window` is that of `read_image`.

    Grey counts as three equal channels, unless the channels are named.

    Raises:
        ImageError: the file cannot be read, or has another number of channels.
    """
    image = read_stack((path, *more), page=page, window=window)
    if image.shape[2] == channels - 1 and names and not more:
        # a fourth band is often marked as alpha; where it has a name it is a channel
        image = read_image(path, page=page, alpha=True, window=window)
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
