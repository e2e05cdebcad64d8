"""The metric sheet of one run on one split, at the images' own size."""

from intarsia.evaluation.details import DetailRecords, Details
from intarsia.evaluation.figures import Figure
from intarsia.evaluation.folds import pool_folds
from intarsia.evaluation.kept import load_sheet
from intarsia.evaluation.measurement import evaluate
from intarsia.evaluation.names import OUT_OF_FOLD
from intarsia.evaluation.primary import primary_estimand
from intarsia.evaluation.sheet import Evaluation, ImageMetrics
from intarsia.evaluation.uncertainty import Intervals, measure_intervals

__all__ = [
    "OUT_OF_FOLD",
    "DetailRecords",
    "Details",
    "Evaluation",
    "Figure",
    "ImageMetrics",
    "Intervals",
    "evaluate",
    "load_sheet",
    "measure_intervals",
    "pool_folds",
    "primary_estimand",
]
