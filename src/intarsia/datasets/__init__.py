"""Data sets: samples, label classes and splits, from files in any supported layout."""

from intarsia.datasets.dataset import Dataset
from intarsia.datasets.encodings import MaskEncoding
from intarsia.datasets.sample import Sample

__all__ = ["Dataset", "MaskEncoding", "Sample"]
