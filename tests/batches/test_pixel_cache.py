import os
import resource
import shutil
import threading
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import tifffile

from intarsia.batches import Pairs, PixelCache
from intarsia.datasets import Dataset
from intarsia.errors import DataError
from intarsia.transforms import Preprocessing

ARRAYS = [np.arange(35, dtype=np.uint16).reshape(5, 7), np.zeros((3, 2, 1), np.float32)]
Usage = namedtuple("Usage", "total used free")


def made(folder, cache, fit="tiles", tile=(32, 48), size=(32, 48)):
    data = Dataset.open(folder)
    preprocessing = Preprocessing(
        size, fit, data.scaling, (0.0,) * 3, (1.0,) * 3, tile=tile,
        grid=(2, 3) if fit == "grid" else (1, 1),
    )  # fmt: skip
    return Pairs(data, data.split("train"), preprocessing, cache)


def kept() -> list[Path]:
    return sorted((Path(os.environ["XDG_CACHE_HOME"]) / "intarsia/pixels").glob("*"))


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_arrays_come_back_mapped_and_read_only(tmp_path):
    cache = PixelCache(tmp_path / "pixels")
    assert cache.find("key") is None
    cache.write("key", ARRAYS)
    found = cache.find("key")
    for array, back in zip(ARRAYS, found, strict=True):
        assert isinstance(back, np.memmap)
        assert not back.flags.writeable
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
    assert [path.name for path in cache.folder.iterdir()] == ["key.npy"]


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-1], lambda b: b[:20], lambda b: b"", lambda b: b"x" + b[1:], lambda b: b + b"?"],
)
def test_a_damaged_file_is_made_again(tmp_path, damage):
    cache = PixelCache(tmp_path / "pixels")
    cache.write("key", ARRAYS)
    path = cache.folder / "key.npy"
    path.write_bytes(damage(path.read_bytes()))
    assert cache.find("key") is None
    assert not path.exists()


