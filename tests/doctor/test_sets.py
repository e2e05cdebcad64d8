"""Faults of a whole set, in several layouts; and random sound sets, in which there are none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intarsia.datasets import Dataset
from intarsia.doctor import check

from .conftest import SIZE, ids, picture, save
from .made import SPLITS, Made, make

LAYOUTS = ("splits above", "splits below", "camvid", "nested", "suffix", "declared")


def _without(made: Made, split: str, id_: int) -> None:
    for number in range(4):
        mask = ids()
        mask[mask == id_] = 0
        made.write_mask(made.mask(split, f"{split}_sound{number}"), mask)


def _no_train(made: Made) -> None:
    for number in range(4):
        made.image("train", f"train_sound{number}").unlink()
        made.mask("train", f"train_sound{number}").unlink()


def _no_labels_in_val(made: Made) -> None:
    for number in range(4):
        made.write_mask(made.mask("val", f"val_sound{number}"), np.full(SIZE, 255, np.uint8))


def _counted_from_one(made: Made) -> None:
    for split in SPLITS:
        for number in range(4):
            mask = ids()
            save(
                made.mask(split, f"{split}_sound{number}"),
                np.where(mask == 255, mask, mask + 1).astype(np.uint8),
            )


def _many_empty(made: Made) -> None:
    for split in SPLITS:
        for number in range(2):
            mask = made.mask(split, f"{split}_sound{number}")
            made.write_mask(mask, np.zeros(SIZE, np.uint8))


def _specks(made: Made) -> None:
    for split in SPLITS:
        mask = ids()
        mask[30:32, 5:7] = 0
        made.write_mask(made.mask(split, f"{split}_sound0"), mask)


def _holes(made: Made) -> None:
    for split in SPLITS:
        mask = ids()
        mask[30, 5:8] = 255
        made.write_mask(made.mask(split, f"{split}_sound0"), mask)


def _imbalance(made: Made) -> None:
    for split in SPLITS:
        for number in range(4):
            mask = ids()
            mask[mask == 2] = 1
            mask[36, :9] = 2
            made.write_mask(made.mask(split, f"{split}_sound{number}"), mask)


def _darker_val(made: Made) -> None:
    for split in ("train", "val"):
        for number in range(4, 7):
            made.write(split, f"{split}_sound{number}", seed=number)
    for number in range(7):
        save(made.image("val", f"val_sound{number}"), picture(number + 70) // 4)


def _odd_mix(made: Made) -> None:
    for number in range(4, 24):
        made.write("train", f"train_sound{number}", seed=number)
    mask = np.full(SIZE, 2, np.uint8)
    made.write_mask(made.mask("train", "train_sound9"), mask)


def _small_objects(made: Made) -> None:
    for number in range(4):
        mask = np.zeros((260, 520), np.uint8)
        mask[200:, 300:] = 1
        for row in range(5, 250, 20):
            mask[row + 6 : row + 9, 5:9] = 2
        made.write_mask(made.mask("train", f"train_sound{number}"), mask)
        save(made.image("train", f"train_sound{number}"), np.resize(picture(number), (260, 520, 3)))


FAULTS: list[tuple[str, str, str, Callable[[Made], None]]] = [
    ("class-missing", "error", "ids", lambda made: _without(made, "train", 2)),
    ("class-missing", "warning", "ids", lambda made: _without(made, "val", 2)),
    ("class-missing", "warning", "colors", lambda made: _without(made, "test", 1)),
    ("no-split", "error", "ids", _no_train),
    ("split-without-labels", "error", "ids", _no_labels_in_val),
    ("counted-from-one", "error", "ids", _counted_from_one),
    ("many-empty-masks", "warning", "binary", _many_empty),
    ("specks", "note", "ids", _specks),
    ("holes", "note", "ids", _holes),
    ("imbalance", "note", "ids", _imbalance),
    ("color-shift", "note", "ids", _darker_val),
    ("odd-class-mix", "note", "palette", _odd_mix),
    ("small-objects", "note", "ids", _small_objects),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_faults_of_a_whole_set(tmp_path, layout):
    for number, (code, severity, encoding, damage) in enumerate(FAULTS):
        made = make(Made(tmp_path / str(number), layout, "png", "png", encoding))
        damage(made)
        report = check(Dataset.open(made.root))
        found = {(f.code, f.severity): f for f in report.findings}
        assert (code, severity) in found, (code, str(report))
        assert found[code, severity].hint, code
        shutil.rmtree(made.root)


def test_small_objects_name_the_share_and_the_size(tmp_path):
    made = make(Made(tmp_path / "set"))
    _small_objects(made)
    report = check(Dataset.open(made.root))
    (finding,) = [f for f in report.notes if f.code == "small-objects"]
    # 13 trees of 3 x 4 pixels in each of 4 images, and one large one in each of 8: at 256 of 520
    # pixels the 52 have an area of 2.9, a size of 1.7 px.
    assert finding.value == 'at 256 px 87% of the 60 objects of "tree" fall under 4 px'
    assert "as small in the images" in finding.hint  # the root of 12 is below 4


def test_empty_in_dataset_yaml_answers_the_question(tmp_path):
    made = make(Made(tmp_path / "set", "splits above", "png", "png", "binary"))
    _many_empty(made)
    for meant in ("background", "ignore", "drop"):
        made.describe()
        with (made.root / "dataset.yaml").open("a") as file:
            file.write(f"empty: {meant}\n")
        report = check(Dataset.open(made.root))
        assert report.errors == report.warnings == (), str(report)


@st.composite
def _sets(draw) -> Made:
    encoding = draw(
        st.sampled_from(["ids", "colors", "alpha", "wide", "palette", "deep", "binary"])
    )
    deep = encoding == "deep"
    return Made(
        Path(),
        draw(st.sampled_from(LAYOUTS)),
        draw(st.sampled_from(["png", "jpg", "tif", "bmp", "webp"])),
        draw(st.sampled_from(["png", "tif"] if deep else ["png", "tif", "bmp"]))
        if encoding not in ("alpha", "palette")
        else "png",
        encoding,
    )


@given(
    made=_sets(),
    seed=st.integers(0, 2**16),
    size=st.tuples(st.integers(32, 70), st.integers(32, 70)),
    each=st.integers(1, 3),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_random_sound_set_has_no_errors(made, seed, size, each):
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        made.root = Path(folder) / "set"
        for split in SPLITS:
            for number in range(each):
                name = f"{split}_{rng.integers(1000)}_{number}"
                coarse = rng.choice([0, 1, 2], size=(5, 7), p=[0.4, 0.3, 0.3])
                coarse[0, :3] = 0, 1, 2  # every class in every mask
                rows = np.arange(size[0]) * 5 // size[0]
                columns = np.arange(size[1]) * 7 // size[1]
                mask = coarse[rows[:, None], columns[None, :]].astype(np.uint8)
                mask[-1] = 255
                made.write(split, name, seed=0, mask=mask)
                save(made.image(split, name), rng.integers(0, 256, (*size, 3), np.uint8))
        made.describe()
        report = check(Dataset.open(made.root))
        assert report.errors == (), str(report)
        if made.layout != "declared":
            (made.root / "dataset.yaml").unlink()
            report = check(Dataset.open(made.root))
            assert report.errors == (), str(report)
