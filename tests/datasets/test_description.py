import numpy as np
import pytest
import tifffile

from intarsia.datasets import Dataset
from intarsia.errors import DataError

NAMES = [f"n{i}" for i in range(6)]


def described(files, text, **options):
    files.pairs("images", "masks", NAMES, **options)
    files.text("dataset.yaml", text)
    return Dataset.open(files.root)


def first(data, count):
    return data.read_mask(data.samples[0]).ravel()[:count].tolist()


@pytest.mark.parametrize(
    "classes",
    [
        "[{id: 0, name: sky}, {id: 1, name: road}, {id: 2, name: car}]",
        "[{id: 2, name: car}, {id: 0, name: sky}, {id: 1, name: road}]",
        "[sky, road, car]",
        "{0: sky, 1: road, 2: car}",
    ],
)
def test_classes_in_every_form(files, classes):
    data = described(files, f"classes: {classes}\nignore_index: 9\n", values=(0, 1, 2, 9))
    assert data.labels.names == ["sky", "road", "car"]
    assert first(data, 4) == [0, 1, 2, 255]


def test_ids_are_the_values_of_the_files(files):
    text = "classes: [{id: 7, name: road, color: '#804000'}, {id: 200, name: car}]"
    data = described(files, text, values=(7, 200))
    assert first(data, 2) == [0, 1]
    assert data.labels["road"].color == (128, 64, 0)


@pytest.mark.parametrize(
    ("values", "expected"), [((1, 2), [0, 1]), ((0, 255), [0, 1]), ((0, 1), [0, 1])]
)
def test_bare_names_count_as_the_masks_do(files, values, expected):
    assert first(described(files, "classes: [cat, dog]", values=values), 2) == expected


def test_a_map_of_values(files):
    text = "classes: [road, car]\nmasks: {map: {3: road, 5: car, 8: road, 9: ignore, 10: null}}"
    assert first(described(files, text, values=(3, 5, 8, 9, 10)), 5) == [0, 1, 0, 255, 255]


def test_a_map_alone_names_the_classes(files):
    text = "masks: {map: {'#ff0000': red, '0,0,255': blue, '#000000': ignore}}"
    data = described(files, text, values=[(0, 0, 0), (255, 0, 0), (0, 0, 255)])
    assert data.labels.names == ["red", "blue"]
    assert first(data, 3) == [255, 0, 1]


def test_colours_of_classes(files):
    text = """
masks: {encoding: colors}
ignore_index: [[0, 0, 0], "#010101"]
classes: [{name: red, color: [255, 0, 0]}, {name: white, color: [255, 255, 255]}]
"""
    values = [(0, 0, 0), (255, 0, 0), (255, 255, 255), (1, 1, 1)]
    assert first(described(files, text, values=values), 4) == [255, 0, 1, 255]


def test_a_threshold_for_blurred_masks(files):
    text = "classes: [ground, lung]\nmasks: {encoding: binary, threshold: 128}"
    assert first(described(files, text, values=(0, 100, 128, 255)), 4) == [0, 0, 1, 1]


def test_ignore_index_alone(files):
    data = described(files, "ignore_index: 2", values=(0, 1, 2))
    assert data.labels.names == ["class 0", "class 1"]
    assert first(data, 3) == [0, 1, 255]


def test_folders_and_the_file_itself(files):
    files.pairs("photos/2024", "drawn/2024", NAMES)
    files.text("dataset.yaml", "images: photos\nmasks: {dir: drawn}\n")
    for path in (files.root, files.root / "dataset.yaml"):
        data = Dataset.open(path)
        assert data.samples[0].name == "2024/n0"
        assert data.root == files.root


def test_splits_by_name_file_and_list(files):
    files.text("test.txt", "n4\n\nimages/n5.jpg\n")
    text = "splits: {train: [n0, n1.jpg], valid: [images/n2.jpg], test: test.txt}"
    data = described(files, text)
    assert {k: [s.name for s in v] for k, v in data.splits.items()} == {
        "train": ["n0", "n1"],
        "val": ["n2"],
        "test": ["n4", "n5"],
    }
    assert any("1 images are in none" in note for note in data.notes)


