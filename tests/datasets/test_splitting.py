"""A split from end to end: drawn, saved, opened, extended."""

import csv
from itertools import pairwise

import numpy as np
import pytest

from intarsia.datasets import Dataset
from intarsia.datasets.splitting import extend_split, split_dataset
from intarsia.errors import DataError

PATIENTS = [f"p{p}_s{s}" for p in range(12) for s in range(3)]


def table(files, name="splits.csv"):
    with (files.root / name).open(newline="") as text:
        return {row.pop("image"): row for row in csv.DictReader(text)}


def opened(files):
    return {s.name: (s.split, s.group) for s in Dataset.open(files.root).samples}


def yaml_text(files):
    return (files.root / "dataset.yaml").read_text()


def make(files, names=PATIENTS, **options):
    files.pairs("images", "masks", names, **options)


def test_whole_groups_saved_and_opened(files):
    make(files)
    done = split_dataset(files.root, group_by=["prefix"])
    assert yaml_text(files) == (
        "schema: 1\ngroups: prefix\nsplits: {file: splits.csv, ratio: 70/15/15, seed: 0}\n"
    )
    # 8.4, 1.8, 1.8 of 12 patients
    assert [(p.name, p.images) for p in done.parts] == [("train", 24), ("val", 6), ("test", 6)]
    rows = table(files)
    assert len(rows) == 36
    assert set(rows["images/p3_s1.jpg"]) == {"split", "group", "sha256"}
    found = opened(files)
    for name, (split, group) in found.items():
        row = rows[f"images/{name}.jpg"]
        assert (split, group) == (row["split"], row["group"]) == (split, name[:-3])
    assert len({split for split, _ in found.values()}) == 3
    assert all(len({s for s, g in found.values() if g == f"p{p}"}) == 1 for p in range(12))
    text = str(done)
    assert "train: 24 images (67 %), 8 groups" in text
    assert "groups: prefix, as asked for" in text


def test_the_rest_of_dataset_yaml_is_kept(files):
    make(files)
    files.text("dataset.yaml", "# mine\nclasses: [sky, road]  # two\nsplits:\n  val: [p1]\n")
    with pytest.raises(DataError, match="has saved splits") as fault:
        split_dataset(files.root)
    assert "--extend" not in str(fault.value)  # lists of one's own cannot be extended
    split_dataset(files.root / "dataset.yaml", group_by=["prefix"], replace_saved=True)
    assert yaml_text(files).startswith("# mine\nclasses: [sky, road]  # two\nsplits: {file")
    assert Dataset.open(files.root).labels.names == ["sky", "road"]


def test_a_rare_class_reaches_every_split(files):
    make(files, [n for n in PATIENTS if n[:-3] not in ("p2", "p5", "p9")])
    make(files, [f"p{p}_s{s}" for p in (2, 5, 9) for s in range(3)], values=(0, 1, 2))
    done = split_dataset(files.root, group_by=["prefix"])
    assert [part.classes[2] for part in done.parts] == [3, 3, 3]
    assert not any("does not reach" in note for note in done.notes)


def test_a_class_that_cannot_reach_every_split_is_named(files):
    make(files, PATIENTS[3:])
    make(files, PATIENTS[:3], values=(0, 1, 2))
    done = split_dataset(files.root, group_by=["prefix"])
    assert done.notes[-1] == '"class 2" does not reach val, test: only 1 group for 3 parts: p0'
    assert {done.places[name] for name in PATIENTS[:3]} == {"train"}


def test_copies_stay_together_under_every_rule(files):
    names = [f"i{n:02}x" for n in range(20)]
    make(files, names)
    content = (files.root / "images/i03x.jpg").read_bytes()
    for copy in ("i07x", "i15x", "i19x"):
        (files.root / f"images/{copy}.jpg").write_bytes(content)
    for seed in range(4):
        done = split_dataset(files.root, group_by=["none"], seed=seed, replace_saved=True)
        assert len({done.places[n] for n in ("i03x", "i07x", "i15x", "i19x")}) == 1
    assert "3 images are copies of others" in str(done)


def test_folds_and_leave_one_out(files):
    make(files)
    done = split_dataset(files.root, group_by=["prefix"], folds=4)
    assert [p.images for p in done.parts] == [9, 9, 9, 9]
    data = Dataset.open(files.root)
    assert data.folds == 4
    assert len(data.split("val")) == 9
    seen = [{s.name for s in data.fold(k).split("val")} for k in range(4)]
    assert set().union(*seen) == set(PATIENTS)
    assert sum(map(len, seen)) == 36
    assert Dataset.from_manifest(data.manifest()).folds == 4
    with pytest.raises(DataError, match="no fold 4"):
        data.fold(4)
    split_dataset(files.root, leave_one_out=True, replace_saved=True)  # the rule is remembered
    data = Dataset.open(files.root)
    assert data.folds == 12
    assert {s.group for s in data.fold(11).split("val")} == {"p11"}  # natural order
    (files.root / "dataset.yaml").unlink()
    with pytest.raises(DataError, match="no fold 0"):
        Dataset.open(files.root).fold(0)


