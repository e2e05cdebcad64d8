"""Whether what a run is judged on has trained it, chosen its checkpoint, or leaks into it."""

from __future__ import annotations

from dataclasses import dataclass

from intarsia.comparison.judged_images import JudgedImages
from intarsia.comparison.manifests import Rows, image_hash, rows
from intarsia.datasets import Dataset
from intarsia.doctor import Finding, check
from intarsia.errors import DataError
from intarsia.evaluation import OUT_OF_FOLD
from intarsia.file_cache import FileCache
from intarsia.runs import CrossValidation, Run

LEAKS = (
    "identical-across-splits",
    "interleaved-sequence",
    "near-duplicate-across-splits",
    "group-across-splits",
)


def check_unseen(run: Run, judged: JudgedImages) -> None:
    """Raises DataError where a run was trained on some of these images, by their content.

    Of folds each image has trained all but one; out of fold, that one is asked.
    """
    if judged.split == OUT_OF_FOLD:
        return
    items = run.manifest["samples"]
    folded = isinstance(run, CrossValidation)
    trained = {
        image_hash(item): item["name"]
        for item in items
        if (item.get("fold") is not None if folded else item["split"] == "train")
    }
    seen = [name for name, digest in judged.images.items() if digest in trained]
    if seen:
        listed = ", ".join(seen[:3]) + (", ..." if len(seen) > 3 else "")
        first = trained[judged.images[seen[0]]]
        same = "" if first == seen[0] else f" (there called {first})"
        where_to = f", or --split {OUT_OF_FOLD}" if folded else ""
        raise DataError(
            f"{run.path} was trained on {len(seen)} of the {len(judged.images)} images to compare "
            f"on: {listed}{same}",
            where=judged.data.root,
            expected="images that none of the runs has learned from",
            hint=f"compare on another split, or on data that all of them have not seen{where_to}",
        )


def chosen_on(run: Run, judged: JudgedImages) -> int:
    """How many of these images the run's checkpoint was chosen on."""
    if judged.split == OUT_OF_FOLD:
        return len(judged.images)
    chose = {image_hash(i) for i in run.manifest["samples"] if i["split"] == "val"}
    return sum(digest in chose for digest in judged.images.values())


@dataclass
class LeakCheck:
    """What the check says of the splits that runs were trained with; each split is checked once."""

    judged: JudgedImages
    cache: FileCache | None = None

    def __post_init__(self) -> None:
        self._known: dict[Rows, tuple[str, ...] | None] = {}

    def leaks(self, run: Run) -> tuple[str, ...] | None:
        """A sentence for each kind of leak; None where the run's data are no longer there."""
        key = rows(run.manifest)
        if key not in self._known:
            data = self._data(run)
            self._known[key] = None if data is None else _leaks(data, self.cache)
        return self._known[key]

    def _data(self, run: Run) -> Dataset | None:
        """The data of a training: where they were, or in the copy that is compared on."""
        own = run.dataset()
        if all(file.is_file() for sample in own.samples for file in sample.image_files):
            return own
        here = self.judged.data
        if len(here.known_to(run.manifest)) < len(own.samples):
            return None
        return here.with_splits_of(run.manifest)


def _leaks(data: Dataset, cache: FileCache | None) -> tuple[str, ...]:
    parts = [data.fold(number) for number in range(data.folds)] if data.folds else [data]
    found: dict[str, list[Finding]] = {}
    for part in parts:
        for finding in check(part, cache=cache).findings:
            if finding.code in LEAKS and finding not in found.get(finding.code, ()):
                found.setdefault(finding.code, []).append(finding)
    return tuple(_sentence(findings) for findings in found.values())


def _sentence(findings: list[Finding]) -> str:
    first, more = findings[0], len(findings) - 1
    file = f"{first.file}: " if first.file else ""
    return f"{first.code}: {file}{first.value}" + (f" (and {more} more)" if more else "")
