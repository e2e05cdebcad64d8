"""Each rule on made files; joins; what is said when a rule does not fit."""

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from intarsia.datasets.groups import group_samples, parse_rule
from intarsia.datasets.groups.joining import join_groups, natural
from intarsia.datasets.groups.recordings import border_frames, follow_blocks
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError
from intarsia.images import read_capture, read_image


def samples(*names):
    return [Sample(n, Path(f"{n}.png"), None) for n in names]


def group(rule, found, root=Path()):
    rules = [parse_rule(text) for text in rule.split(" + ")]
    return group_samples(found, rules, root=root, read=lambda s: read_image(s.image))


@pytest.mark.parametrize(
    ("rule", "names", "expected"),
    [
        ("prefix", ["a_1", "a_2", "b_1"], ["a", "a", "b"]),
        ("prefix", ["-a_1", "-a_2", "_b"], ["-a", "-a", "_b"]),
        ("folder", ["x/1", "x/2", "y/z/1"], ["x", "x", "y/z"]),
        (r"regex:^(p\d+)", ["p1_a", "p12_b", "p1_c"], ["p1", "p12", "p1"]),
        (r"regex:p\d+", ["xp1a", "p12_b", "yp1"], ["p1", "p12", "p1"]),
        ("sequence", ["d1_03", "d1_04", "d2_03"], ["d1", "d1", "d2"]),
        ("sequence", ["p1/s_3", "p1/s_4", "p2/s_4"], ["p1/s", "p1/s", "p2/s"]),
        ("none", ["a_1", "a_2"], [None, None]),
    ],
)
def test_rules_that_look_at_names(rule, names, expected):
    assert list(group(rule, samples(*names)).values()) == expected


def test_the_folder_of_a_split_says_nothing():
    found = [Sample(f"{split}/a_1{n}", Path("x"), None, split)
             for n, split in enumerate(("train", "val"))]  # fmt: skip
    assert set(group("sequence", found).values()) == {"a"}


def test_blocks_are_runs_of_frames_in_natural_order():
    names = [f"d_{n}" for n in range(1, 21)]
    found = group("blocks:4", samples(*names))
    assert [found[n] for n in names] == [f"d {1 + at // 5}/4" for at in range(20)]
    # under 5 frames a block: fewer blocks
    assert len(set(group("blocks:8", samples(*names[:12])).values())) == 2


def test_borders_of_blocks_are_cleared_on_the_side_of_train():
    names = [f"d_{n:03}" for n in range(80)]
    short = {n: n for n in names}
    groups = {n: f"{at // 40}" for at, n in enumerate(names)}
    first = {n: "train" if at < 40 else "val" for at, n in enumerate(names)}
    assert border_frames(short, groups, first) == names[36:40]  # a tenth of 40
    last = {n: "val" if at < 40 else "train" for at, n in enumerate(names)}
    assert border_frames(short, groups, last) == names[40:44]
    assert border_frames(short, groups, dict.fromkeys(names, "train")) == []


def test_new_frames_follow_the_blocks_beside_them():
    names = {f"d_{n}": f"d_{n}" for n in range(6)}
    saved = {"d_1": "A", "d_3": "A", "d_4": "B"}
    assert follow_blocks(names, saved) == {"d_0": ("A",), "d_2": ("A",), "d_5": ("B",)}
    assert follow_blocks(names, {"d_1": "A", "d_4": "B"})["d_2"] == ("A", "B")
    assert follow_blocks({"x_1": "x_1"}, saved) == {}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table(tmp_path, delimiter):
    rows = [["file", "patient"], ["a_1.png", "p1"], ["b_1", "p2"], ["c.png", "p1"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "t.csv").write_text("\ufeff" + text, encoding="utf-8")
    found = [Sample(n, tmp_path / f"images/{n}.png", None) for n in ("a_1", "b_1", "c")]
    assert list(group("csv:t.csv:patient", found, tmp_path).values()) == ["p1", "p2", "p1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,pateint\na,p1\nb,p2\n", 'did you mean "pateint"'),
        ("file,patient\na,p1\nb,p2\na.png,p3\n", 'a stands twice, as "p1" and as "p3"'),
        ("file,patient\na,p1\nb,\n", "no patient for 1 of 2 images: b"),
        ("file,patient\nx,p1\ny,p2\n", "no column of the table names the images"),
        ("", "empty"),
        ("file,patient,patient\na,1,2\n", 'two columns are called "patient"'),
    ],
)
def test_faults_of_a_table(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=re.escape(said)):
        group("csv:t.csv:patient", samples("a", "b"), tmp_path)


