"""Synthetic data of our own making."""

from intarsia.datasets.synthetic.street import make_scene, make_street, street_labels

__all__ = ["make_scene", "make_street", "street_labels"]
