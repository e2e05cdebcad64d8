"""Whether what a run is judged on has trained it, chosen its checkpoint, or leaks into it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intarsia.doctor import check
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


def check_unseen(run: Run, images: Mapping[str, str], where: Path) -> None:
    """Raises DataError where a run was trained on some of these images, by their content."""
    if isinstance(run, CrossValidation):
        return  # `evaluate` looks: each image has trained all folds but one
    trained = {
        item["sha256"]: item["name"] for item in run.manifest["samples"] if item["split"] == "train"
    }
    seen = [name for name, digest in images.items() if digest in trained]
    if seen:
        listed = ", ".join(seen[:3]) + (", ..." if len(seen) > 3 else "")
        first = trained[images[seen[0]]]
        same = "" if first == seen[0] else f" (there called {first})"
        raise DataError(
            f"{run.path} was trained on {len(seen)} of the {len(images)} images to compare on: "
            f"{listed}{same}",
            where=where,
            expected="images that none of the runs has learned from",
            hint="compare on another split, or on data that all of them have not seen",
        )


def chosen_on(run: Run, images: Mapping[str, str], split: str) -> int:
    """How many of these images the run's checkpoint was chosen on."""
    if split == OUT_OF_FOLD:
        return len(images)
    judged = {i["sha256"] for i in run.manifest["samples"] if i["split"] == "val"}
    return sum(digest in judged for digest in images.values())


def split_leaks(run: Run, cache: FileCache | None) -> tuple[str, ...]:
    """What the check says of leaks in the split that a run was trained with, a sentence each."""
    report = check(run.dataset(), cache=cache)
    return tuple(
        f"{finding.code}: {finding.value}" for finding in report.findings if finding.code in LEAKS
    )


def same_samples(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True where two manifests hold the same files in the same splits."""
    key = ("name", "split", "sha256", "mask_sha256")
    rows = [
        sorted(tuple(str(item[k]) for k in key) for item in manifest["samples"])
        for manifest in (one, other)
    ]
    return rows[0] == rows[1]