def test_blocks_leave_a_gap(files):
    make(files, [f"drive_{n:04}" for n in range(160)])
    done = split_dataset(files.root, group_by=["blocks:8"])
    left = [name for name, place in done.places.items() if place == ""]
    assert f"{len(left)} frames at the borders of blocks are left out" in done.notes
    order = [done.places[f"drive_{n:04}"] for n in range(160)]
    for before, after in pairwise(order):
        assert before == after or "" in (before, after)
    assert len(Dataset.open(files.root).samples) == 160 - len(left) < 160
    # a new frame between two of one block follows; at the end it follows the last block
    make(files, ["drive_0160"])
    again = extend_split(files.root)
    assert again.places["drive_0160"] == order[-1]


def test_extend(files):
    make(files)
    first = split_dataset(files.root, group_by=["prefix"])
    make(files, ["p3_s9", "p77_s0", "p77_s1", "p78_s0"])
    (files.root / "images/p1_s0.jpg").rename(files.root / "images/zz_1.jpg")
    (files.root / "masks/p1_s0.png").rename(files.root / "masks/zz_1.png")
    files.image("images/p4_s0.jpg")  # other content
    (files.root / "images/p5_s2.jpg").unlink()
    before = Dataset.open(files.root)
    notes = " ".join(before.notes)
    assert "images/p1_s0.jpg is now images/zz_1.jpg" in notes
    assert "4 images are not in splits.csv and left out" in notes
    assert "1 images of splits.csv are not there: images/p5_s2.jpg" in notes
    done = extend_split(files.root)
    for name, place in first.places.items():
        if name not in ("p1_s0", "p5_s2"):
            assert done.places[name] == place
    assert done.places["zz_1"] == first.places["p1_s0"]
    assert done.places["p3_s9"] == first.places["p3_s0"]
    assert done.places["p77_s0"] == done.places["p77_s1"] in ("train", "val", "test")
    text = str(done)
    for said in (
        "1 new images follow their group: images/p3_s9.jpg",
        "3 new images are in new groups",
        "p4_s0.jpg",
        "1 images are not there any more; their rows are kept: images/p5_s2.jpg",
    ):
        assert said in text, said  # fmt: skip
    content = (files.root / "splits.csv").read_bytes()
    assert "images are in new groups" not in str(extend_split(files.root))
    assert (files.root / "splits.csv").read_bytes() == content


