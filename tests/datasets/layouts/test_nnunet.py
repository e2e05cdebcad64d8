import json

import numpy as np
import pytest
import tifffile

from intarsia.datasets import Dataset
from intarsia.datasets.splitting import split_dataset
from intarsia.doctor import check
from intarsia.errors import DataError

CASES = [f"case_{i:03d}" for i in range(8)]
LABELS = {"background": 0, "organ": 1, "tumor": 2, "ignore": 3}


def nnunet(files, channels=("CT",), labels=LABELS, values=(0, 1, 2, 3), **keys):
    rng = np.random.default_rng(0)
    for case in CASES:
        for channel in range(len(channels)):
            path = files.root / f"imagesTr/{case}_{channel:04d}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            low = 1000 * channel
            tifffile.imwrite(path, rng.integers(low, low + 1000, (13, 21), np.uint16))
        files.mask(f"labelsTr/{case}.png", values=values)
    content = {
        "channel_names": {str(i): name for i, name in enumerate(channels)},
        "labels": labels,
        "numTraining": len(CASES),
        "file_ending": ".tif",
    }
    files.text("dataset.json", json.dumps(content | keys))


def test_one_channel(files):
    nnunet(files)
    files.image("imagesTs/case_900_0000.png")
    data = Dataset.open(files.root)
    assert [s.name for s in data.samples] == CASES
    assert set(data.splits) == {"train", "val"}
    assert data.labels.names == ["background", "organ", "tumor"]
    assert data.ignored == ("ignore",)
    assert data.read_mask(data.samples[0])[0, :4].tolist() == [0, 1, 2, 255]
    assert data.read_image(data.samples[0]).shape == (13, 21, 3)
    assert "imagesTs/ has 1 cases and no masks: left out" in data.notes
    assert check(data).errors == ()


def test_several_channels_are_stacked_in_order(files):
    nnunet(files, ("T1", "T2", "FLAIR"))
    data = Dataset.open(files.root)
    assert (data.channels, data.channel_names) == (3, ("T1", "T2", "FLAIR"))
    image = data.read_image(data.samples[0])
    for channel in range(3):
        stored = tifffile.imread(files.root / f"imagesTr/case_000_{channel:04d}.tif")
        np.testing.assert_array_equal(image[:, :, channel], stored)
    assert "an image is 3 files, one a channel (T1, T2, FLAIR)" in data.notes
    assert check(data).errors == ()
    again = Dataset.from_manifest(json.loads(json.dumps(data.manifest())))
    assert again.samples == data.samples
    np.testing.assert_array_equal(again.read_image(again.samples[0]), image)


def test_a_channel_that_changed_since_the_training_is_seen(files):
    nnunet(files, ("CT", "PET"))
    data = Dataset.open(files.root)
    manifest = data.manifest()
    assert len(data.known_to(manifest)) == len(CASES)
    tifffile.imwrite(files.root / "imagesTr/case_003_0001.tif", np.zeros((13, 21), np.uint16))
    with pytest.raises(DataError, match="1 images have changed since the training: case_003"):
        data.known_to(manifest)


def test_two_channels_are_two(files):
    nnunet(files, ("CT", "PET"))
    data = Dataset.open(files.root)
    assert data.read_image(data.samples[0]).shape == (13, 21, 2)


def test_the_three_channels_of_a_photograph_are_one_file(files):
    nnunet(files, channel_names={"0": "R", "1": "G", "2": "B"})
    for case in CASES:
        (files.root / f"imagesTr/{case}_0000.tif").unlink()
        files.image(f"imagesTr/{case}_0000.png")
    data = Dataset.open(files.root)
    assert (data.channels, data.channel_names) == (3, ())
    assert check(data).errors == ()


def test_labels_of_the_test_make_it_a_test(files):
    nnunet(files)
    files.image("imagesTs/case_900_0000.png")
    files.mask("labelsTs/case_900.png")
    data = Dataset.open(files.root)
    assert [s.name for s in data.split("test")] == ["imagesTs/case_900"]