def test_splits_by_group(files):
    names = [f"p{p}_{s}" for p in range(4) for s in range(2)]
    files.pairs("images", "masks", names)
    files.text(
        "dataset.yaml", 'groups: {pattern: "^(p\\\\d+)_"}\nsplits: {train: [p0, p1], val: [p2, p3]}'
    )
    data = Dataset.open(files.root)
    assert [s.name for s in data.split("val")] == ["p2_0", "p2_1", "p3_0", "p3_1"]
    assert data.samples[0].group == "p0"


@pytest.mark.parametrize(("rule", "group"), [("none", None), ("prefix", "p0"), ("folder", ".")])
def test_rules_of_groups(files, rule, group):
    files.pairs("images", "masks", [f"p{p}_{s}" for p in range(10) for s in range(2)])
    files.text("dataset.yaml", f"groups: {rule}")
    assert Dataset.open(files.root).samples[0].group == group


def deep(files, values, text, **options):
    for i in range(3):
        files.mask(f"masks/n{i}.png")
        (files.root / "images").mkdir(exist_ok=True)
        tifffile.imwrite(files.root / f"images/n{i}.tif", values, **options)
    files.text("dataset.yaml", text)
    return Dataset.open(files.root)


def test_named_channels_and_clip(files):
    values = np.random.default_rng(0).integers(0, 9000, (13, 21, 4), np.uint16)
    text = "image: {channels: [red, green, blue, nir], scale: {clip: [0, 1.0e+4]}}"
    data = deep(files, values, text)
    assert (data.channels, data.channel_names) == (4, ("red", "green", "blue", "nir"))
    assert (data.scaling.low, data.scaling.high) == (0, 10000)
    np.testing.assert_array_equal(data.read_image(data.samples[0]), values)


def test_one_named_channel_stays_one(files):
    data = deep(files, np.zeros((13, 21), np.uint8), "image: {channels: [ct]}")
    assert data.read_image(data.samples[0]).shape == (13, 21, 1)


def test_a_window_in_hounsfield_units(files):
    values = np.full((13, 21), 1064, np.int16)
    values[0, 0] = 0
    text = (
        "image: {scale: {window: {center: 40, width: 400}}, rescale: {slope: 1, intercept: -1024}}"
    )
    data = deep(files, values, text)
    scaled = data.scaling.apply(data.read_image(data.samples[0]))
    assert scaled[5, 5, 0] == pytest.approx(0.5)  # 1064 - 1024 = 40 HU, the centre
    assert scaled[0, 0, 0] == 0


def test_percentiles(files):
    values = np.arange(13 * 21, dtype=np.uint16).reshape(13, 21)
    data = deep(files, values, "image: {scale: {percentile: [1, 99]}}")
    assert (data.scaling.low, data.scaling.high) == (
        pytest.approx(np.percentile(values, 1)),
        pytest.approx(np.percentile(values, 99)),
    )


def test_percentiles_of_every_channel(files):
    values = np.zeros((13, 21, 2), np.uint16)
    values[:, :, 0] = np.arange(13 * 21).reshape(13, 21)
    values[:, :, 1] = 100 * values[:, :, 0] + 7
    text = "image: {scale: {percentile: [0, 50], per_channel: true}}"
    data = deep(files, values, text, photometric="minisblack", planarconfig="contig")
    assert data.scaling.each == ((0, 136), (7, 13607))
    scaled = data.scaling.apply(data.read_image(data.samples[0]))
    assert scaled[0, 0].tolist() == [0, 0]
    np.testing.assert_allclose(scaled[0, 20], [20 / 136, 20 / 136], rtol=1e-6)
    assert any("0 to 136, 7 to 13607" in note for note in data.notes)


def test_percentiles_of_every_channel_of_grey_images(files):
    values = np.arange(13 * 21, dtype=np.uint16).reshape(13, 21)
    data = deep(files, values, "image: {scale: {percentile: [0, 100], per_channel: true}}")
    assert data.scaling.each == ((0, 272),) * 3


