"""The files of a comparison: its page, its tables, its figures, and what it says as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from intarsia.comparison import Comparison
from intarsia.images import write_atomic
from intarsia.reporting.comparison_latex import pairs_latex, runs_latex
from intarsia.reporting.comparison_tables import images_table, pairs_table, runs_table
from intarsia.reporting.methods import write_methods


def write_comparison(
    comparison: Comparison,
    folder: str | Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `comparison.json` and the rest into `folder`; the path of `comparison.html`.

    Beside it stand `comparison.csv`, `pairs.csv` and `per-image.csv` at full precision,
    `tables/comparison.tex` and `tables/pairs.tex`, and `methods.md` with `references.bib`.
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    content = json.dumps(comparison.to_json(), indent=1, ensure_ascii=False) + "\n"
    write_atomic(out / "comparison.json", content.encode())
    for table in (runs_table(comparison), pairs_table(comparison), images_table(comparison)):
        write_atomic(out / f"{table.name}.csv", table.csv().encode())
    (out / "tables").mkdir(exist_ok=True)
    write_atomic(out / "tables/comparison.tex", runs_latex(comparison).encode())
    write_atomic(out / "tables/pairs.tex", pairs_latex(comparison).encode())
    write_methods(comparison, out)
    return out / "comparison.json"
