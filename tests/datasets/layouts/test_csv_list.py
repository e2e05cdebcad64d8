import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError


def listed(files, text, name="data.csv"):
    files.pairs("photos", "drawn", [f"n{i}" for i in range(6)], values=(0, 1, 255))
    files.text(name, text)
    return files.root / name


def row(i, *more):
    return ",".join([f"photos/n{i}.jpg", f"drawn/n{i}.png", *more]) + "\n"


def test_a_csv_with_splits_and_groups(files):
    rows = [(0, "train", "p1"), (1, "train", "p2"), (2, "validation", "p3"), (3, "test", "p4")]
    text = "image,mask,split,group\n" + "".join(row(*r) for r in rows)
    data = Dataset.open(listed(files, text))
    assert {k: [s.name for s in v] for k, v in data.splits.items()} == {
        "train": ["photos/n0", "photos/n1"],
        "val": ["photos/n2"],
        "test": ["photos/n3"],
    }
    assert [s.group for s in data.samples] == ["p1", "p2", "p3", "p4"]
    assert data.root == files.root
    assert data.read_mask(data.samples[0])[0, :3].tolist() == [0, 1, 255]
    assert check(data).errors == ()


def test_groups_stay_together_where_splits_are_drawn(files):
    text = "Image; Mask ;group\n" + "".join(
        row(i, f"p{i // 2}").replace(",", ";") for i in range(6)
    )
    data = Dataset.open(listed(files, text))
    assert sorted(len(part) for part in data.splits.values()) == [2, 2, 2]
    assert all(len({s.group for s in part}) == 1 for part in data.splits.values())
    assert any("3 groups come with the data" in note for note in data.notes)
    assert data.groups_declared


def test_lists_by_split_in_the_folder(files):
    listed(files, "image,mask\n" + row(0) + row(1), "train.csv")
    files.text("valid.csv", "image,mask\n" + row(2))
    files.text("classes.csv", "id,name\n")
    data = Dataset.open(files.root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 2, "val": 1}
    assert data.layout == "CSV of paths: train.csv, valid.csv"


def test_another_layout_goes_before_a_list_of_something_else(files):
    files.pairs("images", "masks", [f"n{i}" for i in range(6)])
    files.text("train.csv", "id,rle_mask\nn0,1 2\n")
    (files.root / "val.csv").write_bytes(b"caf\xe9,image\n")
    (files.root / "other.yaml").write_bytes(b"\xff: masks")
    (files.root / "rows.parquet").write_bytes(b"anything")
    files.text("state.json", "{}")
    assert Dataset.open(files.root).layout == "images/ with masks/"


def test_paths_that_leave_the_folder(files, tmp_path):
    listed(files, "")
    (tmp_path / "lists").mkdir()
    file = tmp_path / "lists/data.csv"
    file.write_text(
        "image,mask\n"
        + "".join(f"../set/photos/n{i}.jpg,{files.root}/drawn/n{i}.png\n" for i in range(3))
    )
    data = Dataset.open(file)
    assert [s.name for s in data.samples] == ["set/photos/n0", "set/photos/n1", "set/photos/n2"]
    assert data.samples[0].image == files.root / "photos/n0.jpg"


def test_rows_without_mask_are_said(files):
    text = "image,mask\n" + "".join(map(row, range(4))) + "photos/n4.jpg,\n\n"
    data = Dataset.open(listed(files, text))
    assert len(data.samples) == 4
    assert any("1 rows have no mask" in n and "n4.jpg" in n for n in data.notes)


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("image_path,mask", 'rename the column "image_path" to "image"'),
        ("images,masks", 'rename the column "images" to "image"; rename the column "masks"'),
        ("a,b", "write the names of the columns into the first line"),
        ("image,image,mask", "the column image stands twice"),
    ],
)
def test_wrong_columns_offer_the_nearest(files, header, hint):
    with pytest.raises(DataError) as caught:
        Dataset.open(listed(files, header + "\n"))
    assert hint in str(caught.value)
    assert caught.value.where.endswith("data.csv")


def test_wrong_columns_in_a_folder_that_is_nothing_else(files):
    listed(files, "picture,mask\n" + row(0), "train.csv")
    with pytest.raises(DataError, match="no column image"):
        Dataset.open(files.root)


def test_all_faults_of_the_rows_at_once(files):
    text = (
        "image,mask,split\n"
        "photos/n0.jpeg,drawn/n0.png,train\n"
        "photos/n1.jpg,drawn/m1.png,train\n"
        "photos/n2.jpg,drawn/n2.png,trian\n"
        ",drawn/n2.png,train\n"
        "photos/n3.jpg,drawn/n3.png\n"
        "photos/n4.jpg,drawn/n4.png,train\n"
        "photos/n4.jpg,drawn/n4.png,val\n"
    )
    with pytest.raises(DataError, match="6 faults") as caught:
        Dataset.open(listed(files, text))
    message = str(caught.value)
    for part in (
        'line 2: no image photos/n0.jpeg; did you mean "n0.jpg"?',
        'line 3: no mask drawn/m1.png; did you mean "n1.png"?',
        'line 4: no split "trian"; did you mean "train"?',
        "line 5: no image",
        "line 6: 2 cells, and the first line has 3",
        "line 8: photos/n4.jpg stands in data.csv line 7 too",
    ):
        assert part in message


def test_quotes_that_never_end(files):
    with pytest.raises(DataError, match="not a CSV"):
        Dataset.open(listed(files, 'image,mask\n"' + 200_000 * "a"))


def test_an_empty_file(files):
    with pytest.raises(DataError, match=r"no column image .*found: nothing"):
        Dataset.open(listed(files, ""))


def test_a_name_that_no_file_can_have(files):
    for cell in (300 * "a", 3000 * "a/"):
        with pytest.raises(DataError, match="too long for a file"):
            Dataset.open(listed(files, f"image,mask\n{cell},{cell}\n"))
