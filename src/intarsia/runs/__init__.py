"""The run folder: the only thing that passes between training and everything after it."""

from __future__ import annotations

from intarsia.runs.cross_validation import CrossValidation
from intarsia.runs.run import Run

__all__ = ["CrossValidation", "Run"]
