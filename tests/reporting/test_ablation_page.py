"""The files of an ablation: what they hold, and that the page needs nothing else."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from browsing import look
from intarsia.comparison import Ablation, FreeGain, Switch, Use
from intarsia.reporting import write_ablation
from intarsia.reporting.ablation import gains_drawing
from intarsia.statistics import correct_together, count_groups, estimate, measure_difference

SWITCHES = (
    Switch("flip", "off", "on", False, ("predict.flip=true",)),
    Switch("scales", "1", "0.75,1,1.25", False, ("predict.scales=0.75,1,1.25",)),
    Switch("overlap", "0", "0.5", True, ("predict.overlap=0.0",)),
    Switch("overlap", "0.25", "0.5", True, ("predict.overlap=0.25",)),
    Switch("overlap", "0.5", "0.75", False, ("predict.overlap=0.75",)),
    Switch("CRF", "off", "on", False, ("predict.crf=true",)),
    Switch("EMA", "off", "on", True, ("predict.ema=false",)),
    Switch("snapshots", "1", "3", False, ("predict.ensemble=true",)),
)
TIMES = (80.0, 141.0, 22.0, 30.0, 95.0, 1310.0, 40.5, 121.0)


@cache
def made() -> Ablation:
    """A street of 18 drives in which most gains bring a little, and the CRF harms."""
    rng = np.random.default_rng(2)
    plain = rng.integers(400, 2000, (90, 4, 4)) + np.eye(4, dtype=int) * 4000
    groups = [f"drive {index // 5}" for index in range(90)]
    base = count_groups(plain, groups)
    differences = []
    for place, switch in enumerate(SWITCHES):
        mean = {0: 130, 1: 165, 5: -190, 7: 110}.get(place, 0)
        moved = rng.integers(mean - 190, mean + 190, 90)
        other = plain.copy()
        for a, b in ((0, 1), (2, 3)):
            other[:, a, a] += moved
            other[:, a, b] -= moved
        counts = count_groups(other, groups)
        pair = (base, counts) if switch.has else (counts, base)
        differences.append(measure_difference(*pair, names=switch.names, tests=len(SWITCHES)))
    gains = []
    for switch, found, time in zip(SWITCHES, correct_together(differences), TIMES, strict=True):
        moved = -(found.value or 0) if switch.has else found.value or 0
        ours, theirs = (0.42, 40.0), (0.42 + moved, time)
        with_, without = (ours, theirs) if switch.has else (theirs, ours)
        gains.append(
            FreeGain(switch, Use(switch.without, *without), Use(switch.with_, *with_), found)
        )
    tempered = Switch("temperature", "1", "1.42", False, ("predict.temperature=fitted",))
    gains.append(
        FreeGain(
            tempered,
            Use("1", 0.42, 40.0, 0.061),
            Use("1.42", 0.42, 41.0, 0.012),
            None,
            "No mask changes: Δ is 0 by construction. ECE 0.061 → 0.012 on street, val.",
        )
    )
    return Ablation(
        run="<b>unet</b>",
        data="street",
        split="val",
        device="cpu",
        images=90,
        groups=18,
        base=estimate(base),
        base_milliseconds=40.0,
        margin=0.01,
        level=0.95,
        gains=tuple(gains),
        absent=(Switch("folds", "", "", False, reason="the run is one training"),),
        remarks=("A use chosen by this table is to be judged on other images.",),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ablation(made(), tmp_path_factory.mktemp("ablation") / "out")


def test_the_files_hold_every_row(written: Path) -> None:
    ablation = made()
    assert written.name == "ablation.html"
    assert sorted(path.name for path in written.parent.iterdir()) == [
        "ablation.csv",
        "ablation.html",
        "ablation.json",
    ]
    content = json.loads((written.parent / "ablation.json").read_text())
    assert content == json.loads(json.dumps(ablation.to_json()))
    with (written.parent / "ablation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["gain"] for row in rows] == [*(s.gain for s in SWITCHES), "temperature", "folds"]
    assert float(rows[0]["difference"]) == ablation.gains[0].value
    assert float(rows[5]["latency ratio"]) == 1310 / 40
    assert rows[2]["the run has"] == "with"
    assert (rows[8]["verdict"], float(rows[8]["ECE with"])) == ("same masks", 0.012)
    assert (rows[9]["difference"], rows[9]["remark"]) == ("", "n/a: the run is one training")


def test_the_page_needs_nothing_else(written: Path) -> None:
    page = written.read_text()
    assert "&lt;b&gt;unet&lt;/b&gt;" in page
    assert "<b>unet" not in page
    assert "<script" not in page
    assert page.count('src="') == page.count('src="data:')
    assert "Better with: <strong>scales</strong>" in page
    assert "0.75,1,1.25" in page
    assert "the run is one training" in page


def test_a_drawing_of_equal_times_and_without_intervals() -> None:
    ablation = made()
    flip, *_, tempered = ablation.gains
    lonely = replace(flip, difference=None, with_=flip.without)
    svg = gains_drawing(replace(ablation, gains=(lonely, tempered))).svg.decode()
    assert svg.startswith("<?xml")
    drawn = gains_drawing(ablation)
    assert drawn.svg == gains_drawing(ablation).svg
    assert drawn.svg.decode() != svg


def test_nothing_to_switch_is_said(tmp_path: Path) -> None:
    page = write_ablation(replace(made(), gains=()), tmp_path).read_text()
    assert 'id="gains"' not in page
    assert "Not measured" in page


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(written: Path, scheme: str) -> None:
    for seen in look(written, scheme):
        assert seen.page_width <= seen.width
        assert [seen.spilled, seen.faint, seen.said, seen.asked, seen.lost_links] == [[]] * 5
