"""A run behind LitServe, as its documentation shows: what benchmarks/serving.py measures beside.

python benchmarks/litserve_peer.py RUN PORT
"""

import io
import sys

import litserve
import numpy as np
from fastapi import Response
from numpy.typing import NDArray
from PIL import Image


class Segmenter(litserve.LitAPI):
    """A form with the image as the field `image`; answers the index PNG."""

    def setup(self, device: str) -> None:
        from intarsia.prediction import Predictor

        self.predictor = Predictor(sys.argv[1], device="cpu")

    def decode_request(self, request) -> NDArray[np.uint8]:  # a type would be that of a JSON body
        picture = Image.open(io.BytesIO(request["image"].file.read()))
        return np.asarray(picture.convert("RGB"))

    def predict(self, image: NDArray[np.uint8]) -> bytes:
        from intarsia.images import mask_png

        return mask_png(self.predictor.inference.mask(image), self.predictor.labels)

    def encode_response(self, mask: bytes) -> Response:
        return Response(content=mask, media_type="image/png")


if __name__ == "__main__":
    litserve.LitServer(Segmenter(), accelerator="cpu", timeout=False).run(
        host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False
    )
