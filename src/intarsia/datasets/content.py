"""What a file is known by: its content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from intarsia.errors import DataError


def fingerprint(path: Path) -> tuple[int, str]:
    """Bytes of a file and its SHA-256."""
    try:
        if not path.is_file():  # reading a pipe would wait for ever
            raise DataError("there is no such file", where=path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=path) from error


def content_hash(files: Sequence[Path]) -> str:
    """The SHA-256 of one file; of an image in several files, that of their hashes in order.

    Raises:
        DataError: a file cannot be read.
    """
    digests = [fingerprint(file)[1] for file in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
