"""A trained model as a function from image to mask, and what it makes of folders."""

from intarsia.prediction.folders import PredictionReport, predict_folder
from intarsia.prediction.predictor import Predictor

__all__ = ["PredictionReport", "Predictor", "predict_folder"]
