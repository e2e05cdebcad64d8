"""Images that have changed since their split was saved."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from intarsia.datasets import Dataset
from intarsia.datasets.content import content_hash
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Finding
from intarsia.errors import DataError
from intarsia.file_cache import FileCache, Question, answers


def findings(data: Dataset, cache: FileCache | None = None) -> Iterator[Finding]:
    """One finding for every image whose content is not that of the saved split."""
    hashed = [sample for sample in data.samples if sample.sha256 is not None]
    questions = (
        Question(s.image, "sha256", "", partial(_digest, s.image_files), s.more_channels)
        for s in hashed
    )
    for sample, found in zip(hashed, answers(questions, cache), strict=True):
        if found["sha256"] not in (None, sample.sha256):
            yield Finding.of(
                "changed-since-split",
                shown(sample.image, data),
                f"another content than when it was put into {sample.split}",
                hint="if it is another picture under an old name, give it a new name; then "
                "intarsia split DATA --extend",
            )


def _digest(files: tuple[Path, ...]) -> dict[str, Any]:
    try:
        return {"sha256": content_hash(files)}
    except DataError:  # it has a finding of its own
        return {"sha256": None}
