"""Runs as models that others use: a network in ONNX, proven to give the run's masks."""

from intarsia.exporting.exporter import export
from intarsia.exporting.gate import Gate

__all__ = ["Gate", "export"]