# 16 bits, signed, float; stripes of 13 bands; a page; tags of GeoTIFF: the rules of scale hold.
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
@pytest.mark.parametrize(
    ("rule", "low", "high"),
    [
        ("scale: {clip: [100, 300]}", 100, 300),
        ("scale: {window: {center: 200, width: 100}}", 150, 250),
        ("scale: {percentile: [0, 100]}", 0, 272),
        ("scale: {clip: [0, 1]}, rescale: {slope: 0.01, intercept: -1}", 100, 200),
    ],
)
@pytest.mark.parametrize("form", ["one", "pages", "geo"])
def test_rules_of_scale_in_every_depth(files, dtype, rule, low, high, form):
    values = np.arange(13 * 21).reshape(13, 21).astype(dtype)
    page = ""
    options = {}
    if form == "pages":
        values = np.stack([values * 0, values])
        page, options = ", page: 1", {"photometric": "minisblack"}
    if form == "geo":
        # ModelPixelScale, ModelTiepoint, GeoKeyDirectory: pixels are area, projected
        options["extratags"] = [
            (33550, "d", 3, (0.5, 0.5, 0.0), True),
            (33922, "d", 6, (0.0, 0.0, 0.0, 5e5, 5e6, 0.0), True),
            (34735, "H", 8, (1, 1, 0, 1, 1024, 0, 1, 1), True),
        ]
    for name in NAMES[:3]:
        files.mask(f"masks/{name}.png")
        (files.root / "images").mkdir(exist_ok=True)
        tifffile.imwrite(files.root / f"images/{name}.tif", values, **options)
    files.text("dataset.yaml", f"image: {{{rule}{page}}}")
    data = Dataset.open(files.root)
    assert data.scaling.low == pytest.approx(low)
    assert data.scaling.high == pytest.approx(high)
    image = data.read_image(data.samples[0])
    assert (image.shape, image.dtype) == ((13, 21, 3), dtype)
    scaled = data.scaling.apply(image)[:, :, 0].ravel()
    middle = round((low + high) / 2)
    assert scaled[middle] == pytest.approx((middle - low) / (high - low), abs=1e-6)


def test_a_page_of_many(files):
    values = np.stack([np.full((13, 21), 3, np.uint8), np.full((13, 21), 8, np.uint8)])
    files.mask("masks/n0.png")
    (files.root / "images").mkdir()
    tifffile.imwrite(files.root / "images/n0.tif", values, photometric="minisblack")
    files.text("dataset.yaml", "image: {page: 1}")
    data = Dataset.open(files.root)
    assert data.read_image(data.samples[0])[0, 0].tolist() == [8, 8, 8]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("clases: [a]", ['clases: unknown key; did you mean "classes"?']),
        ("masks: {encodng: ids}", ['masks.encodng: unknown key; did you mean "encoding"?']),
        ("masks: {encoding: colour}", ["masks.encoding: 'colour'", "'ids', 'colors' or 'binary'"]),
        ("classes: [yes, no]", ["classes[0].name: True", "put the word in quotes"]),
        ("image: {scale: {clip: [0, one]}}", ["image.scale.clip[1]: 'one'"]),
        ("image: {scale: {clip: [0, .nan]}}", ["clip[1]"]),
        ("image: {scale: {clip: [5, 1]}}", ["5 is not below 1"]),
        ("image: {scale: {}}", ["window, clip, percentile"]),
        ("image: {scale: {clip: [0, 1], per_channel: true}}", ["only with percentile"]),
        ("remap: {class 0: sky}\norder: [sky]", ["order: class 1 left out; name every class"]),
        ("remap: {clas 0: sky}", ['remap: no class "clas 0"; did you mean "class 0"?']),
        ("remap: {class 0: ignore, class 1: ignore}", ["every class would be ignored"]),
        ("remap: [a]", ["remap"]),
        ("image: {scale: {window: {center: 1, width: -3}}}", ["width: -3"]),
        ("image: {page: -1}", ["image.page: -1"]),
        ("classes: [{name: a, color: [1, 2]}]", ["not a colour"]),
        ("classes: [{name: a, color: [1, 2, 256]}]", ["not a colour"]),
        ("classes: [{id: 0, name: a}, {id: 0, name: b}]", ["id 0 stands twice"]),
        ("classes: [{id: 0, name: a}, b]", ["every class an id, or none"]),
        ("classes: [a, b, a]", ['the name "a" stands twice']),
        ("classes: []", ["classes"]),
        ("images: a", ["name both folders"]),
        ("groups: patient", ["groups: 'patient': no rule", "csv:FILE:COLUMN"]),
        ('groups: {pattern: "("}', ["not a regular expression"]),
        ('groups: {pattern: "(a)(b)"}', ["2 capturing groups"]),
        ("splits: {train: [1]}", ["numbers in quotes"]),
        ("splits: {trian: [a]}", ["unknown key", 'did you mean "train"']),
        ("splits: {train: [n0, n9]}", ['no image or group "n9"; did you mean']),
        ("splits: {train: [n0], val: [n0]}", ["n0 is in train and in val"]),
        ("splits: {train: nowhere.txt}", ["list of a split cannot be read"]),
        ("masks: {map: {x: a}}", ["'x' is neither a whole number nor a colour"]),
        ("classes: [road]\nmasks: {map: {0: raod}}", ["no class 'raod'; did you mean \"road\"?"]),
        ("classes: [a, b]\nmasks: {map: {0: a}}", ["no value stands for b"]),
        ("classes: [{id: 0, name: a}]\nignore_index: 0", ['also the value of class "a"']),
        ("classes: [a]\nmasks: {encoding: colors}", ['"a" has no color']),
        ("classes: [a, b, c]\nmasks: {encoding: binary}", ["3 classes", "means 2"]),
        ("schema: 2", ["newer than this version"]),
        ("schema: one", ["schema"]),
        ("a: 1\na: 2", ['the key "a" stands twice (line 2']),
        ("a: &x [1]\nb: *x", ["aliases"]),
        ("!!python/object/apply:os.system [ls]", ["not valid YAML"]),
        ("classes: [", ["not valid YAML"]),
        ("just text", ["it holds no keys"]),
        ("primary: {metric: iou, clas: a}", ['did you mean "class"?']),
        ("primary: {metric: iuo, class: a}", ['no such metric; did you mean "iou"?']),
        ("primary: {metric: iou}", ["iou is of one class"]),
        ("primary: {metric: miou, class: a}", ["miou is of all classes; iou, dice are of one"]),
        ("primary: {class: a}", ["primary.metric: missing"]),
        (
            "classes: [sky, road]\nprimary: {metric: iou, class: raod}",
            ['primary.class: no class "raod"; did you mean "road"?'],
        ),
    ],
)
def test_faults(files, text, messages):
    with pytest.raises(DataError) as caught:
        described(files, text)
    assert str(caught.value.where).endswith(("dataset.yaml", "nowhere.txt"))
    for message in messages:
        assert message in str(caught.value)


