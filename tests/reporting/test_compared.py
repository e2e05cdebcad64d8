"""Several runs side by side: shared images only, each network's own masks, one colour a run."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_run import STREET, FakeData, FakeRun, make_run
from PIL import Image

from intarsia.errors import DataError
from intarsia.html.pages import _environment
from intarsia.labels import LabelMap
from intarsia.reporting import compared
from intarsia.reporting.compared import compared_curves, compared_gallery, compared_values


class SplitData(FakeData):
    """One split, named."""

    def split(self, name: str) -> list[SimpleNamespace]:
        return self.samples if name == "val" else []


def _runs(folder: Path, counts: tuple[int, int] = (7, 5)) -> dict[str, FakeRun]:
    made = {}
    for name, count in zip(("first", "second & <b>"), counts, strict=True):
        run = make_run(folder / name[:5], STREET, count=1, epochs=3)
        run.data = SplitData("street", STREET, count)
        made[name] = run
    for row in made["first"].log:
        row["val_mean_dice"] = 0.5
    return made


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeRun]:
    made = _runs(tmp_path)

    def predictor(run: FakeRun) -> object:
        assert run.data is not None
        # the second network answers everything with class 2
        constant = run is not made["first"]
        return (lambda i: np.full(i.shape[:2], 2, np.uint8)) if constant else run.data.predict

    monkeypatch.setattr(compared, "_predictor", predictor)
    return made


def _pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))


def test_gallery(runs: dict[str, FakeRun]) -> None:
    steps: list[tuple[int, int]] = []
    rows = compared_gallery(runs, "val", 3, progress=lambda *step: steps.append(step))
    # of the five that both have, evenly spaced
    assert [row.file for row in rows] == ["val/000", "val/002", "val/004"]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    row = rows[1]
    assert [title for title, _ in row.sources] == [
        "image",
        "truth",
        "truth over image",
        "first: mask",
        "first: overlay",
        "second & <b>: mask",
        "second & <b>: overlay",
    ]
    data = runs["first"].data
    assert data is not None
    sample = data.samples[2]
    assert np.array_equal(_pixels(row.truth), STREET.colorize(data.read_mask(sample)))
    first, second = row.networks
    own = STREET.colorize(data.predict(data.read_image(sample)))
    assert np.array_equal(_pixels(first.mask), own)
    assert (_pixels(second.mask) == STREET.classes[2].color).all()
    assert first.color != second.color


def test_more_images_than_there_are(runs: dict[str, FakeRun]) -> None:
    assert len(compared_gallery(runs, "val", 50)) == 5
    assert compared_gallery({}, "val", 3) == []


def test_what_cannot_be_compared(runs: dict[str, FakeRun]) -> None:
    with pytest.raises(DataError, match="share no image"):
        compared_gallery(runs, "test", 3)
    runs["second & <b>"].data = SplitData("street", LabelMap.of(["a", "b"]), 5)
    with pytest.raises(DataError, match="other classes"):
        compared_gallery(runs, "val", 3)


def test_curves(runs: dict[str, FakeRun]) -> None:
    drawings = compared_curves(runs)
    assert [d.name for d in drawings] == [
        "compared-loss",
        "compared-dice",
        "compared-miou",
        "compared-accuracy",
    ]
    loss = drawings[0].svg.decode()
    # each run's training and validation line and its key in the legend; other ink is not counted
    for color in ("#0072b2", "#d55e00"):
        assert len(re.findall(rf"<path [^>]*stroke: {color}[^>]*stroke-width", loss)) >= 3
    runs["first"].log.clear()
    runs["second & <b>"].log.clear()
    assert compared_curves(runs) == []


def test_page_part(runs: Mapping[str, FakeRun]) -> None:
    values = compared_values(runs, compared_gallery(runs, "val", 2))
    page = _environment().from_string(
        '{% from "parts.html" import legend, swatch with context %}{% include "compared.html" %}'
    )
    text = page.render(labels=STREET, **values)
    assert text.count("<img") == 2 * (3 + 2 * 2)
    assert text.count("<svg") == 4
    assert "second &amp; &lt;b&gt;" in text
    assert "<b>" not in text
    # the same colour in the list of runs and above each mask
    assert text.count("background:var(--second)") == 1 + 2
