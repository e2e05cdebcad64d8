import numpy as np
import pytest

from intarsia.datasets import Dataset
from intarsia.datasets.class_flags import ClassFlags
from intarsia.errors import DataError

NAMES = ["sky", "car", "truck", "door, double door", "a=b"]


@pytest.fixture
def data(files) -> Dataset:
    files.pairs("images", "masks", ["a", "b", "c"], values=(0, 1, 2, 3, 4))
    files.text("dataset.yaml", f"classes: {NAMES}\n")
    return Dataset.open(files.root)


def ids(data: Dataset) -> list[int]:
    """What the values 0 to 4 of the files become."""
    return data.read_mask(data.samples[0]).reshape(-1)[:5].tolist()


def test_nothing_asked_for_changes_nothing(data):
    assert ClassFlags().apply(data) is data


def test_rename_merge_drop_and_order(data):
    flags = ClassFlags(
        rename=["sky=Sky"], merge=["vehicle=car+truck"], drop=["a=b"],
        order="vehicle,door, double door,Sky",
    )  # fmt: skip
    changed = flags.apply(data)
    assert changed.labels.names == ["vehicle", "door, double door", "Sky"]
    assert ids(changed) == [2, 0, 0, 1, 255]
    assert changed.ignored == ("a=b",)
    assert any("by your choice" in note and "car to vehicle" in note for note in changed.notes)


def test_they_say_what_dataset_yaml_says(data, files):
    yaml = "remap: {car: truck, 'a=b': ignore}\norder: [truck, sky, 'door, double door']\n"
    files.text("dataset.yaml", f"classes: {NAMES}\n{yaml}")
    flags = ClassFlags(merge=["truck=car"], drop=["a=b"], order="truck,sky,door, double door")
    by_flags, by_file = flags.apply(data), Dataset.open(files.root)
    assert by_flags.labels == by_file.labels
    assert ids(by_flags) == ids(by_file)


def test_signs_in_names(data):
    changed = ClassFlags(rename=["a=b=c"], drop=["door, double door,sky"]).apply(data)
    assert changed.labels.names == ["car", "truck", "c"]
    assert ids(changed) == [255, 0, 1, 255, 2]


def test_all_unknown_names_are_said_with_the_nearest(data):
    flags = ClassFlags(rename=["skyy=b"], merge=["x=car+trukc"], drop=["none"])
    with pytest.raises(DataError, match="3 faults") as caught:
        flags.apply(data)
    assert '--rename: no class "skyy"; did you mean "sky"?' in caught.value.what
    assert '--merge: no class "trukc"; did you mean "truck"?' in caught.value.what
    assert '--drop: no class "none" (there are: sky, car' in caught.value.what


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (ClassFlags(rename=["car=a", "car=b"]), '"car" already becomes "a"'),
        (ClassFlags(drop=["car"], merge=["x=car"]), '"car" already becomes "x"'),
        (ClassFlags(rename=["car"]), "--rename has no new name"),
        (ClassFlags(merge=["car+truck"]), "--merge names no class"),
        (ClassFlags(drop=["car", ","]), "--drop names no class"),
        (ClassFlags(order="car,sky"), "left out; name every class"),
        (ClassFlags(order="car,skyy,truck,door, double door,a=b"), 'did you mean "sky"'),
        (ClassFlags(drop=["sky,car,truck,door, double door,a=b"]), "every class would be"),
    ],
)
def test_faults(data, flags, said):
    with pytest.raises(DataError) as caught:
        flags.apply(data)
    assert said in str(caught.value)


def test_masks_are_read_by_the_new_classes(data):
    changed = ClassFlags(merge=["rest=sky+car"]).apply(data)
    assert np.unique(changed.read_mask(changed.samples[0])).tolist() == [0, 1, 2, 3]
