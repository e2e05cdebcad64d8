"""How good masks and probabilities are: regions, boundaries, calibration, kinds of error.

NumPy, SciPy and OpenCV only. Every measure works image by image and leaves counts that add up,
or one value an image: nothing here holds more than one image at a time.
"""

from intarsia.metrics.boundary import (
    BOUNDARY_MEASURES,
    BoundaryMetrics,
    boundary_measures,
    boundary_metrics,
)
from intarsia.metrics.calibration import (
    BINS,
    ReliabilityBin,
    calibration_error,
    class_calibration_errors,
    reliability_counts,
    reliability_diagram,
)
from intarsia.metrics.error_budget import ERROR_KINDS, ErrorShares, error_budget, error_shares
from intarsia.metrics.region import (
    ClassMetrics,
    ConfusionMatrix,
    class_metrics,
    confusion_matrix,
    frequency_weighted_iou,
    majority_accuracy,
    mean_accuracy,
    mean_dice,
    micro_iou,
    miou,
    pixel_accuracy,
)
from intarsia.metrics.temperature import PixelSample, Temperature, fit_temperature, tempered

__all__ = [
    "BINS",
    "BOUNDARY_MEASURES",
    "ERROR_KINDS",
    "BoundaryMetrics",
    "ClassMetrics",
    "ConfusionMatrix",
    "ErrorShares",
    "PixelSample",
    "ReliabilityBin",
    "Temperature",
    "boundary_measures",
    "boundary_metrics",
    "calibration_error",
    "class_calibration_errors",
    "class_metrics",
    "confusion_matrix",
    "error_budget",
    "error_shares",
    "fit_temperature",
    "frequency_weighted_iou",
    "majority_accuracy",
    "mean_accuracy",
    "mean_dice",
    "micro_iou",
    "miou",
    "pixel_accuracy",
    "reliability_counts",
    "reliability_diagram",
    "tempered",
]
