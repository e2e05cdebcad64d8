import pytest

from intarsia.datasets import Dataset
from intarsia.errors import DataError

CLASSES = "classes: {0: sky, 1: car, 2: truck, 3: fence}\n"


def opened(files, text, values=(0, 1, 2, 3)):
    files.pairs("images", "masks", [f"n{i}" for i in range(6)], values=values)
    files.text("dataset.yaml", text)
    data = Dataset.open(files.root)
    return data, data.read_mask(data.samples[0])[0, : len(values)].tolist()


def test_rename_merge_and_drop(files):
    text = CLASSES + "remap: {car: vehicle, truck: vehicle, fence: ignore}"
    data, ids = opened(files, text)
    assert data.labels.names == ["sky", "vehicle"]
    assert ids == [0, 1, 1, 255]
    assert data.ignored == ("fence",)
    note = "(car to vehicle, truck to vehicle, fence to ignore): 2 are left (sky, vehicle)"
    assert any(note in n for n in data.notes)


def test_merge_into_a_class_that_is_there_keeps_its_colour(files):
    data, ids = opened(files, CLASSES + "remap: {car: truck}")
    assert data.labels.names == ["sky", "truck", "fence"]
    assert ids == [0, 1, 1, 2]
    files.text("dataset.yaml", CLASSES)
    assert data.labels["truck"].color == Dataset.open(files.root).labels["truck"].color


def test_reorder(files):
    data, ids = opened(files, CLASSES + "remap: {fence: null}\norder: [truck, sky, car]")
    assert data.labels.names == ["truck", "sky", "car"]
    assert ids == [1, 2, 0, 255]
    data, ids = opened(files, CLASSES + "order: [fence, truck, car, sky]")
    assert ids == [3, 2, 1, 0]
    assert any("in the order of dataset.yaml" in note for note in data.notes)


def test_names_can_change_places(files):
    data, ids = opened(files, CLASSES + "remap: {car: truck, truck: car}")
    assert data.labels.names == ["sky", "truck", "car", "fence"]
    assert ids == [0, 1, 2, 3]


def test_classes_that_were_inferred(files):
    data, ids = opened(files, "remap: {class 1: road, class 2: road}", values=(0, 1, 2, 255))
    assert data.labels.names == ["class 0", "road"]
    assert ids == [0, 1, 1, 255]


def test_classes_of_a_layout(files):
    for split in ("train", "val"):
        for i in range(2):
            stem = f"{split}/{split}{i}"
            files.image(f"{stem}.jpg")
            files.mask(f"{stem}_mask.png", values=(0, 1, 2))
        files.text(f"{split}/_classes.csv", "Pixel Value, Class\n0, ground\n1, weed\n2, crop\n")
    files.text("dataset.yaml", "remap: {weed: plant, crop: plant}")
    data = Dataset.open(files.root)
    assert data.labels.names == ["ground", "plant"]


def test_colours(files):
    text = """
classes: [{name: red, color: "#ff0000"}, {name: blue, color: "#0000ff"}]
remap: {red: paint, blue: paint}
"""
    data, ids = opened(files, text, values=[(255, 0, 0), (0, 0, 255)])
    assert ids == [0, 0]
    assert data.labels["paint"].color == (255, 0, 0)


def test_one_name_for_two_values_without_any_list(files):
    data, ids = opened(files, "masks: {map: {0: sky, 1: car, 2: car, 3: ignore}}")
    assert data.labels.names == ["sky", "car"]
    assert ids == [0, 1, 1, 255]


def test_a_threshold_can_be_renamed_only(files):
    text = "classes: [ground, lung]\nmasks: {encoding: binary, threshold: 9}\n"
    data, ids = opened(files, text + "remap: {lung: organ}", values=(0, 200))
    assert (data.labels.names, ids) == (["ground", "organ"], [0, 1])
    with pytest.raises(DataError, match="renamed only"):
        opened(files, text + "order: [lung, ground]", values=(0, 200))


def test_all_faults_at_once(files):
    with pytest.raises(DataError, match="2 faults") as caught:
        opened(files, CLASSES + "remap: {caar: vehicle, boat: vehicle}")
    assert 'no class "caar"; did you mean "car"?' in str(caught.value)
    assert 'no class "boat"' in str(caught.value)
    with pytest.raises(DataError, match="3 faults") as caught:
        opened(files, CLASSES + "order: [skyy, sky, sky, car, truck]")
    assert "fence left out" in str(caught.value)
    assert caught.value.where.endswith("dataset.yaml")
