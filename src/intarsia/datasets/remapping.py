"""Class tools: rename, merge, drop and reorder, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from intarsia.datasets.classes import Classes
from intarsia.datasets.encodings import MaskEncoding
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import nearest
from intarsia.labels import LabelMap

IGNORE = "ignore"


def remapped(
    classes: Classes,
    remap: Mapping[str, str],
    order: Sequence[str],
    where: Path,
    said_by: str | None = None,
) -> Classes:
    """The classes with `remap` (old name to new name, or to "ignore") applied, then in `order`.

    Classes that `remap` does not name stay. Several old names with one new name are merged, also
    with a class that has that name already; a merged class keeps the colour of the class of its
    name, or else of the first. Nothing in the files changes: only what their values mean.

    Raises:
        DataError: unknown names, an `order` that is not whole, nothing left; all faults at once,
            with `where` as their file. `said_by` is who wants it, the file unless given.
    """
    names = classes.labels.names
    faults = [unknown_class("remap", name, names) for name in remap if name not in names]
    targets = {name: remap.get(name, name) for name in names}
    kept = {name: new for name, new in targets.items() if new != IGNORE or IGNORE in names}
    new_names = list(dict.fromkeys(kept.values()))
    if not new_names:
        faults.append("remap: every class would be ignored")
    if order and not faults:
        faults += [
            unknown_class("order", name, new_names) for name in order if name not in new_names
        ]
        missing = [name for name in new_names if name not in order]
        if missing:
            faults.append(f"order: {', '.join(missing)} left out; name every class")
        doubled = sorted({name for name in order if order.count(name) > 1})
        if doubled:
            faults.append(f"order: {', '.join(doubled)} twice")
    final = list(order) if order else new_names
    ids = {
        c.id: final.index(kept[c.name]) if c.name in kept and not faults else None
        for c in classes.labels.classes
    }
    if classes.encoding.threshold is not None and any(old != new for old, new in ids.items()):
        faults.append("masks.threshold: its two classes can be renamed only")
    if faults:
        raise faulty(faults, where)
    colors = {}
    for c in classes.labels.classes:
        if c.name in kept and (kept[c.name] == c.name or kept[c.name] not in colors):
            colors[kept[c.name]] = c.color
    encoding = MaskEncoding(
        classes.encoding.kind,
        {v: None if i is None else ids[i] for v, i in classes.encoding.map.items()},
        classes.encoding.threshold,
    )
    dropped = tuple(name for name in names if name not in kept)
    return Classes(
        LabelMap.of(final, [colors[name] for name in final]),
        encoding,
        (*classes.ignored, *dropped),
        (*classes.notes, *_notes(targets, final, said_by or where.name)),
    )


def unknown_class(key: str, name: str, names: Sequence[str]) -> str:
    """The fault of a name that is no class, with the nearest that is."""
    close = nearest(name, names)
    offer = f'; did you mean "{close}"?' if close else f" (there are: {', '.join(names)})"
    return f'{key}: no class "{name}"{offer}'


def _notes(targets: Mapping[str, str], final: Sequence[str], said_by: str) -> list[str]:
    changed = [f"{old} to {new}" for old, new in targets.items() if old != new]
    if not changed:
        return [f"the classes are in the order of {said_by}: {', '.join(final)}"]
    return [
        f"the classes are changed by {said_by} ({', '.join(changed)}): "
        f"{len(final)} are left ({', '.join(final)})"
    ]
