"""Checkpoints that are whole or not there: checksummed, replaced atomically."""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path
from typing import Any

from intarsia.errors import RunError
from intarsia.images import write_atomic

LAST = "last.pt"
PREVIOUS = "previous.pt"
BEST = "best.safetensors"
BEST_RAW = "best-raw.safetensors"  # of the same epoch, before averaging
SNAPSHOTS = "snapshot-*.safetensors"

_log = logging.getLogger("intarsia")


def write_checksummed(path: Path, data: bytes) -> None:
    """Writes a file and, beside it, `NAME.sha256`.

    The checksum file names the new and the old content before the file is replaced, so that a
    process killed between the two leaves a pair that still agrees.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(data).hexdigest()
    old = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    write_atomic(_sidecar(path), f"{digest}\n{old}\n".encode("ascii"))
    write_atomic(path, data)


def read_checksummed(path: Path) -> bytes:
    """The content of a file written by `write_checksummed`.

    Raises:
        RunError: missing, empty, or not what was written.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError("the checkpoint is missing", where=path) from error
    if not data:
        raise RunError("the checkpoint is empty", where=path)
    sidecar = _sidecar(path)
    if not sidecar.is_file():
        raise RunError(
            "the checkpoint has no checksum beside it", where=path, expected=sidecar.name
        )
    known = sidecar.read_text(encoding="ascii", errors="replace").splitlines()
    if hashlib.sha256(data).hexdigest() not in known:
        raise RunError("the checkpoint is damaged: its checksum does not agree", where=path)
    return data


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def save_training_state(folder: Path, state: dict[str, Any]) -> None:
    """Writes `last.pt`; what was there becomes `previous.pt`."""
    import torch

    buffer = io.BytesIO()
    torch.save(state, buffer)
    last = folder / LAST
    if last.is_file():
        # a copy, so that a kill at any moment leaves one whole file under each name
        try:
            write_checksummed(folder / PREVIOUS, read_checksummed(last))
        except RunError as error:
            _log.warning("%s; the older %s stays", error.what, PREVIOUS)
    write_checksummed(last, buffer.getvalue())


def load_training_state(folder: Path) -> dict[str, Any] | None:
    """The newest whole state of an interrupted training, or None where there is none.

    Raises:
        RunError: there are checkpoints, and none of them is whole.
    """
    import torch

    damaged = []
    for name in (LAST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            data = read_checksummed(path)
        except RunError as error:
            _log.warning("%s: %s; falling back to the one before", path, error.what)
            damaged.append(path)
            continue
        state: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return state
    if damaged:
        raise RunError(
            "no whole checkpoint is left",
            where=", ".join(str(p) for p in damaged),
            hint="start again in another folder",
        )
    return None


def save_weights(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors as checksummed safetensors."""
    from safetensors.torch import save

    write_checksummed(path, save({key: value.contiguous() for key, value in state.items()}))


def load_weights(path: Path) -> dict[str, Any]:
    """The inverse of `save_weights`.

    Raises:
        RunError: missing or damaged.
    """
    from safetensors.torch import load

    return load(read_checksummed(path))
