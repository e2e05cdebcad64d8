"""The files of a comparison: its page, its tables, its figures, and what it says as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.comparison import Comparison
from intarsia.images import write_atomic
from intarsia.reporting.comparison_latex import pairs_latex, runs_latex
from intarsia.reporting.comparison_page import comparison_page
from intarsia.reporting.comparison_tables import images_table, pairs_table, runs_table
from intarsia.reporting.methods import write_methods
from intarsia.runs.json_files import write_json

if TYPE_CHECKING:
    from intarsia.datasets import Dataset


def write_comparison(
    comparison: Comparison,
    folder: str | Path,
    data: Dataset | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `comparison.html`, `comparison.json` and the rest into `folder`.

    The page is self-contained: no script, no network, pictures inside. For its images `data`, what
    was compared on (by default the data of the first run), are read and the runs predict again:
    `progress` is called with (masks made, all of them). Data or weights that are gone cost these
    pictures, not the page.

    Beside it stand `figures/`, `comparison.csv`, `pairs.csv` and `per-image.csv` at full precision,
    `tables/comparison.tex` and `tables/pairs.tex`, and `methods.md` with `references.bib`.

    Returns:
        The path of `comparison.html`.

    Raises:
        RunError: a run's log or manifest is damaged.
    """
    out = Path(folder)
    for name in ("figures", "tables"):
        (out / name).mkdir(parents=True, exist_ok=True)
    write_json(out / "comparison.json", comparison.to_json())
    for table in (runs_table(comparison), pairs_table(comparison), images_table(comparison)):
        write_atomic(out / f"{table.name}.csv", table.csv().encode())
    write_atomic(out / "tables/comparison.tex", runs_latex(comparison).encode())
    write_atomic(out / "tables/pairs.tex", pairs_latex(comparison).encode())
    write_methods(comparison, out)
    page = comparison_page(comparison, data, progress=progress)
    for drawing in page.drawings:
        drawing.write(out / "figures")
    path = out / "comparison.html"
    write_atomic(path, page.text.encode())
    return path
