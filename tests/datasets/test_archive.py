import io
import stat
import zipfile
from pathlib import Path

import pytest

from intarsia.datasets import Dataset, archive
from intarsia.doctor import check
from intarsia.errors import DataError


def zipped(files, path, folder="inner/"):
    files.pairs("images", "masks", [f"n{i}" for i in range(6)])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for inside in sorted(files.root.rglob("*.*")):
            file.write(inside, folder + inside.relative_to(files.root).as_posix())
        file.writestr("__MACOSX/._x", "leftover")
    return path


def written(path, *entries):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries:
            file.writestr(name, content)
    return path


def test_a_zip(files, tmp_path):
    path = zipped(files, tmp_path / "lakes.zip")
    data = Dataset.open(path)
    assert len(data.samples) == 6
    assert data.name == "lakes"
    assert data.root.is_relative_to(tmp_path / "cache" / "intarsia" / "zips")
    assert not (data.root / "__MACOSX").exists()
    assert any("lakes.zip is unpacked into" in note for note in data.notes)
    assert check(data).errors == ()
    assert Dataset.open(str(path)).samples == data.samples


@pytest.mark.parametrize("name", ["train.zip", "images.zip", "a.b.zip", "X.ZIP"])
def test_the_name_is_that_of_the_zip(files, tmp_path, name):
    assert Dataset.open(zipped(files, tmp_path / name)).name == Path(name).stem


def test_the_same_content_is_unpacked_once(files, tmp_path):
    path = zipped(files, tmp_path / "lakes.zip")
    first = Dataset.open(path).root
    before = first.stat().st_mtime_ns
    again = Dataset.open(path)
    assert (again.root, again.root.stat().st_mtime_ns) == (first, before)
    assert any("was unpacked before" in note for note in again.notes)
    files.mask("masks/n0.png", values=(1, 0))
    assert Dataset.open(zipped(files, path)).root != first


def test_a_dataset_yaml_inside(files, tmp_path):
    files.text("dataset.yaml", "classes: [water, land]\n")
    data = Dataset.open(zipped(files, tmp_path / "lakes.zip"))
    assert data.labels.names == ["water", "land"]
    assert data.name == "lakes"


def link(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def encrypted(path):
    written(path, ("a.png", "x"))
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the general purpose flag of the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and of the central directory
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([("../evil.png", "x")], r"\.\./evil\.png in the zip leads out of the zip"),
        ([("a/../../evil.png", "x")], "leads out"),
        ([("/etc/evil.png", "x")], "leads out"),
        ([("a\\..\\evil.png", "x")], "leads out"),
        ([("C:/evil.png", "x")], "leads out"),
        ([(link("images"), "/etc")], "images in the zip is a link"),
        ([("e\u0301.png", "x"), ("\xe9.png", "x")], "stands twice"),
        ([], "the zip holds no files"),
    ],
)
def test_unsafe_zips_are_refused(tmp_path, entries, message):
    path = written(tmp_path / "evil.zip", *entries)
    with pytest.raises(DataError, match=message) as caught:
        Dataset.open(path)
    assert caught.value.where == str(path)
    assert not list((tmp_path / "cache").rglob("*.png"))
    assert not (tmp_path / "evil.png").exists()


def test_an_encrypted_zip(tmp_path):
    encrypted(tmp_path / "a.zip")
    with pytest.raises(DataError, match="is encrypted") as caught:
        Dataset.open(tmp_path / "a.zip")
    assert "password" in caught.value.hint


@pytest.mark.parametrize("cut", [0, 10, 200, -30])
def test_a_zip_cut_anywhere(files, tmp_path, cut):
    path = zipped(files, tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match="the zip is damaged"):
        Dataset.open(path)


def test_a_flipped_byte_leaves_nothing_behind(files, tmp_path):
    path = zipped(files, tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="the zip is damaged"):
        Dataset.open(path)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    path = written(tmp_path / "bomb.zip", ("a.png", "x" * 600), ("b.png", "x" * 600))
    with pytest.raises(DataError, match=r"unpacks to .* GiB in 2 files") as caught:
        Dataset.open(path)
    assert "at most" in caught.value.expected
    monkeypatch.setattr(archive, "MAX_BYTES", 10_000)
    monkeypatch.setattr(archive, "MAX_FILES", 1)
    with pytest.raises(DataError, match="in 2 files"):
        Dataset.open(path)


def test_an_entry_that_says_less_than_it_holds(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", "x" * 5000)
    content = bytearray(buffer.getvalue())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = (10).to_bytes(4, "little")
    path = tmp_path / "lies.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        Dataset.open(path)
    assert not list((tmp_path / "cache").rglob("a.png"))


def test_a_cache_that_cannot_be_written(files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot be unpacked") as caught:
        Dataset.open(zipped(files, tmp_path / "a.zip"))
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_the_cache_without_a_name_is_the_home_folder_s(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert archive.cache_folder() == Path.home() / ".cache" / "intarsia"
