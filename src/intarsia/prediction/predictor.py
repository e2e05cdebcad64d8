"""A trained model as a function from image to mask."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.pixels import read_pixels
from intarsia.errors import ImageError
from intarsia.inference import Ids, Inference
from intarsia.labels import LabelMap
from intarsia.recipe import PredictSection
from intarsia.transforms import Preprocessing

if TYPE_CHECKING:
    from intarsia.runs import Run


class Predictor:
    """The best checkpoint of a run, ready to segment images of any size.

    `device` is auto, cpu, cuda or mps. The run's recipe says how the network is used
    (`predict.*`); `settings` change that, as `KEY=VALUE`. `inference` is the same without files.
    Raises RunError or RecipeError where the run, the device, a key, or a class that
    `predict.portrait` names is not there, or where `predict.soft` or `predict.threshold` meet
    another number of classes than two.
    """

    labels: LabelMap
    preprocessing: Preprocessing
    settings: PredictSection
    inference: Inference
    suffixes: frozenset[str] = frozenset()
    """How the names of the images end that it was trained on: `.jpg`, `.tif`, ..."""

    page: int | None = None
    """Which image of a file that holds several."""

    def __init__(
        self,
        path: Run | str | PathLike[str],
        *,
        device: str = "auto",
        settings: Iterable[str] = (),
    ) -> None:
        from intarsia.backends.device import select_device
        from intarsia.backends.torch_backend import torch_network
        from intarsia.runs import Run

        run = path if isinstance(path, Run) else Run.open(Path(path))
        run = run.setting(settings) if settings else run
        self.name = run.name
        self.labels = run.labels
        self.preprocessing = run.preprocessing
        self.settings = run.recipe.predict
        self.suffixes = frozenset(Path(s["image"]).suffix.lower() for s in run.manifest["samples"])
        self.page = run.manifest.get("page")
        self._channel_names: tuple[str, ...] = tuple(run.manifest.get("channel_names", ()))
        self.inference = run.inference(
            torch_network(*run.load_models(), device=select_device(device))
        )

    def __repr__(self) -> str:
        return f"Predictor({self.name!r}, {len(self.labels)} classes)"

    def __call__(self, image: str | PathLike[str] | NDArray[Any]) -> Ids:
        """(H, W) ids at the image's own size: uint8, or uint16 past 255 classes.

        `image` is a file, or (H, W) or (H, W, C) pixels in the units of the training's files
        (for most: 0..255). A file's EXIF orientation is applied.

        Raises ImageError where it cannot be read or has channels or a depth that the model was
        not trained on.
        """
        return self.inference.mask(self.read(image))

    def probabilities(self, image: str | PathLike[str] | NDArray[Any]) -> NDArray[np.float32]:
        """(K, H, W) float32, summing to 1 over the K classes; `image` as for a mask."""
        return self.inference.probabilities(self.read(image))

    def read(self, image: str | PathLike[str] | NDArray[Any]) -> NDArray[Any]:
        """(H, W, C) pixels in the file's own units, with the channels that the model takes."""
        channels = len(self.preprocessing.mean)
        if not isinstance(image, np.ndarray):
            pixels = read_pixels(
                Path(image), channels=channels, names=self._channel_names, page=self.page
            )
            self._check_depth(pixels, image)
            return pixels
        pixels = image[:, :, None] if image.ndim == 2 else image
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8) * 255
        if pixels.ndim == 3 and pixels.shape[2] == 1 and channels == 3 and not self._channel_names:
            # grey counts as three equal channels, in training too
            pixels = np.repeat(pixels, 3, axis=2)
        if pixels.ndim != 3 or pixels.shape[2] != channels:
            found = f"{pixels.shape[2]} channels" if pixels.ndim == 3 else f"shape {pixels.shape}"
            raise ImageError(
                f"the image has {found}, the model takes {channels} channels",
                hint="use images of the kind the model was trained on",
            )
        self._check_depth(pixels, None)
        return pixels

    def _check_depth(self, pixels: NDArray[Any], where: object) -> None:
        """Raise where the model would see nothing but white or nothing but black."""
        scaling = self.preprocessing.scaling
        expected = f"values from {scaling.low:g} to {scaling.high:g}, as in training"
        eight_bit = (scaling.low, scaling.high) == (0, 255)
        if pixels.dtype.kind == "f":
            if not np.isfinite(pixels).all():
                raise ImageError("the image holds values that are not finite", where=where)
            if eight_bit and pixels.size and pixels.max() <= 1:
                raise ImageError(
                    f"the image's values end at {float(pixels.max()):g}",
                    where=where,
                    expected=expected,
                    hint="multiply values of 0..1 by 255",
                )
        elif eight_bit and pixels.dtype.itemsize > 1 and pixels.size and pixels.max() > 255:
            raise ImageError(
                f"a {8 * pixels.dtype.itemsize}-bit image with values up to {int(pixels.max())}",
                where=where,
                expected=expected,
                hint="convert it the way the training images were converted to 8 bit",
            )
        elif pixels.dtype == np.uint8 and scaling.low == 0 and scaling.high >= 4095:
            raise ImageError("an 8-bit image", where=where, expected=expected)
