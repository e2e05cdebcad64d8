"""From an image to a mask at the image's own size: NumPy and OpenCV only.

The network comes in as a plain function from float32 (B, C, H, W) to logits (B, K, H, W), so that
training, evaluation, prediction, exported models and the server all go through the same steps.
Results come in horizontal bands, so that a mask of a large image never needs K planes of it.
"""

from intarsia.inference.band import Band, Ids
from intarsia.inference.inference import Inference, Refine
from intarsia.inference.probabilities import Network
from intarsia.inference.reading import read_ahead
from intarsia.inference.settings import Settings

__all__ = ["Band", "Ids", "Inference", "Network", "Refine", "Settings", "read_ahead"]
