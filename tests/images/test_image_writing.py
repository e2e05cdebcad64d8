import errno
import os

import numpy as np
import pytest

from intarsia.errors import IntarsiaError
from intarsia.images import (
    read_header,
    read_image,
    read_mask,
    whole_folder,
    write_atomic,
    write_mask,
    write_rgb,
)
from intarsia.labels import LabelMap

LABELS = LabelMap.of(["sky", "road", "car"])


def test_a_mask_comes_back_with_its_palette(tmp_path):
    mask = np.random.default_rng(0).integers(0, 3, (37, 53), np.uint8)
    mask[0] = 255
    write_mask(tmp_path / "a.png", mask, LABELS)
    raw = read_mask(tmp_path / "a.png")
    assert raw.kind == "palette"
    np.testing.assert_array_equal(raw.values, mask)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), LABELS.colorize(mask))


def test_many_classes_are_16_bits(tmp_path):
    labels = LabelMap.of([str(i) for i in range(300)])
    mask = np.arange(300, dtype=np.uint16).reshape(15, 20)
    mask[0, 0] = labels.ignore_index
    write_mask(tmp_path / "a.png", mask, labels)
    raw = read_mask(tmp_path / "a.png")
    assert raw.kind == "ids"
    np.testing.assert_array_equal(raw.values, mask)


@pytest.mark.parametrize(
    "mask",
    [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2)), np.full((2, 2), -1), np.full((2, 2), 300)],
)
def test_what_is_no_mask(tmp_path, mask):
    with pytest.raises(IntarsiaError):
        write_mask(tmp_path / "a.png", mask, LABELS)
    assert not list(tmp_path.iterdir())


def test_pictures(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    write_rgb(tmp_path / "a.png", array)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), array)
    write_rgb(tmp_path / "a.jpg", array)
    assert read_header(tmp_path / "a.jpg").format == "JPEG"
    with pytest.raises(IntarsiaError):
        write_rgb(tmp_path / "b.png", array[..., 0])


def test_replaces_whole_and_respects_the_umask(tmp_path):
    path = tmp_path / ("x" * 250)  # a temporary name made from it would be too long
    old = os.umask(0o022)
    try:
        write_atomic(path, b"one")
        write_atomic(path, b"two")
    finally:
        os.umask(old)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_atomic(path, b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IntarsiaError, match=r"disk full: need 0\.\d kB, have"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(IntarsiaError, match="cannot write"):
        write_atomic(tmp_path / "none" / "a", b"")


def test_a_read_only_file_system_is_called_so(tmp_path, monkeypatch):
    def refuse(path, *arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    for name in ("open", "unlink", "mkdir"):  # unlink says it, too, of a file that is not there
        monkeypatch.setattr(f"pathlib.Path.{name}", refuse)
    with pytest.raises(IntarsiaError, match="cannot write: Read-only") as caught:
        write_atomic(tmp_path / "a.bin", b"1")
    assert caught.value.where == str(tmp_path / "a.bin")
    with (
        pytest.raises(IntarsiaError, match="cannot write: Read-only") as caught,
        whole_folder(tmp_path / "out", apart_from=[], flag="OUT"),
    ):
        raise AssertionError("nothing can be written here")
    assert caught.value.where == str(tmp_path / "out")
    assert caught.value.hint == "choose another OUT"
