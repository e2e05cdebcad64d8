"""The metric sheet of one run on one split, at the images' own size."""

from intarsia.evaluation.measurement import evaluate
from intarsia.evaluation.sheet import Evaluation, ImageMetrics

__all__ = ["Evaluation", "ImageMetrics", "evaluate"]