def test_no_such_table(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        group("csv:t.csv:patient", samples("a"), tmp_path)


def photograph(path, time=None, place=None):
    picture, exif = Image.new("RGB", (21, 13)), Image.Exif()
    exif[0x010F] = "maker"
    if time:
        exif[0x8769] = {0x9003: f"{time:%Y:%m:%d %H:%M:%S}"}
    if place:
        gps = {}
        for tag, value, letters in ((2, place[0], "NS"), (4, place[1], "EW")):
            seconds = abs(value) * 3600
            gps[tag - 1] = letters[value < 0]
            gps[tag] = (seconds // 3600, seconds % 3600 // 60, seconds % 60)
        exif[0x8825] = gps
    picture.save(path, exif=exif)
    return Sample(path.stem, path, None)


def test_capture_is_read_from_jpeg_and_tiff(tmp_path):
    time, place = datetime(2024, 5, 6, 7, 8, 9), (-33.8568, 151.2153)
    for name in ("a.jpg", "a.png"):
        photograph(tmp_path / name, time, place)
        found = read_capture(tmp_path / name)
        assert found.time == time
        assert found.place == pytest.approx(place, abs=1e-6)
    with Image.open(tmp_path / "a.jpg") as picture:
        exif = picture.getexif()
        exif.get_ifd(0x8825)  # Pillow writes into a TIFF what was read
        picture.save(tmp_path / "g.tif", exif=exif)
    assert read_capture(tmp_path / "g.tif").place == pytest.approx(place, abs=1e-6)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((13, 21), np.uint8), datetime=time)
    assert read_capture(tmp_path / "a.tif").time == time
    photograph(tmp_path / "b.jpg")
    assert read_capture(tmp_path / "b.jpg").time is None


def test_a_receiver_without_a_fix_is_no_place(tmp_path):
    photograph(tmp_path / "a.jpg", place=(0.0, 0.0))
    assert read_capture(tmp_path / "a.jpg").place is None


def test_by_time_chains_of_short_pauses(tmp_path):
    minutes = {"a": 0, "b": 20, "c": 45, "d": 90}
    found = [
        photograph(tmp_path / f"{name}.jpg", datetime(2024, 1, 1, 10 + m // 60, m % 60))
        for name, m in minutes.items()
    ]
    groups = group("exif-time:30m", found)
    assert groups["a"] == groups["b"] == groups["c"] == "2024-01-01 10:00:00"
    assert groups["d"] == "2024-01-01 11:30:00"


def test_by_place_chains_of_short_distances(tmp_path):
    # a degree of latitude is 111,195 m: steps of 90 m, then 200 m
    metres = {"a": 0, "b": 90, "c": 180, "d": 380}
    found = [photograph(tmp_path / f"{n}.jpg", place=(48 + m / 111195, 11.0))
             for n, m in metres.items()]  # fmt: skip
    groups = group("gps:100m", found)
    assert groups["a"] == groups["b"] == groups["c"] != groups["d"]
    assert len(set(group("gps:80m", found).values())) == 4
    assert len(set(group("gps:1km", found).values())) == 1


@pytest.mark.parametrize("rule", ["exif-time:30m", "gps:100m"])
def test_photographs_without_exif_are_named(tmp_path, rule):
    found = [photograph(tmp_path / "a.jpg", datetime(2024, 1, 1), (1.0, 1.0)),
             photograph(tmp_path / "b.jpg")]  # fmt: skip
    with pytest.raises(DataError, match=r"1 of 2 images have no .* EXIF data: b\.jpg"):
        group(rule, found)


def test_near_duplicates_are_joined_with_other_rules(tmp_path):
    rng = np.random.default_rng(0)
    found = []
    for name in ("a_1", "a_2", "b_1", "c_1"):
        coarse = Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8))
        coarse.resize((90, 60), Image.Resampling.BICUBIC).save(tmp_path / f"{name}.png")
        found.append(Sample(name, tmp_path / f"{name}.png", None))
    # the same picture, smaller and compressed
    copy = Image.open(tmp_path / "a_2.png").resize((70, 47))
    copy.save(tmp_path / "d_9.jpg", quality=80)
    found.append(Sample("d_9", tmp_path / "d_9.jpg", None))
    assert list(group("near-duplicate", found).values()) == [
        None, "like a_2", None, None, "like a_2",
    ]  # fmt: skip
    assert group("prefix + near-duplicate", found) == {
        "a_1": "a", "a_2": "a", "b_1": "b", "c_1": "c", "d_9": "a",
    }  # fmt: skip


def test_dicom(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    found = []
    for name, patient in {"a": "P1", "b": "P2", "c": "P1"}.items():
        fields = pydicom.Dataset()
        fields.PatientID = patient
        fields.file_meta = pydicom.dataset.FileMetaDataset()
        fields.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        fields.file_meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
        fields.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        fields.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
        found.append(Sample(name, tmp_path / f"{name}.dcm", None))
    assert list(group("dicom:PatientID", found).values()) == ["P1", "P2", "P1"]
    assert list(group("dicom", found).values()) == ["P1", "P2", "P1"]
    (tmp_path / "d.dcm").write_bytes(b"no DICOM at all")
    with pytest.raises(DataError, match="no PatientID: d"):
        group("dicom", [*found, Sample("d", tmp_path / "d.dcm", None)])
    with pytest.raises(DataError, match="3 of 3 images have no StudyID"):
        group("dicom:StudyID", found)
    with pytest.raises(DataError, match='no field "PatientId"') as fault:
        group("dicom:PatientId", found)
    assert 'did you mean "PatientID"' in str(fault.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prefx", 'did you mean "prefix"'),
        ("folder:x", "nothing behind a colon"),
        ("regex:", "missing behind the colon"),
        ("regex:(", "not a regular expression"),
        ("regex:(a)(b)", "2 capturing groups"),
        ("csv:patients.csv", "file and column are both needed"),
        ("exif-time:30", "with its unit (s, m, min, h, d)"),
        ("exif-time:0m", "above 0"),
        ("gps:30 feet", "with its unit (m, km)"),
        ("blocks:1", "2 or more"),
        ("blocks:x", "2 or more"),
    ],
)
def test_wrong_rules(text, said):
    with pytest.raises(DataError) as fault:
        parse_rule(text)
    assert said in str(fault.value)


@pytest.mark.parametrize("rule", ["prefix", "sequence", "blocks:3"])
def test_names_without_what_a_rule_needs(rule):
    with pytest.raises(DataError, match="file names"):
        group(rule, samples("alpha", "beta"))


def test_a_pattern_that_does_not_fit():
    with pytest.raises(DataError, match=r"fits 1 of 2 names, not b"):
        group(r"regex:^a", samples("a1", "b1"))
    with pytest.raises(DataError, match=r"fits 1 of 2 names, not b1"):
        group(r"regex:^a*", samples("a1", "b1"))  # the empty text is no group


def test_joined_groups_take_the_first_natural_name():
    joined = join_groups(
        ["x", "y", "z", "w"], [{"x": "g10", "y": "g9"}, {"x": "k", "y": "k"}, {"z": None}]
    )
    assert joined == {"x": "g9", "y": "g9", "z": None, "w": None}
    assert sorted(["a10", "a9", "b", "a"], key=natural) == ["a", "a9", "a10", "b"]


def test_numbers_in_names_are_sorted_as_numbers_however_long():
    names = ["f010", "f9", "f" + "1" * 5000, "e10", "f", "f2x"]
    assert sorted(names, key=natural) == ["e10", "f", "f2x", "f9", "f010", "f" + "1" * 5000]
