"""A trained model as a function from image to mask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import ImageError, RunError
from intarsia.images.pixels import read_pixels
from intarsia.inference import Ids, Inference, Settings
from intarsia.labels import LabelMap
from intarsia.transforms import Preprocessing

if TYPE_CHECKING:
    from intarsia.bundles import SelfTest
    from intarsia.runs import Run


class Predictor:
    """The best checkpoint of a run, or a bundle made of it, ready to segment images of any size.

    `path` is a run, its folder, or the file that `intarsia export` wrote; a bundle needs no torch.
    `device` is auto, cpu, cuda or mps. The run's recipe says how the network is used
    (`predict.*`); `settings` change that, as `KEY=VALUE`. `inference` is the same without files.
    Raises RunError, BundleError or RecipeError where the run, the file, the device, a key, or a
    class that `predict.portrait` names is not there or damaged, or where `predict.soft` or
    `predict.threshold` meet another number of classes than two. `card` is the model card of a
    bundle, None of a run.
    """

    name: str
    labels: LabelMap
    preprocessing: Preprocessing
    settings: Settings
    inference: Inference
    card: Mapping[str, Any] | None
    _tests: tuple[SelfTest, ...]
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
        texts = list(settings)
        if isinstance(path, str | PathLike) and _names_bundle(Path(path)):
            self._use_bundle(Path(path), device, texts)
        else:
            self._use_run(path, device, texts)

    def _use_run(self, path: Run | str | PathLike[str], device: str, settings: list[str]) -> None:
        try:
            from intarsia.backends.device import select_device
            from intarsia.backends.torch_backend import torch_network
            from intarsia.runs import Run
        except ModuleNotFoundError as error:
            raise RunError(
                f"this is no bundle, and a run needs the package {error.name}",
                where=path,
                expected="a file that `intarsia export` wrote",
                hint="pip install intarsia with all that it needs",
            ) from error

        run = path if isinstance(path, Run) else Run.open(Path(path))
        run = run.setting(settings) if settings else run
        self.card, self._tests = None, ()
        self.name = run.name
        self.labels = run.labels
        self.preprocessing = run.preprocessing
        self.settings = run.used_as
        self.suffixes = run.suffixes
        self.page = run.manifest.get("page")
        self._channel_names: tuple[str, ...] = tuple(run.manifest.get("channel_names", ()))
        self.inference = run.inference(
            torch_network(*run.load_models(), device=select_device(device))
        )

    def _use_bundle(self, path: Path, device: str, settings: list[str]) -> None:
        from intarsia.bundles import Bundle
        from intarsia.prediction.bundled import bundle_network, bundle_settings

        bundle = Bundle.open(path)
        described = bundle.description
        self.card = bundle.card
        # masks as other settings make them would be others
        self._tests = () if settings else bundle.tests
        self.name = described.name
        self.labels = described.labels
        self.preprocessing = described.preprocessing
        self.settings = bundle_settings(bundle, settings)
        self.suffixes = frozenset(described.suffixes)
        self.page = described.page
        self._channel_names = described.channel_names
        self.inference = self.settings.inference(
            bundle_network(bundle, device), self.preprocessing, self.labels
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

    def self_test(self) -> float | None:
        """The least share of pixels that an image of the bundle's own gets as it did at export.

        None where there is nothing to compare: a run, or settings that are not the bundle's.
        """
        shares = [
            float((self.inference.mask(test.image) == test.mask).mean()) for test in self._tests
        ]
        return min(shares, default=None)

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


def _names_bundle(path: Path) -> bool:
    return path.is_file() or path.suffix == ".intarsia"
