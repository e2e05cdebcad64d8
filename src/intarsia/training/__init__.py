"""The training loop."""

from __future__ import annotations

from intarsia.training.loop import train
from intarsia.training.plan import Plan, plan

__all__ = ["Plan", "plan", "train"]
