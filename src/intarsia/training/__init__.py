"""The training loop, once or once a fold."""

from __future__ import annotations

from intarsia.training.cross_validation import plan_folds, train_folds
from intarsia.training.loop import train
from intarsia.training.plan import Plan, plan

__all__ = ["Plan", "plan", "plan_folds", "train", "train_folds"]