def test_all_faults_at_once(files):
    text = "clases: [a]\nmasks: {encoding: x}\nimage: {page: -1}\nprimary: {}\n"
    with pytest.raises(DataError, match=r"dataset\.yaml has 4 faults") as caught:
        described(files, text)
    assert str(caught.value).count("\n  - ") == 4


def test_an_empty_file_changes_nothing(files):
    assert described(files, "").labels.names == ["class 0", "class 1"]


def test_a_mask_of_another_value_than_named(files):
    data = described(files, "classes: [a, b]", values=(0, 1, 6))
    with pytest.raises(DataError, match=r"no class: 6 \(91 pixels\)"):
        data.read_mask(data.samples[0])


def test_an_alpha_channel_is_no_fourth_channel(files):
    for name in NAMES:
        files.mask(f"masks/{name}.png")
        files.image(f"images/{name}.png", array=np.full((13, 21, 4), 9, np.uint8))
    assert Dataset.open(files.root).channels == 3


@pytest.mark.parametrize(
    ("classes", "values", "expected"),
    [
        ("[a, b, c]", (0, 1, 2, 255), [0, 1, 2, 255]),
        ("[a, b, c]", (1, 2, 3, 255), [0, 1, 2, 255]),
        ("{0: a, 1: b}", (0, 1, 255), [0, 1, 255]),
        ("{0: a, 255: b}", (0, 255), [0, 1]),
        ("[a, b]", (0, 255), [0, 1]),
    ],
)
def test_255_that_is_no_declared_class_is_ignored(files, classes, values, expected):
    data = described(files, f"classes: {classes}\n", values=values)
    assert first(data, len(values)) == expected
    assert any("ignored: 255" in note for note in data.notes) == (expected[-1] == 255)


def test_a_threshold_and_a_map_are_too_much(files):
    text = "classes: [a, b]\nmasks: {encoding: binary, threshold: 9, map: {0: a, 255: b}}"
    with pytest.raises(DataError, match="threshold and map"):
        described(files, text)


def test_a_whole_name_means_no_file_of_the_same_name_elsewhere(files):
    files.pairs("images", "masks", ["1", "2", "more/1"])
    files.text("dataset.yaml", 'splits: {train: ["1", "2"], val: [more/1]}\n')
    data = Dataset.open(files.root)
    assert {s.name: s.split for s in data.samples} == {"1": "train", "2": "train", "more/1": "val"}
