import pytest
import torch

from intarsia import images
from intarsia.errors import IntarsiaError, RunError
from intarsia.runs.checkpoint import (
    load_training_state,
    load_weights,
    read_checksummed,
    save_training_state,
    save_weights,
    write_checksummed,
)


def test_weights_come_back(tmp_path):
    state = {"a": torch.arange(6.0).reshape(2, 3).T, "n": torch.tensor(3)}
    save_weights(tmp_path / "best.safetensors", state)
    back = load_weights(tmp_path / "best.safetensors")
    assert all(torch.equal(back[k], state[k]) for k in state)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "no checksum"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "file"
    write_checksummed(path, b"x" * 1000)
    if damage == "flip":
        path.write_bytes(b"x" * 499 + b"y" + b"x" * 500)
    elif damage == "cut":
        path.write_bytes(b"x" * 999)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        (tmp_path / "file.sha256").unlink()
    with pytest.raises(RunError, match=r"damaged|empty|no checksum"):
        read_checksummed(path)


def test_killed_between_checksum_and_file_the_old_file_is_still_good(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_checksummed(path, b"old")
    write = images.write_atomic

    def killed(target, data):
        if target == path:
            raise KeyboardInterrupt
        write(target, data)

    monkeypatch.setattr("intarsia.runs.checkpoint.write_atomic", killed)
    with pytest.raises(KeyboardInterrupt):
        write_checksummed(path, b"new")
    assert read_checksummed(path) == b"old"


def test_two_failed_writes_in_a_row_leave_the_old_file_good(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_checksummed(path, b"old")
    write = images.write_atomic

    def full(target, data):
        if target == path:
            raise IntarsiaError("disk full")
        write(target, data)

    monkeypatch.setattr("intarsia.runs.checkpoint.write_atomic", full)
    for content in (b"new", b"newer"):
        with pytest.raises(IntarsiaError):
            write_checksummed(path, content)
    assert read_checksummed(path) == b"old"


def test_a_damaged_checksum_is_a_damaged_file(tmp_path):
    write_checksummed(tmp_path / "file", b"x")
    (tmp_path / "file.sha256").write_bytes(b"\xff\xfe")
    with pytest.raises(RunError, match="damaged"):
        read_checksummed(tmp_path / "file")


def test_a_damaged_last_state_falls_back_and_says_so(tmp_path, caplog):
    assert load_training_state(tmp_path) is None
    for step in (1, 2):
        save_training_state(tmp_path, {"step": step, "random": torch.get_rng_state()})
    assert load_training_state(tmp_path)["step"] == 2
    last = tmp_path / "last.pt"
    last.write_bytes(last.read_bytes()[:-7])
    assert load_training_state(tmp_path)["step"] == 1
    assert "falling back" in caplog.text
    # saving over a damaged one keeps the good one before it
    save_training_state(tmp_path, {"step": 3})
    last.write_bytes(b"")
    assert load_training_state(tmp_path)["step"] == 1


def test_no_whole_state_is_an_error(tmp_path):
    save_training_state(tmp_path, {"step": 1})
    (tmp_path / "last.pt").write_bytes(b"damaged")
    with pytest.raises(RunError, match="no whole checkpoint"):
        load_training_state(tmp_path)
