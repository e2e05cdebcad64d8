"""The metric sheet of one run on one split, at the images' own size."""

from intarsia.evaluation.details import DetailRecords, Details
from intarsia.evaluation.folds import pool_folds
from intarsia.evaluation.kept import load_sheet
from intarsia.evaluation.measurement import evaluate
from intarsia.evaluation.sheet import OUT_OF_FOLD, Evaluation, ImageMetrics

__all__ = [
    "OUT_OF_FOLD",
    "DetailRecords",
    "Details",
    "Evaluation",
    "ImageMetrics",
    "evaluate",
    "load_sheet",
    "pool_folds",
]
