import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

NAMES = ["aa", "bb", "cc", "dd"]


def cell(rows, columns, top=255):
    mask = np.zeros((13, 21), np.uint8)
    mask[rows, columns] = top
    return mask


FIRST, SECOND = cell(slice(1, 4), slice(2, 6)), cell(slice(3, 6), slice(5, 9))


def save(files, name, array):
    path = files.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


PLACES = {
    "dsb": ("{0}/images/{0}.png", "{0}/masks/{1}f3.png"),
    "stage": ("stage1_train/{0}/images/{0}.png", "stage1_train/{0}/masks/{1}f3.png"),
    "folders": ("images/{0}.jpg", "masks/{0}/{1}.png"),
    "numbers": ("images/{0}.jpg", "masks/{0}_{1}.png"),
}


@pytest.fixture(params=PLACES)
def places(request):
    return PLACES[request.param]


def write(files, places, first=FIRST):
    for name in NAMES:
        files.image(places[0].format(name))
        for at, mask in enumerate((first if name == "aa" else FIRST, SECOND)):
            save(files, places[1].format(name, at), mask)
    return Dataset.open(files.root)


def sample(data, name="aa"):
    return next(s for s in data.samples if s.image.stem == name)


def test_all_objects_are_foreground_and_overlaps_are_counted(files, places):
    data = write(files, places)
    assert len(data.samples) == 4
    assert data.labels.names == ["background", "foreground"]
    np.testing.assert_array_equal(data.read_mask(sample(data)), (FIRST | SECOND) > 0)
    # the objects share the pixel of row 3 and column 5
    assert any("4 pixels in 4 images lie in more than one object" in n for n in data.notes)
    assert not check(data).errors, str(check(data))
    assert Dataset.from_manifest(data.manifest()) == data


def test_any_value_but_black_is_the_object(files):
    coloured = np.repeat(FIRST[:, :, None], 3, axis=2) // 255 * np.array([9, 0, 0], np.uint8)
    data = write(files, PLACES["dsb"], coloured)
    np.testing.assert_array_equal(data.read_mask(sample(data)), (FIRST | SECOND) > 0)


def test_an_object_more_changes_the_hash_of_its_image_only(files, places):
    data = write(files, places)
    before = {s["name"]: s["mask_sha256"] for s in data.manifest()["samples"]}
    save(files, places[1].format("aa", 7), cell(10, 10))
    data = Dataset.open(files.root)
    after = {s["name"]: s["mask_sha256"] for s in data.manifest()["samples"]}
    changed = [name for name in before if before[name] != after[name]]
    assert changed == [sample(data).name]
    assert data.read_mask(sample(data))[10, 10] == 1


def test_images_without_masks_are_said(files, places):
    write(files, places)
    files.image(places[0].format("later"))
    data = Dataset.open(files.root)
    assert len(data.samples) == 4
    assert any("1 images have no masks" in note and "later" in note for note in data.notes)


@pytest.mark.parametrize("fault", ["size", "cut"])
def test_a_bad_object_is_a_finding_of_its_image(files, fault):
    data = write(files, PLACES["folders"], FIRST.T if fault == "size" else FIRST)
    if fault == "cut":
        path = files.root / "masks/aa/0.png"
        path.write_bytes(path.read_bytes()[:50])
        data = Dataset.open(files.root)
    with pytest.raises(DataError) as caught:
        data.read_mask(sample(data))
    assert caught.value.where.endswith("aa/0.png")
    errors = check(data).errors
    assert [f.code for f in errors] == ["unreadable-mask"]


def test_objects_as_jpeg_are_refused(files):
    with pytest.raises(DataError, match="the mask of an object is a JPEG"):
        write(files, ("images/{0}.png", "masks/{0}/{1}.jpg"))


def test_one_mask_an_image_is_a_pair_like_any_other(files):
    files.pairs("images", "masks", NAMES)
    assert "object" not in Dataset.open(files.root).layout
