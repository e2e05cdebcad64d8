"""Images that have changed since their split was saved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from intarsia.datasets import Dataset, Sample
from intarsia.datasets.content import fingerprint
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Finding
from intarsia.errors import DataError


def findings(data: Dataset) -> Iterator[Finding]:
    """One finding for every image whose content is not that of the saved split."""
    hashed = [sample for sample in data.samples if sample.sha256 is not None]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for sample, changed in zip(hashed, pool.map(_changed, hashed), strict=True):
            if changed:
                yield Finding.of(
                    "changed-since-split",
                    shown(sample.image, data),
                    f"another content than when it was put into {sample.split}",
                    hint="if it is another picture under an old name, give it a new name; then "
                    "intarsia split DATA --extend",
                )


def _changed(sample: Sample) -> bool:
    try:
        return fingerprint(sample.image)[1] != sample.sha256
    except DataError:  # it has a finding of its own
        return False
