"""Pixels of any depth from and to files."""

from intarsia.images.capture import Capture, read_capture
from intarsia.images.folders import check_new_folder, copy_file, whole_folder
from intarsia.images.header import MAX_PIXELS, ImageHeader, read_header
from intarsia.images.masks import RawKind, RawMask, read_mask
from intarsia.images.reading import has_windows, read_image
from intarsia.images.scaling import Scaling
from intarsia.images.tiff_window import Window
from intarsia.images.writing import mask_png, write_atomic, write_mask, write_rgb

__all__ = [
    "MAX_PIXELS",
    "Capture",
    "ImageHeader",
    "RawKind",
    "RawMask",
    "Scaling",
    "Window",
    "check_new_folder",
    "copy_file",
    "has_windows",
    "mask_png",
    "read_capture",
    "read_header",
    "read_image",
    "read_mask",
    "whole_folder",
    "write_atomic",
    "write_mask",
    "write_rgb",
]
