"""The files of a comparison: its page, its tables, its figures, and what it says as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from intarsia.comparison import Comparison
from intarsia.images import write_atomic


def write_comparison(
    comparison: Comparison,
    folder: str | Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `comparison.json` and the rest into `folder`; the path of `comparison.html`."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    content = json.dumps(comparison.to_json(), indent=1, ensure_ascii=False) + "\n"
    write_atomic(out / "comparison.json", content.encode())
    return out / "comparison.json"
