"""Which class is the background: what is left where nothing is."""

from __future__ import annotations

from intarsia.datasets.encodings import MaskEncoding
from intarsia.labels import LabelMap

BACKGROUNDS = ("background", "_background_", "__background__")


def background_of(labels: LabelMap, encoding: MaskEncoding) -> str | None:
    """The class that is called background, or in binary masks the one that is 0; else None.

    A class is not the background for being the first: nothing says that `class 0`, or `sky`, is
    what is left over.

    >>> encoding = MaskEncoding("ids", {0: 0, 1: 1})
    >>> background_of(LabelMap.of(["Background", "cell"]), encoding)
    'Background'
    >>> background_of(LabelMap.of(["sky", "road"]), encoding)
    """
    called = [name for name in labels.names if name.strip().lower() in BACKGROUNDS]
    if called:
        return called[0]
    zero = encoding.map.get(0) if encoding.kind == "binary" else None
    return None if zero is None else labels.names[zero]
