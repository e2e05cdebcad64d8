"""From samples to tensors: decoded pixels kept at hand, and deterministic training batches."""

from intarsia.batches.pairs import Pair, Pairs
from intarsia.batches.pixel_cache import PixelCache
from intarsia.batches.statistics import channel_statistics, class_pixels
from intarsia.batches.tiles import Tiles, draw_shares
from intarsia.batches.training_batches import Batch, TrainingBatches

__all__ = [
    "Batch",
    "Pair",
    "Pairs",
    "PixelCache",
    "Tiles",
    "TrainingBatches",
    "channel_statistics",
    "class_pixels",
    "draw_shares",
]
