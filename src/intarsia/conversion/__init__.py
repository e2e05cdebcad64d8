"""A data set written again in another format."""

from intarsia.conversion.conversion import FORMATS, Conversion, convert

__all__ = ["FORMATS", "Conversion", "convert"]
