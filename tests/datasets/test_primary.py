"""`primary` of dataset.yaml: read, carried along, written, and left out where its class is gone."""

from __future__ import annotations

import json

import pytest

from intarsia.conversion import convert
from intarsia.datasets import Dataset
from intarsia.datasets.background import background_of
from intarsia.datasets.class_flags import ClassFlags
from intarsia.datasets.declaration import describe
from intarsia.datasets.encodings import MaskEncoding
from intarsia.datasets.primary import Primary
from intarsia.labels import LabelMap

NAMES = ["sky", "car", "truck"]


@pytest.fixture
def data(files) -> Dataset:
    files.pairs("images", "masks", ["a", "b", "c"], values=(0, 1, 2))
    files.text("dataset.yaml", f"classes: {NAMES}\nprimary: {{metric: iou, class: car}}\n")
    return Dataset.open(files.root)


def test_it_is_read_and_kept(data):
    assert data.primary == Primary("iou", "car")
    manifest = json.loads(json.dumps(data.manifest()))
    assert Dataset.from_manifest(manifest).primary == data.primary
    del manifest["primary"]  # one of an earlier version
    assert Dataset.from_manifest(manifest).primary is None


def test_one_without_a_class(data, files):
    files.text("dataset.yaml", f"classes: {NAMES}\nprimary: {{metric: micro_iou}}\n")
    assert Dataset.open(files.root).primary == Primary("micro_iou")


def test_its_class_is_named_as_remap_leaves_it(data, files):
    remap = "remap: {car: vehicle, truck: vehicle}\nprimary: {metric: dice, class: vehicle}\n"
    files.text("dataset.yaml", f"classes: {NAMES}\n{remap}")
    assert Dataset.open(files.root).primary == Primary("dice", "vehicle")


def test_what_is_written_says_it(data, files):
    text = describe(data)
    assert 'primary: {metric: iou, class: "car"}' in text
    files.text("dataset.yaml", text)
    assert Dataset.open(files.root).primary == data.primary


@pytest.mark.parametrize("to", ["index", "coco"])
def test_a_conversion_keeps_it(data, tmp_path, to):
    convert(data, tmp_path / "out", to)
    assert Dataset.open(tmp_path / "out").primary == data.primary


def test_it_goes_with_its_class_and_that_is_said(data):
    assert data.ignoring(["sky"]).primary == data.primary
    assert data.keeping(["car", "sky"]).primary == data.primary
    for changed in (data.ignoring(["car"]), data.keeping(["sky"])):
        assert changed.primary is None
        assert "the primary figure of dataset.yaml, IoU of car, is left out" in changed.notes[-1]


def test_the_class_tools_rename_it(data):
    assert ClassFlags(rename=["car=auto"]).apply(data).primary == Primary("iou", "auto")
    assert ClassFlags(rename=["sky=air"]).apply(data).primary == data.primary
    # merged into the class of its name it is still there, into another it is another figure
    assert ClassFlags(merge=["car=truck"]).apply(data).primary == data.primary
    for flags in (ClassFlags(merge=["vehicle=car+truck"]), ClassFlags(drop=["car"])):
        changed = flags.apply(data)
        assert changed.primary is None
        assert "is left out" in changed.notes[-1]


@pytest.mark.parametrize(
    ("names", "encoding", "expected"),
    [
        (["sky", "road"], MaskEncoding("ids", {0: 0, 1: 1}), None),
        (["class 0", "class 1"], MaskEncoding("ids", {0: 0, 1: 1}), None),
        (["cell", "Background"], MaskEncoding("ids", {0: 0, 1: 1}), "Background"),
        (["_background_", "cat"], MaskEncoding("ids", {0: 0, 1: 1}), "_background_"),
        (["rest", "lung"], MaskEncoding("binary", {0: 0, 255: 1}), "rest"),
        (["lung", "rest"], MaskEncoding("binary", {0: 1, 255: 0}), "rest"),
    ],
)
def test_which_class_is_the_background(names, encoding, expected):
    assert background_of(LabelMap.of(names), encoding) == expected
