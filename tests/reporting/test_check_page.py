"""The page of a check: every finding has its place and its pictures, in any browser."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from browsing import look
from doctor.conftest import SIZE, ids, save
from doctor.made import Made, make
from doctor.planting import plant_all
from intarsia.datasets import Dataset
from intarsia.doctor import Report, check
from intarsia.reporting import write_check_page


def _recording(root: Path) -> None:
    """A street that goes by: val lies between the frames of train."""
    street = np.kron(np.random.default_rng(3).integers(0, 200, (5, 60)), np.ones((8, 8)))
    for number in range(36):
        left = number * 6
        frame = street[: SIZE[0], left : left + SIZE[1]].astype(np.uint8)
        split = "val" if number % 4 == 2 else "train"
        save(root / split / "images" / f"drive_{number:03d}.png", np.dstack([frame] * 3))
        save(root / split / "masks" / f"drive_{number:03d}.png", ids())


def _copies(root: Path) -> None:
    """One photograph in train, larger in val and in train once more."""
    coarse = np.random.default_rng(9).integers(0, 256, (*SIZE, 3), np.uint8)
    save(root / "train/images/photo.png", coarse)
    save(root / "train/masks/photo.png", ids())
    for at, split in enumerate(("val", "train")):
        twice = cv2.resize(coarse, None, fx=2 + at, fy=2 + at, interpolation=cv2.INTER_CUBIC)
        mask = cv2.resize(ids(), None, fx=2 + at, fy=2 + at, interpolation=cv2.INTER_NEAREST)
        save(root / split / f"images/again{at}.png", twice)
        save(root / split / f"masks/again{at}.png", mask)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """The page of a set with a fault of every kind, frames that leak, and copies."""
    made = make(Made(tmp_path_factory.mktemp("check") / "set"))
    _recording(made.root)
    _copies(made.root)
    for number in range(4, 30):  # so that the copies are no large part
        made.write("train", f"more{number}", seed=number)
    plant_all(made)
    data = Dataset.open(made.root)
    report = check(data)
    return write_check_page(data, report, made.root.parent / "check.html"), report


@pytest.mark.slow
def test_every_finding_has_its_place_and_what_leaks_is_shown(written) -> None:
    path, report = written
    page = path.read_text(encoding="utf-8")
    codes = {finding.code for finding in report.findings}
    assert {"interleaved-sequence", "near-duplicate-across-splits", "near-duplicates"} <= codes
    anchors = re.findall(r'<div class="finding" id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors)) == len({(f.code, f.severity) for f in report.findings})
    assert codes <= set(anchors)
    blocks = dict(zip(anchors, page.split('<div class="finding" id="')[1:], strict=True))
    shown = Counter({code: block.count("<img ") for code, block in blocks.items()})
    # nothing is to be seen of these
    unseen = {
        "odd-name", "case-collision", "link-outside", "inferred", "proposed-split", "imbalance",
        "color-shift", "small-objects", "rare-class", "class-missing", "class-missing-warning",
        "deep-images", "deep-masks", "group-across-splits",
    }  # fmt: skip
    assert {code for code in anchors if not shown[code]} <= unseen
    assert shown["near-duplicate-across-splits"] >= 2
    assert shown["interleaved-sequence"] == 6
    assert shown["near-duplicates"] >= 2


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(written, scheme: str) -> None:
    for seen in look(written[0], scheme):
        assert seen.page_width <= seen.width
        assert seen.images > 40
        assert seen.spilled == seen.blank_images == seen.faint == seen.lost_links == []
        assert seen.said == seen.asked == []
