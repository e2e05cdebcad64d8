"""The file that an exported model travels in, and its reader: NumPy and Pillow only.

A bundle is a zip with a network in ONNX, everything between an image and its mask as JSON, a card,
and images to test itself on. It is read in memory and never unpacked, and nothing in it is code
or a pickle.
"""

from intarsia.bundles.archive import pack
from intarsia.bundles.bundle import SUFFIX, Bundle
from intarsia.bundles.description import Description, Precision, Runtime
from intarsia.bundles.self_test import SelfTest

__all__ = ["SUFFIX", "Bundle", "Description", "Precision", "Runtime", "SelfTest", "pack"]
