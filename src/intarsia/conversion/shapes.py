"""What all formats of shapes have in common."""

from __future__ import annotations

import json

from intarsia.conversion.naming import Naming
from intarsia.datasets import MaskEncoding
from intarsia.labels import LabelMap


def shape_labels(classes: LabelMap, naming: Naming) -> LabelMap:
    """The classes under the labels of their shapes."""
    return LabelMap.of(naming.labels, [c.color for c in classes.classes])


def shape_encoding() -> MaskEncoding:
    """Shapes hold no values: whoever reads them gives them some."""
    return MaskEncoding("ids", {})


def hexadecimal(color: tuple[int, int, int]) -> str:
    """A colour as the tools write it.

    >>> hexadecimal((128, 64, 0))
    '#804000'
    """
    return "#{:02x}{:02x}{:02x}".format(*color)


def dumped(item: object) -> str:
    """JSON in one line, letters as they are."""
    return json.dumps(item, ensure_ascii=False)
