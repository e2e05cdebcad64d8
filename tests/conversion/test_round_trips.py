"""Every kind of data set into every format and back: the same masks, splits, groups, images."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from intarsia.conversion import FORMATS, convert
from intarsia.datasets import Dataset

from .made import SOURCES, index, picture, save, text, zipped

SHAPES = ("coco", "labelme", "cvat", "label-studio")


def state(root: Path) -> dict[str, str]:
    return {
        p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


def assert_same(before: Dataset, after: Dataset) -> None:
    """Classes, masks and, where they were given, splits, folds and groups."""
    assert after.labels.names == before.labels.names
    found = {s.name: s for s in after.samples if s.mask is not None}
    assert set(found) == {s.place for s in before.samples if s.mask is not None}
    for sample in before.samples:
        if sample.mask is None:
            continue
        other = found[sample.place]
        np.testing.assert_array_equal(after.read_mask(other), before.read_mask(sample))
        assert after.read_mask(other).dtype == before.labels.dtype
        if before.splits_drawn is None:
            assert (other.split, other.fold) == (sample.split, sample.fold)
        if before.groups_declared:
            assert other.group == sample.group


# what differs between the formats of mask files is their own, not the source's
PAIRS = [
    (source, to)
    for source in SOURCES
    for to in FORMATS
    if to in ("index", *SHAPES) or source in ("index", "colors", "voc")
]


@pytest.mark.parametrize(("source", "to"), PAIRS)
def test_there_and_back(source, to, tmp_path):
    root, out = tmp_path / "set", tmp_path / "out"
    SOURCES[source](root)
    original = state(root)
    before = Dataset.open(root)
    done = convert(before, out, to)
    after = Dataset.open(out)
    assert_same(before, after)
    assert state(root) == original
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cache") == ["out", "set"]
    assert done.images == sum(s.mask is not None for s in before.samples)
    if to in ("index", "coco", "palette", "color") and source != "nnunet":
        for sample in before.samples:
            if sample.mask is not None:
                copy = next(s.image for s in after.samples if s.name == sample.place)
                assert copy.read_bytes() == sample.image.read_bytes()
    if to not in ("color", "palette"):
        assert [c.color for c in after.labels.classes] == [c.color for c in before.labels.classes]


def test_a_zip_and_there_and_back_again(tmp_path):
    zipped(tmp_path / "made")
    before = Dataset.open(tmp_path / "made/set.zip")
    at = before
    for to in (*SHAPES, "color"):
        convert(at, tmp_path / to, to)
        at = Dataset.open(tmp_path / to)
    assert_same(before, at)


MASKS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 7), st.integers(1, 9)),
    elements=st.sampled_from([0, 1, 2, 255]),
)


@settings(max_examples=12, deadline=None)
@given(
    to=st.sampled_from(FORMATS),
    masks=st.lists(MASKS, min_size=1, max_size=3),
    background=st.booleans(),
)
def test_random_masks(to, masks, background):
    with tempfile.TemporaryDirectory() as folder:
        _there_and_back(Path(folder), to, masks, background)


def _there_and_back(root, to, masks, background):
    masks = [*masks, np.array([[0, 1, 2, 255]], np.uint8)]
    for at, ids in enumerate(masks):
        save(root / f"set/images/{at}.png", picture(at, ids.shape))
        save(root / f"set/masks/{at}.png", ids)
    first = "background" if background else "ground"
    text(root / "set/dataset.yaml", f"classes: [{first}, b, a]\nignore_index: 255\n")
    before = Dataset.open(root / "set")
    convert(before, root / "out", to)
    assert_same(before, Dataset.open(root / "out"))


@pytest.mark.parametrize("to", ["index", "color", "coco"])
def test_more_classes_than_a_byte_holds(to, tmp_path):
    root = tmp_path / "set"
    ids = np.arange(400, dtype=np.uint16).reshape(16, 25) % 300
    for at in range(2):
        save(root / f"images/{at}.png", picture(at, ids.shape))
        save(root / f"masks/{at}.png", np.roll(ids, at))
    names = ", ".join(f"{{id: {at}, name: c{at}}}" for at in range(300))
    text(root / "dataset.yaml", f"classes: [{names}]\n")
    before = Dataset.open(root)
    convert(before, tmp_path / "out", to)
    assert_same(before, Dataset.open(tmp_path / "out"))


@pytest.mark.parametrize("to", ["color", "coco", "cvat"])
def test_folds_and_groups_without_splits(to, tmp_path):
    root = tmp_path / "set"
    index(root)
    table = (root / "splits.csv").read_text().replace("split", "fold", 1)
    for place, fold in (("train", "0"), ("val", "1"), ("test", "2")):
        table = table.replace(f",{place},", f",{fold},")
    text(root / "splits.csv", table)
    before = Dataset.open(root)
    assert before.folds == 3
    convert(before, tmp_path / "folds", to)
    assert_same(before, Dataset.open(tmp_path / "folds"))
    yaml = (root / "dataset.yaml").read_text().replace("splits: {file: splits.csv}\n", "")
    text(root / "dataset.yaml", yaml)
    before = Dataset.open(root)
    assert before.splits_drawn == "all"
    done = convert(before, tmp_path / "groups", to)
    assert any("no split is given" in note for note in done.notes)
    assert not (tmp_path / "groups/splits.csv").exists()
    after = Dataset.open(tmp_path / "groups")
    assert_same(before, after)
    assert {s.name: s.split for s in after.samples} == {s.name: s.split for s in before.samples}
