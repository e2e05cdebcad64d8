import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import DataError

datasets = pytest.importorskip("datasets")


def encoded(array, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


def table(count, seed=0, names=None, mask="label", **columns):
    rng = np.random.default_rng(seed)
    stripes = np.array([0, 1, 255], np.uint8)[np.arange(13 * 21) % 3].reshape(13, 21)
    rows = {
        "pixel_values": [
            {
                "bytes": encoded(rng.integers(0, 256, (13, 21, 3), np.uint8), "JPEG"),
                "path": names[i] if names else None,
            }
            for i in range(count)
        ],
        mask: [{"bytes": encoded(stripes), "path": None}] * count,
    }
    features = {"pixel_values": datasets.Image(), mask: datasets.Image()}
    for name, (feature, values) in columns.items():
        features[name], rows[name] = feature, values
    return datasets.Dataset.from_dict(rows, datasets.Features(features))


def test_a_saved_folder_with_splits(tmp_path):
    classes = (datasets.List(datasets.ClassLabel(names=["sky", "road"])), [[0, 1]] * 3)
    data = datasets.DatasetDict({"train": table(3, 0, classes=classes), "validation": table(2, 1)})
    data["validation"] = data["validation"].add_column("classes", [[0]] * 2, feature=classes[0])
    data.save_to_disk(tmp_path / "roads")
    opened = Dataset.open(tmp_path / "roads")
    assert {k: [s.name for s in v] for k, v in opened.splits.items()} == {
        "train": ["train/row_000000", "train/row_000001", "train/row_000002"],
        "val": ["validation/row_000000", "validation/row_000001"],
    }
    assert opened.labels.names == ["sky", "road"]
    assert opened.read_mask(opened.samples[0])[0, :3].tolist() == [0, 1, 255]
    sample = opened.samples[1]
    raw = data["train"].cast_column("pixel_values", datasets.Image(decode=False))[1]
    assert sample.image.read_bytes() == raw["pixel_values"]["bytes"]
    assert opened.name == "roads"
    assert any("written as files into" in note for note in opened.notes)
    assert check(opened).errors == ()
    assert Dataset.open(tmp_path / "roads").samples == opened.samples


def test_one_table_keeps_the_names_of_its_files(tmp_path):
    names = ["p1_a.jpg", "deep/p1_b.jpg", "p2_a.jpg", "p2_a.jpg", "../..\\x y.jpg", "p3.jpg"]
    table(6, names=names, mask="annotation").save_to_disk(tmp_path / "one")
    data = Dataset.open(tmp_path / "one")
    assert sorted(s.name for s in data.samples) == [
        "all/p1_a",
        "all/p1_b",
        "all/p2_a",
        "all/p2_a_000003",
        "all/p3",
        "all/x_y",
    ]
    assert sorted(s.split for s in data.samples)[::5] == ["test", "val"]


def test_parquet_shards_and_id2label(tmp_path):
    root = tmp_path / "hub"
    (root / "data").mkdir(parents=True)
    for shard in range(2):
        table(2, shard).to_parquet(root / f"data/train-{shard:05d}-of-00002.parquet")
    table(2, 7).to_parquet(root / "data/test-00000-of-00001.parquet")
    (root / "id2label.json").write_text(json.dumps({"0": "sky", "1": "road"}))
    data = Dataset.open(root)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 3, "val": 1, "test": 2}
    assert data.labels.names == ["sky", "road"]
    assert len({s.image.read_bytes() for s in data.samples}) == 6
    assert check(data).errors == ()


def test_one_parquet_file_without_names(tmp_path):
    table(6, mask="mask").to_parquet(tmp_path / "x.parquet")
    data = Dataset.open(tmp_path / "x.parquet")
    assert len(data.samples) == 6
    assert data.labels.names == ["class 0", "class 1"]


def test_rows_without_mask_are_said(tmp_path):
    rows = table(6)
    masks = rows.cast_column("label", datasets.Image(decode=False))["label"][:]
    masks[2] = None
    rows = rows.remove_columns("label").add_column("label", masks, feature=datasets.Image())
    rows.save_to_disk(tmp_path / "one")
    data = Dataset.open(tmp_path / "one")
    assert len(data.samples) == 5
    assert "1 rows of all have no mask and are left out" in data.notes


def test_a_split_without_masks_is_left_out_aloud(tmp_path):
    data = datasets.DatasetDict({"train": table(4), "test": table(2, 5).remove_columns("label")})
    data.save_to_disk(tmp_path / "roads")
    opened = Dataset.open(tmp_path / "roads")
    assert set(opened.splits) == {"train", "val"}
    assert "2 rows of test have no mask and are left out" in opened.notes


def test_columns_that_are_no_pair(tmp_path):
    table(3, mask="depth", mask2=(datasets.Image(), [None] * 3)).save_to_disk(tmp_path / "one")
    with pytest.raises(DataError, match="Image columns are pixel_values, depth, mask2") as caught:
        Dataset.open(tmp_path / "one")
    assert "rename" in caught.value.hint


def test_rows_that_hold_no_image(tmp_path):
    rows = {
        "image": [{"bytes": b"nothing", "path": None}, None],
        "mask": [{"bytes": encoded(np.zeros((3, 4), np.uint8)), "path": None}] * 2,
    }
    features = datasets.Features({"image": datasets.Image(), "mask": datasets.Image()})
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError) as caught:
        Dataset.open(tmp_path / "x.parquet")
    assert "x, row 0: the image is of no known format" in str(caught.value)
    assert "x, row 1: no image" in str(caught.value)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_without_the_package(tmp_path, monkeypatch):
    table(2).save_to_disk(tmp_path / "one")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match="needs the package") as caught:
        Dataset.open(tmp_path / "one")
    assert caught.value.hint == 'pip install "intarsia[formats]"'


def test_damaged_tables(tmp_path):
    table(2).save_to_disk(tmp_path / "one")
    next((tmp_path / "one").glob("*.arrow")).write_bytes(b"x")
    with pytest.raises(DataError, match="cannot be read"):
        Dataset.open(tmp_path / "one")
    (tmp_path / "x.parquet").write_bytes(b"x")
    with pytest.raises(DataError, match="not a parquet file"):
        Dataset.open(tmp_path / "x.parquet")
