from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import REPEAT, Painted, Served, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One service for the tests of a file that leave it as they found it."""
    with serving(max_body=200_000, max_pixels=50_000) as running:
        yield running


@pytest.fixture(scope="module")
def runs(tmp_path_factory: Any, folded: Any) -> Path:
    """A folder with a cross-validation, one of its folds as a run, a damaged run, a comparison."""
    folder: Path = tmp_path_factory.mktemp("runs")
    shutil.copytree(folded.path, folder / "folded")
    shutil.copytree(folded.path / "fold-0", folder / "single <b>")
    (folder / "single <b>" / "report.html").write_text("<html><main>the report</main></html>")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "recipe.yaml").write_text("schema: 99\n")
    (folder / "damaged" / "dataset.json").write_text("{}")
    (folder / "compared").mkdir()
    (folder / "compared" / "comparison.html").write_text("<html>compared</html>")
    shutil.copytree(folded.path / "fold-1", folder / REPEAT)
    return folder


@pytest.fixture(scope="module")
def with_runs(runs: Path, tmp_path_factory: Any) -> Iterator[Served]:
    def load(path: str) -> Painted:
        predictor = Painted()
        predictor.name = Path(path).name
        return predictor

    own = tmp_path_factory.mktemp("own") / "painted"
    shutil.copytree(runs / "single <b>", own)
    with serving(runs=runs, path=own, load=load) as served:
        yield served