def test_keep_test(files):
    files.pairs("train/images", "train/masks", [f"p{p}_a" for p in range(10)])
    files.pairs("train/images", "train/masks", ["p20_a"])
    files.pairs("test/images", "test/masks", ["p20_b", "p21_b"])
    done = split_dataset(files.root, group_by=["prefix"], keep_test=True)
    assert done.places["test/p20_b"] == done.places["test/p21_b"] == "test"
    assert done.places["train/p20_a"] == ""  # its patient is in the test
    assert sorted(done.places.values()).count("test") == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ratio": "70/20"}, "70/20 adds up to 90"),
        ({"ratio": "70/0/30"}, "is no ratio"),
        ({"ratio": "most"}, "is no ratio"),
        ({"folds": 1}, "1 folds"),
        ({"folds": 3, "ratio": "80/20"}, "exclude each other"),
        ({"group_by": ["prefix"], "folds": 13}, "12 groups for 13 folds: p0, p1"),
        ({"group_by": ["none"], "folds": 37}, "36 images for 37 folds: p0_s0, p0_s1"),
        ({"group_by": ["prefix", "none"]}, "none is not joined"),
        ({"group_by": ["csv:no.csv:x"]}, "the table cannot be read"),
        ({"group_by": ["exif-time:5m"]}, "36 of 36 images have no time"),
        ({"keep_test": True}, "no test to keep"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(files, options, said):
    make(files)
    with pytest.raises(DataError) as fault:
        split_dataset(files.root, **options)
    assert said in str(fault.value)
    assert not (files.root / "dataset.yaml").exists()
    assert not (files.root / "splits.csv").exists()


def test_a_table_that_somebody_wrote_is_not_overwritten(files):
    make(files)
    own = "image,split\n" + "".join(f"{n},train\n" for n in PATIENTS)
    files.text("splits.csv", own)
    with pytest.raises(DataError, match=r"dataset\.yaml does not name"):
        split_dataset(files.root)
    assert (files.root / "splits.csv").read_text() == own
    split_dataset(files.root, replace_saved=True)
    assert table(files)["images/p0_s0.jpg"]["sha256"]


@pytest.mark.parametrize("again", [False, True])
def test_a_full_disk_between_the_two_files_leaves_both_as_they_were(files, monkeypatch, again):
    make(files)
    if again:
        split_dataset(files.root, ratio="80/20")
    before = {p.name: p.read_bytes() for p in files.root.iterdir() if p.is_file()}

    def full(path, data):
        if path.name == "dataset.yaml":
            raise DataError("disk full", where=path)
        path.write_bytes(data)

    monkeypatch.setattr("intarsia.datasets.splitting.write_atomic", full)
    with pytest.raises(DataError, match="disk full"):
        split_dataset(files.root, folds=3, replace_saved=again)
    assert {p.name: p.read_bytes() for p in files.root.iterdir() if p.is_file()} == before


def test_nothing_to_extend(files):
    make(files)
    with pytest.raises(DataError, match="no saved split"):
        extend_split(files.root)


def test_the_rule_is_inferred_and_said(files):
    make(files)
    done = split_dataset(files.root)
    assert "groups: prefix, because the file names begin with 12 prefixes" in done.notes[0]


def test_frames_of_recordings_are_recognised(files):
    rng = np.random.default_rng(0)
    for drive in ("a", "b", "c", "d"):
        wide = np.cumsum(rng.integers(-40, 41, (13, 200, 3)), axis=1)
        wide = np.interp(wide, (wide.min(), wide.max()), (0, 255)).astype(np.uint8)
        for n in range(20):
            files.image(f"images/{drive}_{n:03}.png", array=wide[:, 8 * n : 8 * n + 21])
            files.mask(f"masks/{drive}_{n:03}.png")
    done = split_dataset(files.root, ratio="50/25/25")
    assert done.rules == ("sequence",)
    assert [p.images for p in done.parts] == [40, 20, 20]
    assert "80 images are frames of 4 recordings" in done.notes[0]
    folds = split_dataset(files.root, folds=5, group_by=["blocks:4"], replace_saved=True)
    assert len(folds.parts) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,split\nimages/p0_s0.jpg,trian\n", '"trian" is not train, val or test'),
        ("image,split\nx,train\nx,val\n", "x stands twice"),
        ("image,fold\np0_s0,one\n", '"one" is not a number from 0'),
        ("image,fold\np0_s0,1\np0_s1,2\n", "the folds are 1, 2: count them from 0"),
        ("picture,split\na,train\n", "this is no table of splits"),
        ("image,split\nq,train\n", "none of the 36 images is in the table"),
        ("image,split\np0_s0,train\nimages/p0_s0.jpg,val\n", "are one image"),
    ],
)
def test_faults_of_a_table_of_splits(files, text, said):
    make(files)
    files.text("dataset.yaml", "splits: mine.csv\n")
    files.text("mine.csv", text)
    with pytest.raises(DataError) as fault:
        Dataset.open(files.root)
    assert said in str(fault.value)


def test_a_table_of_ones_own(files):
    make(files)
    files.text("dataset.yaml", "splits: mine.csv\n")
    rows = "".join(f"{n},{'valid' if n[1] == '3' else 'train'}\n" for n in PATIENTS[:-1])
    files.text("mine.csv", "image,split\n" + rows + f"{PATIENTS[-1]},\n")
    data = Dataset.open(files.root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 32, "val": 3}
    assert data.samples[0].group == "p0"  # guessed, as without a table


@pytest.mark.parametrize("key", ["{file: a.csv, val: [x]}", "{ratio: 70/30}", "{}"])
def test_splits_say_one_thing(files, key):
    make(files)
    files.text("dataset.yaml", f"splits: {key}\n")
    with pytest.raises(DataError, match="splits"):
        Dataset.open(files.root)


def test_an_archive_has_no_room_for_a_split(files):
    files.text("set.zip", "")
    with pytest.raises(DataError, match="this is another file"):
        split_dataset(files.root / "set.zip")


def test_groups_that_come_with_the_data(files):
    make(files)
    rows = "".join(f"images/{n}.jpg,masks/{n}.png,{n[-1]}\n" for n in PATIENTS)
    files.text("list.csv", "image,mask,group\n" + rows)
    data = Dataset.open(files.root / "list.csv")
    assert data.groups_given
    assert {s.group for s in data.samples} == {"0", "1", "2"}


def test_the_yaml_of_ultralytics_is_no_place_for_a_split(files):
    for name in PATIENTS:
        files.image(f"images/{name}.jpg")
        files.text(f"labels/{name}.txt", "0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    files.text("dataset.yaml", "train: images\nnames: [cat]\n")
    with pytest.raises(DataError, match="that of Ultralytics") as fault:
        split_dataset(files.root)
    assert "rename it data.yaml" in str(fault.value)
    (files.root / "dataset.yaml").rename(files.root / "data.yaml")
    done = split_dataset(files.root)
    assert {name: split for name, (split, _) in opened(files).items()} == done.places
