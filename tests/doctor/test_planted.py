"""More than 300 planted faults: one run of the check finds all of a set, and nothing else."""

from __future__ import annotations

import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check

from .made import Made, make
from .planting import FAULTS, SETS, SOUND, SOUND_LAYOUTS, faults_of, plant_all

# What a planted fault brings with it, and rightly.
_CONSEQUENCES = {"identical-images", "identical-across-splits", "conflicting-masks"}


def test_the_table_is_long_enough():
    cases = {(f.kind, number) for number, s in enumerate(SETS) for f in faults_of(s[3])}
    assert len(cases) >= 300
    assert len({f.kind for f in FAULTS}) >= 35
    assert len({f.code for f in FAULTS}) >= 28


@pytest.mark.parametrize(("layout", "image", "mask", "encoding"), SETS)
def test_one_run_finds_every_planted_fault(tmp_path, layout, image, mask, encoding):
    made = make(Made(tmp_path / "set", layout, image, mask, encoding))
    planted = plant_all(made)
    report = check(Dataset.open(made.root))
    found = {(f.code, f.file): f for f in report.findings}
    missed = {kind: case for kind, case in planted.items() if case not in found}
    assert not missed, report
    for kind, case in planted.items():
        assert found[case].hint, kind
        assert found[case].value, kind
    false = {
        (f.code, f.file)
        for f in report.errors
        if (f.code, f.file) not in planted.values() and f.code not in _CONSEQUENCES
    }
    assert not false, report


@pytest.mark.parametrize("layout", SOUND_LAYOUTS)
@pytest.mark.parametrize(("image", "mask", "encoding"), SOUND)
def test_no_false_alarm_in_a_sound_set(tmp_path, layout, image, mask, encoding):
    made = make(Made(tmp_path / "set", layout, image, mask, encoding), each=2)
    for described in (True, False):
        if not described:  # nothing but the files
            (made.root / "dataset.yaml").unlink()
        report = check(Dataset.open(made.root))
        assert report.errors == report.warnings == (), str(report)
