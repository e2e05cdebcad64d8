"""Data sets: samples, label classes and splits, from files in any supported layout."""

from intarsia.datasets.dataset import Dataset
from intarsia.datasets.drawings import Drawing
from intarsia.datasets.encodings import MaskEncoding
from intarsia.datasets.sample import Sample

__all__ = ["Dataset", "Drawing", "MaskEncoding", "Sample"]
