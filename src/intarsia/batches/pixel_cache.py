"""Decoded pixels in files that are mapped into memory and kept between trainings."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from intarsia.errors import DataError
from intarsia.file_cache import cache_folder

UNUSED_DAYS = 30
_LEFT_BEHIND_DAYS = 1
_DAY = 86_400


class PixelCache:
    """Arrays by the key of what they were made from, a file a key.

    A file is one array after another in NumPy's format. It appears whole or not at all, so that
    two trainings may write the same one at once; one that was damaged since is made again. An
    image that changes gets another key. Files that no training used for 30 days, and what a
    killed one left unfinished a day ago, are removed whenever a training begins to use the cache.

    Raises DataError where the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._fault(error) from error
        self._used: set[str] = set()
        self._sweep(time.time())

    @classmethod
    def of_user(cls) -> PixelCache:
        """The one in `$XDG_CACHE_HOME/intarsia/pixels` (by default below `~/.cache`)."""
        return cls(cache_folder() / "pixels")

    @property
    def free(self) -> int:
        """Bytes that its disk has left."""
        return shutil.disk_usage(self.folder).free

    def holds(self, key: str) -> bool:
        """True where there is a file; it may still turn out to be damaged."""
        return self._path(key).is_file()

    def find(self, key: str) -> list[NDArray[Any]] | None:
        """The arrays of this key, mapped and read-only; None where they are yet to be made."""
        path = self._path(key)
        try:
            arrays = _mapped(path)
        except OSError:  # mostly: no such file yet
            return None
        except ValueError:  # cut short, or something else: it is ours, and made again
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        if key not in self._used:
            self._used.add(key)
            with contextlib.suppress(OSError):
                os.utime(path)
        return arrays

    def write(self, key: str, arrays: Sequence[NDArray[Any]]) -> None:
        """Keep arrays under this key.

        Raises:
            DataError: the disk is full, or cannot be written.
        """
        temporary = self.folder / f".{secrets.token_hex(8)}.tmp"
        try:
            with temporary.open("xb") as file:
                # written, not mapped: a full disk is an error here, and a crash through a map
                for array in arrays:
                    plain = np.ascontiguousarray(array)
                    npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(plain))
                    file.write(plain.data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path(key))
        except OSError as error:
            raise self._fault(error, sum(array.nbytes for array in arrays)) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npy"

    def _sweep(self, now: float) -> None:
        for path in self.folder.iterdir():
            days = {".npy": UNUSED_DAYS, ".tmp": _LEFT_BEHIND_DAYS}.get(path.suffix)
            # another process may sweep at the same time
            with contextlib.suppress(OSError):
                if days is not None and now - path.stat().st_mtime > days * _DAY:
                    path.unlink()

    def _fault(self, error: OSError, size: int = 0) -> DataError:
        needed = f" ({size / 1e9:.2f} GB to write)" if size else ""
        return DataError(
            f"decoded images cannot be kept on disk: {error.strerror or error}{needed}",
            where=self.folder,
            hint="make room, set XDG_CACHE_HOME to another disk, or data.cache=none",
        )


def _mapped(path: Path) -> list[NDArray[Any]]:
    """Every array of a file, as memory maps.

    Raises:
        ValueError: the file is not whole.
    """
    arrays: list[NDArray[Any]] = []
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            if npy.read_magic(file) != (1, 0):
                raise ValueError("not of this cache")
            shape, fortran, dtype = npy.read_array_header_1_0(file)
            if fortran or dtype.hasobject:
                raise ValueError("not of this cache")
            offset = file.tell()
            end = offset + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            if end > size:
                raise ValueError("cut short")
            arrays.append(np.memmap(file, dtype, "r", offset, shape))
            file.seek(end)
    if not arrays:
        raise ValueError("empty")
    return arrays
