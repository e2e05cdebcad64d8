"""Why two runs may differ: in their data, recipe, budget, code, versions and machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from intarsia.comparison import Entry
from intarsia.reporting.quantities import ABSENT, quantity
from intarsia.runs import Run

Kind = Literal["data", "recipe", "budget", "code", "versions", "machine"]

# told elsewhere (as budget, seed or machine), or without a part in what is learnt
_NOT_RECIPE = (
    *("schema", "description", "reference"),
    *("train.epochs", "train.time", "train.precision"),
    *("data.cache", "train.keep", "train.pictures"),
)
_MACHINE = ("system", "cpu", "cores", "threads", "device")
_SAME_TIME = 1.02  # ratio of seconds up to which they count as equal


@dataclass(frozen=True)
class Reason:
    """One thing that differs: its kind, what it is, and how it is in the one and the other."""

    kind: Kind
    what: str
    one: str
    other: str


def why_differ(one: Entry, other: Entry) -> list[Reason]:
    """Everything that the runs of two entries recorded and that is not the same.

    Values in which the repeats of a run differ are all listed. With a second annotator there is
    nothing to set side by side, and the list is empty.

    Raises:
        RunError: a run's files cannot be read.
    """
    runs, others = one.contender.runs, other.contender.runs
    if not runs or not others:
        return []
    return [
        *_data(runs[0].manifest, others[0].manifest),
        *_recipe(runs, others),
        *_budget(one, other),
        *_code(runs, others),
        *_versions(runs, others),
        *_machine(runs, others),
    ]


def _data(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Reason]:
    mine, theirs = ({_image(item): item for item in m["samples"]} for m in (one, other))
    shared = mine.keys() & theirs.keys()
    found = _unequal("data", "images", _counts(one), _counts(other))
    alone = len(mine) - len(shared), len(theirs) - len(shared)
    if any(alone):
        found.append(Reason("data", "images that the other has not", *map(str, alone)))
    for what, key in (("in another split", "split"), ("with another mask", "mask_sha256")):
        moved = [digest for digest in shared if mine[digest][key] != theirs[digest][key]]
        if moved:
            names = [sorted(str(items[d]["name"]) for d in moved) for items in (mine, theirs)]
            text = f"images {what} ({len(moved)})"
            found.append(Reason("data", text, *(_first(each) for each in names)))
    labels = [", ".join(label["name"] for label in m.get("labels") or []) for m in (one, other)]
    ignored = [", ".join(m.get("ignored") or []) or "none" for m in (one, other)]
    return [
        *found,
        *_unequal("data", "classes", *labels),
        *_unequal("data", "ignored classes", *ignored),
    ]


def _image(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The content of an image, of its further channels too."""
    return (item["sha256"], *(part["sha256"] for part in item.get("more_channels") or []))


def _counts(manifest: Mapping[str, Any]) -> str:
    counts = Counter(str(item["split"] or "in no split") for item in manifest["samples"])
    return ", ".join(f"{count} {split}" for split, count in sorted(counts.items()))


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _recipe(runs: Sequence[Run], others: Sequence[Run]) -> list[Reason]:
    mine, theirs = runs[0].recipe.flat(), others[0].recipe.flat()
    found = []
    for key in mine:
        if key not in _NOT_RECIPE and key != "train.seed":
            found += _unequal("recipe", key, _shown(mine[key]), _shown(theirs.get(key)))
    seeds = [_listed(each, lambda run: run.recipe.train.seed) for each in (runs, others)]
    return found + _unequal("recipe", "train.seed", *seeds)


def _budget(one: Entry, other: Entry) -> list[Reason]:
    epochs = [quantity(each.cost.epochs, "number") for each in (one, other)]
    found = _unequal("budget", "epochs", *epochs)
    seconds = [each.cost.training_seconds for each in (one, other)]
    known = [value for value in seconds if value]
    if len(known) < 2 or max(known) > _SAME_TIME * min(known):
        words = (quantity(value, "duration") for value in seconds)
        found += _unequal("budget", "training time", *words)
    return found


def _code(runs: Sequence[Run], others: Sequence[Run]) -> list[Reason]:
    versions = [
        _listed(each, lambda run: _versions_of(run).get("intarsia")) for each in (runs, others)
    ]
    commits = [
        _listed(each, lambda run: run.environment.get("git_commit")) for each in (runs, others)
    ]
    return [*_unequal("code", "intarsia", *versions), *_unequal("code", "git commit", *commits)]


def _versions(runs: Sequence[Run], others: Sequence[Run]) -> list[Reason]:
    names = [name for run in (*runs, *others) for name in _versions_of(run)]
    found = []
    for name in dict.fromkeys(names):
        if name != "intarsia":
            found += _unequal("versions", name, *(_version(each, name) for each in (runs, others)))
    return found


def _version(runs: Sequence[Run], name: str) -> str:
    return _listed(runs, lambda run: _versions_of(run).get(name))


def _machine(runs: Sequence[Run], others: Sequence[Run]) -> list[Reason]:
    found = []
    for key in _MACHINE:
        found += _unequal("machine", key, *(_fact(each, key) for each in (runs, others)))
    precisions = [_listed(each, lambda run: run.recipe.train.precision) for each in (runs, others)]
    return found + _unequal("machine", "precision", *precisions)


def _fact(runs: Sequence[Run], key: str) -> str:
    return _listed(runs, lambda run: run.environment.get(key))


def _versions_of(run: Run) -> Mapping[str, Any]:
    return dict(run.environment.get("versions") or {})


def _listed(runs: Sequence[Run], read: Callable[[Run], object]) -> str:
    """What the runs have, each value once."""
    return ", ".join(dict.fromkeys(_shown(read(run)) for run in runs))


def _shown(value: object) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _unequal(kind: Kind, what: str, one: str, other: str) -> list[Reason]:
    return [] if one == other else [Reason(kind, what, one, other)]
