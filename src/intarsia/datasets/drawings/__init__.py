"""Masks that are annotations: shapes of a source file, painted where they are read."""

from intarsia.datasets.drawings.drawing import Drawing

__all__ = ["Drawing"]