def test_what_is_old_and_unused_is_swept_out(tmp_path):
    folder = tmp_path / "pixels"
    cache = PixelCache(folder)
    for name in ("old", "new", "used"):
        cache.write(name, ARRAYS)
    (folder / ".left.tmp").write_bytes(b"half")
    long_ago = time.time() - 31 * 86_400
    for name in ("old.npy", "used.npy", ".left.tmp"):
        os.utime(folder / name, (long_ago, long_ago))
    assert cache.find("used") is not None
    PixelCache(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["new.npy", "used.npy"]


def test_a_disk_that_takes_no_more_is_an_error_and_leaves_nothing(tmp_path):
    cache = PixelCache(tmp_path / "pixels")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old[1]))
    try:
        with pytest.raises(DataError, match="cannot be kept on disk"):
            cache.write("key", [np.zeros(20_000, np.uint8)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list(cache.folder.iterdir()) == []


def test_several_writers_of_one_key(tmp_path):
    caches = [PixelCache(tmp_path / "pixels") for _ in range(4)]
    threads = [threading.Thread(target=cache.write, args=("key", ARRAYS)) for cache in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in caches[0].folder.iterdir()] == ["key.npy"]
    np.testing.assert_array_equal(caches[0].find("key")[0], ARRAYS[0])


@pytest.mark.parametrize(
    ("fit", "tile"), [("letterbox", None), ("grid", None), ("tiles", (32, 48))]
)
def test_every_fit_can_stay_on_disk(large, fit, tile):
    disk, memory = made(large, "disk", fit, tile), made(large, "memory", fit, tile)
    for index in range(len(memory)):
        for one, two in zip(disk[index], memory[index], strict=True):
            np.testing.assert_array_equal(one, two)
    assert len(kept()) == 6
    assert disk.place == "disk"
    assert "kept in" in disk.said


def test_images_are_decoded_once_until_they_change(large, monkeypatch):
    decoded = []
    read = Dataset.read_image
    monkeypatch.setattr(
        Dataset, "read_image", lambda self, s, **o: decoded.append(s.name) or read(self, s, **o)
    )

    def go():
        decoded.clear()
        pairs = made(large, "disk")
        for index in range(len(pairs)):
            pairs.window(index, ((0, 9), (0, 9)))
            pairs.window(index, ((50, 60), (3, 9)))
        return [name.rpartition("/")[2] for name in decoded]

    assert go() == ["a", "b", "c"]
    assert go() == []
    # another image, as old as the one before
    image = large / "train/images/a.tif"
    before = image.stat()
    tifffile.imwrite(image, np.zeros((151, 131, 3), np.uint8), photometric="rgb")
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert go() == ["a"]
    assert len(kept()) == 7
    kept()[0].write_bytes(b"damaged")
    pairs = made(large, "disk")
    pairs[0], pairs[1], pairs[2]
    assert len(kept()) == 7
    assert all(path.stat().st_size > 1000 for path in kept())


def test_a_file_that_changes_while_it_is_read_is_not_kept_as_the_one_before(large):
    pairs = made(large, "disk")
    image = large / "train/images/a.tif"
    before = image.read_bytes()
    tifffile.imwrite(image, np.zeros((151, 131, 3), np.uint8), photometric="rgb")
    assert pairs.window(0, ((0, 9), (0, 9)))[0].max() == 0
    image.write_bytes(before)
    assert made(large, "disk").window(0, ((0, 9), (0, 9)))[0].max() > 0


def test_only_what_shrinks_images_otherwise_needs_other_files(large):
    for size, tile, count in (
        ((32, 48), (32, 48), 6),
        ((16, 16), (16, 16), 6),
        ((32, 48), (64, 96), 12),
    ):
        pairs = made(large, "disk", tile=tile, size=size)
        for index in range(3):
            pairs.window(index, ((0, 9), (0, 9)))
        assert len(kept()) == count


def test_auto_leaves_to_tiffs_what_they_give_by_windows(large, monkeypatch):
    monkeypatch.setattr("intarsia.batches.pairs.available_memory", lambda: 1000)
    pairs = made(large, "auto")
    assert pairs.place == "disk"
    assert "(1 images, 3 masks; of the others, windows are read)" in pairs.said
    for index in range(3):
        pairs.window(index, ((0, 9), (0, 9)))
    # three masks, and the image that is a PNG
    assert len(kept()) == 4
    assert made(large, "auto", "letterbox", None).place == "disk"
    monkeypatch.undo()
    assert made(large, "auto").place == "memory"


def test_no_room_on_the_disk(large, monkeypatch):
    monkeypatch.setattr("intarsia.batches.pairs.available_memory", lambda: 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9, 9, 60_000))
    with pytest.raises(DataError, match="GB are free"):
        made(large, "disk")
    pairs = made(large, "auto")
    assert pairs.place == "files"
    assert "decoded again each time" in pairs.said


def test_a_disk_that_fills_up_under_way(large, monkeypatch, caplog):
    def full(*_):
        raise DataError("disk full")

    monkeypatch.setattr("intarsia.batches.pairs.available_memory", lambda: 1000)
    monkeypatch.setattr(PixelCache, "write", full)
    pairs = made(large, "auto")
    first = [pairs.window(index, ((0, 9), (0, 9))) for index in range(3)]
    assert caplog.text.count("decoded each time") == 1
    memory = made(large, "memory")
    for index, pair in enumerate(first):
        np.testing.assert_array_equal(pair[0], memory[index][0][:9, :9])
    with pytest.raises(DataError, match="disk full"):
        made(large, "disk")[0]


def test_a_cache_folder_that_cannot_be_made(large, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("intarsia.batches.pairs.available_memory", lambda: 1000)
    with pytest.raises(DataError, match="cannot be kept on disk"):
        made(large, "disk")
    pairs = made(large, "auto")
    assert pairs.place == "files"
    assert pairs.window(0, ((0, 9), (3, 9)))[0].shape == (9, 6, 3)