def test_version_1(files):
    labels = {"0": "background", "1": "organ", "2": "tumor"}
    nnunet(files, labels=labels, values=(0, 1, 2), modality={"0": "CT"})
    assert Dataset.open(files.root).labels.names == ["background", "organ", "tumor"]


def test_regions_are_named_by_the_value_painted_last(files):
    labels = {"background": 0, "whole tumor": [1, 2, 3], "core": [2, 3], "enhancing": 3}
    nnunet(files, labels=labels, regions_class_order=[1, 2, 3])
    assert Dataset.open(files.root).labels.names == [
        "background",
        "whole tumor",
        "core",
        "enhancing",
    ]


def test_volumes_say_what_to_do(files):
    nnunet(files)
    files.text("imagesTr/case_100_0000.nii.gz", "x")
    with pytest.raises(DataError, match="this is a volume") as caught:
        Dataset.open(files.root)
    assert caught.value.where.endswith("case_100_0000.nii.gz")
    assert "every slice" in caught.value.hint


def test_faults_of_the_files_at_once(files):
    nnunet(files, ("CT", "PET"))
    (files.root / "imagesTr/case_003_0001.tif").unlink()
    files.image("imagesTr/lonely.png")
    with pytest.raises(DataError) as caught:
        Dataset.open(files.root)
    assert "lonely.png: no number of a channel; rename it lonely_0000.png" in str(caught.value)
    assert "case_003: no channel 0001 (PET)" in str(caught.value)
    assert caught.value.where.endswith("imagesTr")


def test_channels_that_the_description_does_not_name(files):
    nnunet(files, ("CT", "PET"), channel_names={"0": "CT", "1": "PET", "2": "MR"})
    with pytest.raises(DataError, match=r"2 channels, and dataset\.json names CT, PET, MR"):
        Dataset.open(files.root)


def test_channels_of_two_sizes_are_a_finding(files):
    nnunet(files, ("CT", "PET"))
    tifffile.imwrite(files.root / "imagesTr/case_003_0001.tif", np.zeros((13, 20), np.uint16))
    found = [f for f in check(Dataset.open(files.root)).errors if f.code == "channel-count"]
    assert [(f.file, f.value) for f in found] == [
        ("imagesTr/case_003_0000.tif", "the channel is 13 x 20 of uint16")
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"labels": {}}, 'it has no "labels"'),
        ({"labels": {"background": 0, "organ": "1"}}, "\"organ\" is '1', not a whole number"),
        ({"labels": {"background": 0, "organ": 0}}, '0 is both "background" and "organ"'),
        (
            {"labels": {"background": 0, "a": [1, 2], "b": 2}, "regions_class_order": [1]},
            "1 values for 2 regions",
        ),
        (
            {"labels": {"background": 0, "a": [1, 2]}, "regions_class_order": 1},
            "not a whole number",
        ),
    ],
)
def test_faults_of_the_description(files, keys, message):
    nnunet(files, **keys)
    with pytest.raises(DataError) as caught:
        Dataset.open(files.root)
    assert message in str(caught.value)
    assert caught.value.where.endswith("dataset.json")


def test_a_description_that_is_no_json(files):
    nnunet(files)
    files.text("dataset.json", "{")
    with pytest.raises(DataError, match="cut short"):
        Dataset.open(files.root)


def test_a_saved_split_knows_every_channel(files):
    nnunet(files, ("CT", "PET"))
    split_dataset(files.root, group_by=["none"])
    assert not [f for f in check(Dataset.open(files.root)).findings if "changed" in f.code]
    changed = files.root / "imagesTr/case_003_0001.tif"
    tifffile.imwrite(changed, np.ones((13, 21), np.uint16))
    (finding,) = [f for f in check(Dataset.open(files.root)).findings if "changed" in f.code]
    assert finding.file == "imagesTr/case_003_0000.tif"
