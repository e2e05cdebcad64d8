"""Folders that are either whole or not there."""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from intarsia.errors import DataError, IntarsiaError


@contextmanager
def whole_folder(out: Path, *, apart_from: Iterable[Path], flag: str) -> Iterator[Path]:
    """A folder to write into that becomes `out` when the block ends well; else it is removed.

    It lies beside `out`, hidden and named `.part`, so that what even a killed process leaves is
    never taken for the whole. `apart_from` are folders that `out` must not lie in; `flag` is how
    the user names another.

    Raises:
        DataError: `out` is a file or not empty, or lies in one of those folders.
        IntarsiaError: nothing can be made there.
    """
    check_new_folder(out, apart_from=apart_from, flag=flag)
    part = out.parent / f".{out.name}.{secrets.token_hex(4)}.part"
    try:
        part.mkdir(parents=True)
    except OSError as error:
        raise IntarsiaError(
            f"cannot write: {error.strerror or error}", where=out, hint=f"choose another {flag}"
        ) from error
    try:
        yield part
        if out.exists():
            out.rmdir()
        part.replace(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_new_folder(out: Path, *, apart_from: Iterable[Path], flag: str) -> None:
    """What `whole_folder` asks of `out`, to be asked before long work.

    Raises:
        DataError: `out` is a file or not empty, or lies in one of those folders.
    """
    if out.exists() and not out.is_dir():
        raise DataError("this is a file, not a folder", where=out, hint=f"choose another {flag}")
    if out.exists() and any(out.iterdir()):
        raise DataError("the folder is not empty", where=out, hint=f"choose another {flag}")
    place = out.resolve()
    if any(place.is_relative_to(folder.resolve()) for folder in set(apart_from)):
        raise DataError(
            "the folder would lie inside the data set",
            where=out,
            hint=f"choose another {flag}, beside it",
        )


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes of a file; the folder of `target` is made.

    Raises:
        IntarsiaError: it cannot be read or written, or the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise IntarsiaError(
            "disk full" if full else f"cannot copy: {error.strerror or error}",
            where=target if full else error.filename or source,
            hint="make room or choose another output folder" if full else None,
        ) from error
