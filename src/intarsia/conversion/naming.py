"""What classes are called where they are the labels of shapes."""

from __future__ import annotations

from dataclasses import dataclass

from intarsia.datasets.background import BACKGROUNDS
from intarsia.datasets.labelmap import is_void
from intarsia.labels import LabelMap

_IGNORE = "ignore"
_RESERVED = frozenset({*BACKGROUNDS, "__ignore__"})


@dataclass(frozen=True)
class Naming:
    """The label of every class by its id; `blank` is the class that is not drawn.

    The blank class is the one called background: what no shape covers means it. `ignored` is the
    label of the pixels that do not count. Labels are free of what readers take for something else:
    names that say themselves that they do not count, control characters.
    """

    labels: tuple[str, ...]
    blank: int | None
    ignored: str

    def label(self, value: int, ignored: int) -> str:
        """What a value of a mask is called, where pixels that do not count hold `ignored`."""
        return self.ignored if value == ignored else self.labels[value]

    def renamed(self, classes: LabelMap) -> dict[str, str]:
        """From label to class name where they differ, as `remap` in dataset.yaml takes it."""
        pairs = zip(self.labels, classes.names, strict=True)
        # there `ignore` means to drop the class, so that no class can be called so again
        return {label: name for label, name in pairs if name not in (label, _IGNORE)}


def name_labels(classes: LabelMap, ignored: str = _IGNORE) -> Naming:
    """The labels of some classes.

    >>> name_labels(LabelMap.of(["sky", "Background", "void"]))
    Naming(labels=('sky', 'background', 'void_'), blank=1, ignored='ignore')
    """
    names = [name.strip().lower() for name in classes.names]
    blank = next((at for at, name in enumerate(names) if name in BACKGROUNDS), None)
    labels: list[str] = []
    for at, name in enumerate(classes.names):
        label = "".join(c if c.isprintable() else "_" for c in name).strip()
        while _taken(label, labels):
            label += "_"
        labels.append(BACKGROUNDS[0] if at == blank else label)
    return Naming(tuple(labels), blank, ignored)


def _taken(label: str, labels: list[str]) -> bool:
    return not label or label in labels or is_void(label) or label.lower() in _RESERVED
