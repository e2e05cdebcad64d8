"""A fully connected CRF: probabilities that follow the edges of the image."""

from intarsia.crf.lattice import Lattice
from intarsia.crf.plane import PlaneFilter
from intarsia.crf.refinement import refine

__all__ = ["Lattice", "PlaneFilter", "refine"]
