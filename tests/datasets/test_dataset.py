import json
import os
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.errors import DataError

NAMES = [f"n{i:02}" for i in range(20)]


@pytest.fixture
def data(files):
    files.pairs("images", "masks", NAMES, values=(0, 1, 255))
    return Dataset.open(files.root)


def test_splits_and_the_nearest_name(data):
    assert list(data.splits) == ["train", "val", "test"]
    assert sum(len(s) for s in data.splits.values()) == 20
    with pytest.raises(DataError, match='no split "valid"') as caught:
        data.split("valid")
    assert 'did you mean "val"' in caught.value.hint


def test_the_seed_decides_the_split(data, files):
    assert Dataset.open(files.root).samples == data.samples
    assert Dataset.open(files.root, seed=1).samples != data.samples


def test_the_manifest_is_json_and_comes_back(data):
    manifest = json.loads(json.dumps(data.manifest()))
    assert manifest["schema"] == 1
    assert manifest["samples"][0]["image"] == "images/n00.jpg"
    assert manifest["samples"][0]["bytes"] == data.samples[0].image.stat().st_size
    assert Dataset.from_manifest(manifest) == data
    smaller = data.ignoring(["class 1"])
    assert Dataset.from_manifest(smaller.manifest()) == smaller


def test_the_manifest_of_folders_apart(files):
    files.pairs("a", "b", NAMES)
    data = Dataset.open(images=files.root / "a", masks=files.root / "b")
    manifest = data.manifest()
    assert manifest["samples"][0]["image"] == "n00.jpg"
    assert manifest["samples"][0]["mask"] == (files.root / "b/n00.png").as_posix()
    assert Dataset.from_manifest(manifest) == data


def test_a_changed_file_changes_its_hash(data, files):
    before = data.manifest()["samples"][0]
    files.image("images/n00.jpg")
    files.mask("masks/n00.png", values=(1, 0))
    after = data.manifest()["samples"][0]
    assert before["sha256"] != after["sha256"]
    assert before["mask_sha256"] != after["mask_sha256"]


@pytest.mark.parametrize("manifest", [{}, {"schema": 2}, {"schema": 1}, {"schema": 1, "root": 3}])
def test_a_manifest_that_cannot_be_read(manifest):
    with pytest.raises(DataError, match="manifest"):
        Dataset.from_manifest(manifest)


def test_the_splits_of_a_run_win(data, files):
    saved = data.manifest()
    other = Dataset.open(files.root, seed=5)
    assert other.with_splits_of(saved).samples == data.samples
    assert data.with_splits_of(saved) is data
    files.pairs("images", "masks", ["new"])
    more = Dataset.open(files.root).with_splits_of(saved)
    assert more.samples == data.samples
    assert any("1 samples that the run does not know" in note for note in more.notes)
    alien = replace(data, samples=tuple(replace(s, name="x" + s.name) for s in data.samples))
    with pytest.raises(DataError, match="none of these images"):
        alien.with_splits_of(saved)


def test_a_sample_without_a_mask(data):
    with pytest.raises(DataError, match="no mask"):
        data.read_mask(replace(data.samples[0], mask=None))


def write(files, arrays, **options):
    for i, array in enumerate(arrays):
        files.mask(f"masks/n{i}.png")
        (files.root / "images").mkdir(exist_ok=True)
        tifffile.imwrite(files.root / f"images/n{i}.tif", array, **options)
    return Dataset.open(files.root)


def test_grey_is_three_equal_channels(files):
    grey = np.arange(13 * 21, dtype=np.uint8).reshape(13, 21)
    data = write(files, [grey] * 3)
    image = data.read_image(data.samples[0])
    assert image.shape == (13, 21, 3)
    assert all((image[..., c] == grey).all() for c in range(3))
    assert any("three equal channels" in note for note in data.notes)


@pytest.mark.parametrize(("top", "high"), [(4095, 4095), (4096, 65535), (200, 4095)])
def test_16_bit_images_and_12_bit_detectors(files, top, high):
    data = write(files, [np.full((13, 21), top, np.uint16)] * 3)
    assert (data.scaling.low, data.scaling.high) == (0, high)
    assert any(f"from 0 to {high} become 0 to 1" in note for note in data.notes)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_floats_and_signed_numbers_by_their_range(files, dtype):
    data = write(
        files, [np.linspace(-50, 100 + i, 273).reshape(13, 21).astype(dtype) for i in range(3)]
    )
    train = [data.read_image(s) for s in data.split("train")]
    assert data.scaling.low == -50
    assert data.scaling.high >= max(image.max() for image in train)


def test_many_channels(files):
    data = write(files, [np.zeros((13, 21, 5), np.uint8)] * 3, planarconfig="contig")
    assert data.channels == 5
    assert any("5 channels" in note for note in data.notes)
    Image.fromarray(np.zeros((13, 21, 3), np.uint8)).save(files.root / "images/odd.png")
    with pytest.raises(DataError, match="3 channels") as caught:
        data.read_image(replace(data.samples[0], image=files.root / "images/odd.png"))
    assert caught.value.expected == "5"


def test_mixed_depths(files):
    """The most frequent depth wins, wherever the other stands; the check reports it."""
    data = write(files, [np.zeros((13, 21), t) for t in (np.uint16, np.uint8, np.uint8)])
    assert (data.scaling.low, data.scaling.high) == (0, 255)
    assert any("2 of uint8 such as n1.tif, 1 of uint16" in note for note in data.notes)


def test_an_unreadable_image_is_left_to_the_check(files):
    files.pairs("images", "masks", NAMES)
    (files.root / "images/n03.jpg").write_bytes(b"<html>")
    assert len(Dataset.open(files.root).samples) == 20


def test_a_pipe_is_never_waited_for(data, files):
    mask = data.samples[0].mask
    mask.unlink()
    os.mkfifo(mask)
    again = Dataset.open(files.root)
    assert len(again.samples) == 20
    with pytest.raises(DataError, match="no such file"):
        again.manifest()


def test_opening_imports_no_torch():
    import subprocess
    import sys

    code = (
        "import sys, intarsia.datasets, intarsia.images\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'tifffile', 'pydantic', 'cv2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folder_that_no_name_can_stand_for(tmp_path):
    with pytest.raises(DataError, match="cannot be opened"):
        Dataset.open(tmp_path / (300 * "a"))
