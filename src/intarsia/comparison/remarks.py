"""What must be said beside a comparison, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from intarsia.comparison.comparison import Entry
from intarsia.comparison.seen import same_samples
from intarsia.statistics import Difference

_UNEVEN = 1.15  # ratio of training times that is no equal budget any more


def comparison_remarks(
    entries: Sequence[Entry], pairs: Sequence[Difference], split: str
) -> tuple[str, ...]:
    """Leaks, selection, looks at the test, unequal data, unequal budgets, then the statistics'."""
    remarks = []
    for entry in entries:
        if entry.leaks:
            remarks.append(
                f"LEAK: {entry.name} was trained with a split that leaks: {'; '.join(entry.leaks)}."
            )
    chosen = [entry.name for entry in entries if entry.chosen_on]
    if chosen:
        remarks.append(
            f"{', '.join(chosen)} chose the checkpoint on these images: the figures are a little "
            "better than the truth, the differences much less so."
        )
    looked = {entry.name: entry.test_looks for entry in entries if entry.test_looks}
    if looked:
        counted = ", ".join(f"{name} {count}" for name, count in looked.items())
        remarks.append(f"Looks at the test split so far: {counted}.")
    remarks += _data_remarks(entries)
    remarks += _budget_remarks(entries)
    for entry in entries:
        remarks += [f"{entry.name}: {failure}" for failure in entry.contender.failures]
    remarks += [remark for pair in pairs for remark in pair.remarks]
    return tuple(dict.fromkeys(remarks))


def _data_remarks(entries: Sequence[Entry]) -> list[str]:
    trained = [entry for entry in entries if entry.contender.runs]
    first = trained[0]
    manifest = first.contender.runs[0].manifest
    return [
        f"{run.path} was trained on other images than {first.name}: "
        f"{_sizes(run.manifest)} against {_sizes(manifest)}."
        for entry in trained
        for run in entry.contender.runs
        if not same_samples(run.manifest, manifest)
    ]


def _sizes(manifest: dict[str, object]) -> str:
    samples = manifest["samples"]
    counts: dict[str, int] = {}
    if isinstance(samples, list):
        for sample in samples:
            counts[str(sample["split"])] = counts.get(str(sample["split"]), 0) + 1
    return ", ".join(f"{count} {split}" for split, count in counts.items() if split != "None")


def _budget_remarks(entries: Sequence[Entry]) -> list[str]:
    times = {e.name: e.cost.training_seconds for e in entries if e.cost.training_seconds}
    if len(times) < 2 or max(times.values()) <= _UNEVEN * min(times.values()):
        return []
    listed = ", ".join(f"{name} {seconds / 60:.1f} min" for name, seconds in times.items())
    return [f"The trainings took unequal time: {listed}."]
