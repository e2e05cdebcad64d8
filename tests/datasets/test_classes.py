import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.errors import DataError

NAMES = [f"n{i}" for i in range(4)]


def opened(files, **options):
    files.pairs("images", "masks", NAMES, **options)
    return Dataset.open(files.root)


def table(data):
    return dict(data.encoding.map)


def said(data, text):
    return any(text in note for note in data.notes)


@pytest.mark.parametrize(
    ("values", "expected", "names"),
    [
        ((0, 1, 2), {0: 0, 1: 1, 2: 2}, ["class 0", "class 1", "class 2"]),
        ((1, 2, 3), {1: 0, 2: 1, 3: 2}, ["class 1", "class 2", "class 3"]),
        ((0, 255), {0: 0, 255: 1}, ["background", "foreground"]),
        ((0, 1, 255), {0: 0, 1: 1, 255: None}, ["class 0", "class 1"]),
        ((1, 2, 255), {1: 0, 2: 1, 255: None}, ["class 1", "class 2"]),
        ((0, 1, 4), {0: 0, 1: 1, 4: 2}, ["class 0", "class 1", "class 4"]),
        ((0, 128, 255), {0: 0, 128: 1, 255: 2}, ["class 0", "class 128", "class 255"]),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_ids(files, values, expected, names, channels):
    """Also where a tool saved the ids as RGB with three equal channels."""
    data = opened(files, values=values if channels == 1 else [(v, v, v) for v in values])
    assert table(data) == expected
    assert data.labels.names == names
    found = set(data.read_mask(data.samples[0]).ravel().tolist())
    assert found == {255 if i is None else i for i in expected.values()}


def test_what_is_inferred_is_said(files):
    assert said(opened(files, values=(1, 2)), "counted from 1")
    assert said(opened(files, values=(0, 255)), "0 and 255: two classes, background and foreground")
    assert said(opened(files, values=(0, 1, 2, 255)), "255 is ignored")
    assert said(opened(files, values=(0, 1, 2)), "nothing is ignored")


def test_one_bit(files):
    files.image(*(f"images/{n}.jpg" for n in NAMES))
    for name in NAMES:
        path = files.root / f"masks/{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.tile([[True, False, False]], (13, 7))).save(path)
    data = Dataset.open(files.root)
    assert data.labels.names == ["background", "foreground"]
    assert np.bincount(data.read_mask(data.samples[0]).ravel()).tolist() == [13 * 14, 13 * 7]


def test_16_bits_past_255_classes(files):
    data = opened(files, values=np.arange(273), dtype=np.uint16)
    assert len(data.labels) == 273
    mask = data.read_mask(data.samples[0])
    assert mask.dtype == np.uint16
    np.testing.assert_array_equal(mask.ravel(), np.arange(273))


def test_a_palette_gives_ids_and_colours(files):
    files.image(*(f"images/{n}.jpg" for n in NAMES))
    (files.root / "masks").mkdir()
    ids = np.arange(13 * 21, dtype=np.uint8).reshape(13, 21) % 3
    picture = Image.fromarray(ids)
    picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    for name in NAMES:
        picture.save(files.root / f"masks/{name}.png")
    data = Dataset.open(files.root)
    np.testing.assert_array_equal(data.read_mask(data.samples[0]), ids)
    assert data.labels["class 1"].color == (128, 0, 0)


COLORS = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]


def test_colours_without_names(files):
    data = opened(files, values=COLORS)
    assert data.encoding.kind == "colors"
    assert [c.color for c in data.labels.classes] == sorted(COLORS)
    assert said(data, "class 2 = #800000")


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("place", ["", "masks/"])
def test_cvat_label_map(files, alpha, place):
    files.text(
        f"{place}labelmap.txt",
        "# label:color_rgb:parts:actions\n"
        "void:0,0,0::\ncar:128,0,0::\ntree:0,128,0::\nsky:1,2,3::\n",
    )
    data = opened(files, values=[(*c, 200) for c in COLORS] if alpha else COLORS)
    assert data.labels.names == ["car", "tree", "sky"]
    assert data.ignored == ("void",)
    assert said(data, "ignored, as the name says: void")
    assert data.read_mask(data.samples[0]).ravel()[:3].tolist() == [255, 0, 1]


def test_black_is_a_class_unless_its_name_says_otherwise(files):
    files.text("labelmap.txt", "various:0,0,0::\ncar:128,0,0::\ntree:0,128,0::\n")
    data = opened(files, values=COLORS)
    assert data.labels.names == ["various", "car", "tree"]
    assert said(data, "data.ignore")


def test_unknown_colours_are_named_with_their_pixels(files):
    files.text("labelmap.txt", "void:0,0,0::\ncar:128,0,0::\n")
    data = opened(files, values=COLORS)
    with pytest.raises(DataError, match=r"no class: #008000 \(91 pixels\)"):
        data.read_mask(data.samples[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("car;1,2,3\n", "line 1"),
        ("car:1,2::\ncar:300,0,0::\n", "line 1.*line 2"),
        ("car:²,0,0::\n", "line 1"),
        ("car:1,2,3::\ncar:4,5,6::\n", "stands twice"),
        ("", "names no class"),
    ],
)
def test_a_damaged_label_map(files, text, message):
    files.text("labelmap.txt", text)
    with pytest.raises(DataError, match=message):
        opened(files, values=COLORS)


def test_camvid_names_need_the_file_names(files):
    frames = [f"0001TP_{i:06}" for i in range(4)]
    files.pairs("train", "trainannot", frames, values=range(12))
    data = Dataset.open(files.root)
    assert data.labels.names[:4] == ["Sky", "Building", "Pole", "Road"]
    assert data.ignored == ("Unlabelled",)
    assert data.read_mask(data.samples[0]).ravel()[:12].tolist() == [*range(11), 255]
    files.pairs("train", "trainannot", ["other"], values=range(12))
    assert Dataset.open(files.root).labels.names[:2] == ["class 0", "class 1"]


def test_camvid_names_need_the_values(files):
    files.pairs("train", "trainannot", ["0001TP_000001"], values=range(33))
    assert len(Dataset.open(files.root).labels) == 33


def test_one_wrong_pixel_does_not_make_it_another_data_set(files):
    frames = [f"0001TP_{i:06}" for i in range(40)]
    files.pairs("train", "trainannot", frames, values=range(12))
    files.mask("trainannot/0001TP_000007.png", values=[*range(12)] * 5 + [77])
    data = Dataset.open(files.root)
    assert data.labels.names[0] == "Sky"
    with pytest.raises(DataError, match="77"):
        data.read_mask(next(s for s in data.samples if s.name.endswith("000007")))


def test_jpeg_masks_of_two_classes_stay_two_classes(files):
    files.image(*(f"images/{n}.jpg" for n in NAMES))
    (files.root / "masks").mkdir()
    mask = np.zeros((64, 80), np.uint8)
    mask[10:40, 20:50] = 255
    for name in NAMES:
        Image.fromarray(mask).save(files.root / f"masks/{name}.jpg", quality=60)
    data = Dataset.open(files.root)
    assert data.labels.names == ["background", "foreground"]
    assert said(data, "greys between")


def test_photographs_for_masks(files):
    files.image(*(f"{d}/{n}.png" for n in NAMES for d in ("images", "masks")))
    with pytest.raises(DataError, match="not label masks"):
        Dataset.open(files.root)


def test_blurred_colours_keep_the_main_classes(files):
    files.image(*(f"images/{n}.jpg" for n in NAMES))
    (files.root / "masks").mkdir()
    mask = np.zeros((80, 90, 3), np.uint8)
    mask[:, 30:60] = (200, 0, 0)
    mask[:, 60:] = (0, 0, 200)
    rng = np.random.default_rng(0)
    for name in NAMES:
        noisy = mask.copy()
        noisy[:, 30] = rng.integers(1, 255, (80, 3))
        Image.fromarray(noisy).save(files.root / f"masks/{name}.png")
    data = Dataset.open(files.root)
    assert [c.color for c in data.labels.classes] == [(0, 0, 0), (0, 0, 200), (200, 0, 0)]
    assert said(data, "not taken for classes")


def test_an_unreadable_mask_is_left_to_the_check(files):
    files.pairs("images", "masks", NAMES)
    (files.root / "masks/n1.png").write_bytes(b"")
    data = Dataset.open(files.root)
    assert len(data.samples) == 4
    for name in NAMES:
        (files.root / f"masks/{name}.png").write_bytes(b"")
    with pytest.raises(
        DataError, match="none of the 4 masks can be read; the first: the file is empty"
    ):
        Dataset.open(files.root)


def test_ignoring(files):
    data = opened(files, values=(1, 2, 3, 255))
    fewer = data.ignoring(["class 2"])
    assert fewer.labels.names == ["class 1", "class 3"]
    assert table(fewer) == {1: 0, 2: None, 3: 1, 255: None}
    assert fewer.ignored == ("class 2",)
    assert fewer.labels["class 3"].color == data.labels["class 3"].color
    assert fewer.read_mask(fewer.samples[0]).ravel()[:4].tolist() == [0, 255, 1, 255]
    assert fewer.ignoring(["class 2"]) is fewer
    with pytest.raises(DataError, match='no class "clas 1"') as caught:
        data.ignoring(["clas 1"])
    assert 'did you mean "class 1"' in caught.value.hint
    with pytest.raises(DataError, match="every class"):
        data.ignoring(data.labels.names)


@pytest.mark.parametrize(("bottom", "kind"), [(0, "binary"), (1, "ids")])
def test_every_grey_does_not_make_white_the_ignored_value(files, bottom, kind):
    """Black and white with all greys between, from blurring; 255 is the foreground."""
    files.image(*(f"images/{n}.jpg" for n in NAMES))
    (files.root / "masks").mkdir()
    mask = np.full((100, 100), 255, np.uint8)
    mask[:50] = bottom
    mask.ravel()[: 256 - bottom] = np.arange(bottom, 256)
    for name in NAMES:
        Image.fromarray(mask).save(files.root / f"masks/{name}.png")
    data = Dataset.open(files.root)
    assert data.encoding.kind == kind
    assert table(data)[255] is not None


def test_black_and_white_by_declaration_alone(files):
    """What the check's hint says to write, without naming classes."""
    files.text("dataset.yaml", "masks: {encoding: binary, threshold: 128}\n")
    data = opened(files, values=(0, 100, 140, 255))
    assert data.labels.names == ["background", "foreground"]
    assert data.read_mask(data.samples[0]).ravel()[:4].tolist() == [0, 0, 1, 1]
