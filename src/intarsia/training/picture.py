"""What the network makes of one fixed sample, before training and after every epoch."""

from __future__ import annotations

import numpy as np
from PIL import Image

from intarsia.draw import displayable, overlay
from intarsia.images import Window, read_header, write_rgb
from intarsia.inference import Inference, Network
from intarsia.runs import Run
from intarsia.training.setup import Setup
from intarsia.transforms import shrink, shrink_mask

_LONGEST = 480  # pixels of a picture's longer side


def write_picture(run: Run, setup: Setup, network: Network, epoch: int) -> None:
    """Writes `pictures/epoch-0000.png`: image, truth and prediction of the first val sample.

    With `crop` and `tiles` only the middle of the image is shown, one sample large, so that a
    picture never costs more than one step.
    """
    data, preprocessing = setup.data, setup.preprocessing
    sample = setup.validation_samples[0]
    if preprocessing.tile is not None:
        header = read_header(sample.image, page=data.page)
        place = _middle((header.height, header.width), preprocessing.tile)
        image = data.read_image(sample, window=place)
        truth = data.read_mask(sample, window=place)
    else:
        image, truth = data.read_image(sample), data.read_mask(sample)
    if preprocessing.native and preprocessing.tile is None:
        image, truth = shrink(image, preprocessing), shrink_mask(truth, preprocessing)
        rows, columns = (slice(*side) for side in _middle(truth.shape, preprocessing.size))
        image, truth = image[rows, columns], truth[rows, columns]
    threshold = setup.recipe.predict.threshold
    mask = Inference(network, preprocessing, threshold=threshold).mask(image)
    picture = displayable(image, data.scaling)
    panels = [picture, *(np.asarray(overlay(picture, m, data.labels)) for m in (truth, mask))]
    shown = Image.fromarray(np.concatenate([panel[..., :3] for panel in panels], axis=1))
    shown.thumbnail((len(panels) * _LONGEST, _LONGEST))
    folder = run.path / "pictures"
    folder.mkdir(exist_ok=True)
    write_rgb(folder / f"epoch-{epoch:04d}.png", np.asarray(shown))


def _middle(shape: tuple[int, ...], size: tuple[int, int]) -> Window:
    """A window of `size` in the middle of an image, or all of it where it is smaller."""
    (top, bottom), (left, right) = (
        (max(0, (have - want) // 2), min(have, max(0, (have - want) // 2) + want))
        for have, want in zip(shape, size, strict=True)
    )
    return (top, bottom), (left, right)
