"""One folder, one writer: a lock of the operating system that dies with its process."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

from intarsia.errors import RunError

_NAME = ".lock"


class RunLock:
    """Held while a process writes to a run folder.

    A killed process needs no cleaning up: the system drops the lock, the file may stay.

    Raises:
        RunError: on entry, when another process holds the lock; it names that process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> RunLock:
        path = self.folder / _NAME
        file = path.open("a+", encoding="utf-8")
        if not _try_lock(file):
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise RunError(
                "another training is writing to this folder",
                where=f"{self.folder} (held by {holder})",
                hint="wait for it, stop it, or choose another --out",
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        self._file = file
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()


def is_written_to(folder: Path) -> bool:
    """True where a process of this machine writes to the run folder at the moment.

    Always false on Windows, where the file that is locked cannot be read. The lock is not
    touched: a training that begins right now must not find it taken.

    >>> is_written_to(Path("no-such-folder"))
    False
    """
    if sys.platform == "win32":
        return False
    try:
        text = (folder / _NAME).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    _, _, after = text.partition("process ")
    number, _, host = after.partition(" on ")
    if host.strip() != socket.gethostname() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
