"""Telling a training to MLflow or TensorBoard; neither is imported unless asked for."""

from __future__ import annotations

from intarsia.tracking.start import start_tracking
from intarsia.tracking.tracker import Tracker

__all__ = ["Tracker", "start_tracking"]
