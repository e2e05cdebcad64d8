"""What must be said beside a comparison, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from intarsia.comparison.comparison import Entry
from intarsia.comparison.manifests import same_data, split_sizes
from intarsia.comparison.remark import Kind, Remark
from intarsia.statistics import Difference

_UNEVEN = 1.15  # ratio of training times that is no equal budget any more


def comparison_remarks(
    entries: Sequence[Entry],
    pairs: Sequence[Difference],
    names: Sequence[str],
    late: Sequence[str] = (),
) -> tuple[Remark, ...]:
    """Leaks, failures, unequal conditions, selection, looks at the test, then the statistics'.

    `names` are those of the classes, `late` those of runs that were trained before the data
    declared their primary figure.
    """
    failures = [
        f"{each.name}: {failure}" for each in entries for failure in each.contender.failures
    ]
    texts: dict[Kind, list[str]] = {
        "leak": _leak_remarks(entries),
        "unchecked": _unchecked_remarks(entries),
        "failure": failures,
        "conditions": [
            *_class_remarks(entries, names),
            *_data_remarks(entries),
            *_budget_remarks(entries),
        ],
        "primary": [
            f"The data declared the figure that ranks only after these were trained: "
            f"{', '.join(late)}."
        ]
        if late
        else [],
        "selection": _selection_remarks(entries),
        "looks": _look_remarks(entries),
        "statistics": [remark for pair in pairs for remark in pair.remarks],
    }
    remarks = [Remark(kind, text) for kind, said in texts.items() for text in said]
    return tuple(dict.fromkeys(remarks))


def _leak_remarks(entries: Sequence[Entry]) -> list[str]:
    found: dict[tuple[str, ...], list[str]] = {}
    for entry in entries:
        if entry.leaks:
            found.setdefault(entry.leaks, []).append(entry.name)
    return [
        f"{', '.join(names)} {'was' if len(names) == 1 else 'were'} trained with a split that "
        f"leaks: {'; '.join(leaks)}."
        for leaks, names in found.items()
    ]


def _unchecked_remarks(entries: Sequence[Entry]) -> list[str]:
    unchecked = [entry.name for entry in entries if not entry.leaks_checked]
    if not unchecked:
        return []
    return [
        f"Whether their splits leak is not known, for the data of the training are gone: "
        f"{', '.join(unchecked)}."
    ]


def _selection_remarks(entries: Sequence[Entry]) -> list[str]:
    chosen = [entry.name for entry in entries if entry.chosen_on]
    others = [entry.name for entry in entries if entry.contender.runs and not entry.chosen_on]
    if not chosen:
        return []
    text = f"{', '.join(chosen)} chose the checkpoint on these images: "
    if others:
        return [f"{text}the comparison with {', '.join(others)} is a little too kind to them."]
    return [f"{text}the figures are a little better than the truth, the differences much less so."]


def _look_remarks(entries: Sequence[Entry]) -> list[str]:
    looked = [f"{entry.name} {entry.test_looks}" for entry in entries if entry.test_looks]
    return [f"Looks at the test split so far: {', '.join(looked)}."] if looked else []


def _class_remarks(entries: Sequence[Entry], names: Sequence[str]) -> list[str]:
    remarks = []
    truth = entries[0].matrix.sum(axis=1)
    absent = [name for name, pixels in zip(names, truth, strict=True) if not pixels]
    if absent:
        remarks.append(f"In no truth of these images: {', '.join(absent)}.")
    never = {
        entry.name: [
            name
            for name, true, predicted in zip(names, truth, entry.matrix.sum(axis=0), strict=False)
            if true and not predicted
        ]
        for entry in entries
    }
    nobody = [name for name in names if all(name in classes for classes in never.values())]
    if nobody:
        remarks.append(f"Predicted by nobody, IoU 0: {', '.join(nobody)}.")
    for run, classes in never.items():
        alone = [name for name in classes if name not in nobody]
        if alone:
            remarks.append(f"{run} never predicts: {', '.join(alone)} (IoU 0).")
    return remarks


def _data_remarks(entries: Sequence[Entry]) -> list[str]:
    trained = [entry for entry in entries if entry.contender.runs]
    first = trained[0]
    manifest = first.contender.runs[0].manifest
    return [
        f"{entry.name} was trained on other data than {first.name}: "
        f"{_sizes(other)} against {_sizes(manifest)}."
        for entry in trained
        for other in (run.manifest for run in entry.contender.runs)
        if not same_data(other, manifest)
    ]


def _sizes(manifest: dict[str, object]) -> str:
    sizes = ", ".join(f"{count} {split}" for split, count in split_sizes(manifest).items())
    return f"{manifest['name']} ({sizes})"


def _budget_remarks(entries: Sequence[Entry]) -> list[str]:
    times = {e.name: e.cost.training_seconds for e in entries if e.cost.training_seconds}
    if len(times) < 2 or max(times.values()) <= _UNEVEN * min(times.values()):
        return []
    listed = ", ".join(f"{name} {seconds / 60:.1f} min" for name, seconds in times.items())
    return [f"The trainings took unequal time: {listed}."]
