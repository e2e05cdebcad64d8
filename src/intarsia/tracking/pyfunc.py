"""A predictor as MLflow's scoring server wants it: image bytes in, PNG masks out.

This and what it needs of Intarsia travels inside the MLflow model (see `artifact`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError
from intarsia.images import write_mask
from intarsia.labels import LabelMap

if TYPE_CHECKING:
    import pandas as pd

IMAGE = "image"
MASK = "mask"


class Segmenter(Protocol):
    """What an `intarsia.Predictor` is: a file to (H, W) ids."""

    labels: LabelMap

    def __call__(self, image: Path, /) -> NDArray[np.unsignedinteger]: ...


class MaskModel:
    """Answers each image file's bytes with the bytes of an index PNG of its size."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter

    def predict(
        self, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """The column `mask` for the column `image`; the server turns both from and to base64.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE (HTTP 400) where an image cannot be read.
        """
        import pandas as pd

        masks = [self._answer(n, content) for n, content in enumerate(model_input[IMAGE])]
        return pd.DataFrame({MASK: masks}, index=model_input.index)

    def _answer(self, number: int, content: object) -> bytes:
        from mlflow.exceptions import MlflowException

        if not isinstance(content, bytes):
            raise MlflowException.invalid_parameter_value(
                f"image {number} is {type(content).__name__}: the bytes of an image file expected"
            )
        # through a file, so that a mask is what `intarsia predict` would write, tags and all
        with tempfile.TemporaryDirectory() as folder:
            image, mask = Path(folder) / "image", Path(folder) / "mask.png"
            image.write_bytes(content)
            try:
                ids = self._segmenter(image)
            except DataError as error:
                raise MlflowException.invalid_parameter_value(
                    f"image {number}: {error.what}"
                ) from error
            write_mask(mask, ids, self._segmenter.labels)
            return mask.read_bytes()
