"""The class tools as flags: what `remap` and `order` of dataset.yaml say, in words of a command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from intarsia.datasets.classes import Classes
from intarsia.datasets.dataset import Dataset
from intarsia.datasets.primary import carried
from intarsia.datasets.remapping import IGNORE, remapped, unknown_class
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError

_EXPECTED = {"rename": "--rename old=new", "merge": "--merge new=a+b", "drop": "--drop a,b"}


@dataclass(frozen=True)
class ClassFlags:
    """`--rename old=new`, `--merge new=a+b`, `--drop a,b`, `--order a,b,c`, as they were given.

    The first three may be repeated; a name that holds a sign of theirs is understood where it is
    a class.
    """

    rename: Sequence[str] = ()
    merge: Sequence[str] = ()
    drop: Sequence[str] = ()
    order: str | None = None

    def apply(self, data: Dataset) -> Dataset:
        """The same data with its classes renamed, merged, dropped to ignored, then in order.

        The rules are those of dataset.yaml: what is not named stays, several names that become one
        are merged, `--order` names every class that is left.

        Raises:
            DataError: unknown names (the nearest is offered), a class in two of the flags, an
                order that is not whole, nothing left.
        """
        if not (self.rename or self.merge or self.drop) and self.order is None:
            return data
        names = data.labels.names
        remap, faults = self._remap(names)
        left = list(dict.fromkeys(remap.get(n, n) for n in names if remap.get(n) != IGNORE))
        order = [] if self.order is None else _names(self.order, ",", left)
        if self.order is not None and not order:
            raise DataError("--order names no class", expected="--order a,b,c")
        if faults:
            raise faulty(faults, data.root)
        before = Classes(data.labels, data.encoding, data.ignored)
        classes = remapped(before, remap, order, data.root, "your choice")
        becomes = {name: remap.get(name, name) for name in names}
        shared = Counter(becomes.values())
        alone = {
            old: new if old == new or (new in classes.labels.names and shared[new] == 1) else None
            for old, new in becomes.items()
        }
        primary, said = carried(data.primary, alone)
        return replace(
            data,
            labels=classes.labels,
            encoding=classes.encoding,
            ignored=classes.ignored,
            notes=(*data.notes, *classes.notes, *said),
            primary=primary,
        )

    def _remap(self, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        remap: dict[str, str] = {}
        faults: list[str] = []
        for flag, olds, new in self._wanted(names):
            if not olds:
                faults.append(f"--{flag} names no class")
            if not new:
                raise DataError(
                    f"--{flag} has no new name: {'+'.join(olds)}", expected=_EXPECTED[flag]
                )
            if not olds:
                what = f"--{flag} names no class"
                raise DataError(
                    what if new == IGNORE else f"{what}: {new}", expected=_EXPECTED[flag]
                )
            for old in olds:
                if old not in names:
                    faults.append(unknown_class(f"--{flag}", old, names))
                elif remap.setdefault(old, new) != new:
                    faults.append(f'--{flag}: "{old}" already becomes "{remap[old]}"')
        return remap, faults

    def _wanted(self, names: Sequence[str]) -> list[tuple[str, list[str], str]]:
        wanted = []
        for text in self.rename:
            old, new = _pair(text, names)
            wanted.append(("rename", [old], new))
        for text in self.merge:
            new, sign, olds = text.partition("=")
            if not sign:  # the new name was forgotten
                new, olds = "", text
            wanted.append(("merge", _names(olds, "+", names), new.strip()))
        for text in self.drop:
            wanted.append(("drop", _names(text, ",", names), IGNORE))
        return wanted


def _pair(text: str, names: Sequence[str]) -> tuple[str, str]:
    """The two sides of the first = with a class on its left."""
    places = [at for at, sign in enumerate(text) if sign == "="]
    known = [at for at in places if text[:at].strip() in names]
    at = (known or places or [len(text)])[0]
    return text[:at].strip(), text[at + 1 :].strip()


def _names(text: str, sign: str, names: Sequence[str]) -> list[str]:
    """The names between the signs; a class whose own name has the sign stays whole.

    >>> _names("door, double door,wall", ",", ["wall", "door, double door"])
    ['door, double door', 'wall']
    """
    found: list[str] = []
    parts = text.split(sign)
    while parts:
        whole = [n for n in range(len(parts), 0, -1) if sign.join(parts[:n]).strip() in names]
        count = whole[0] if whole else 1
        name = sign.join(parts[:count]).strip()
        found += [name] if name else []
        parts = parts[count:]
    return found
