"""Folders that are either whole or not there."""

from __future__ import annotations

import errno
import os
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
        DataError: as `check_new_folder` says.
    """
    check_new_folder(out, apart_from=apart_from, flag=flag)
    place = out.resolve()  # a link stays, and what it leads to is written
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.parent / f".{place.name}.{secrets.token_hex(4)}.part"
    part.mkdir()
    try:
        yield part
        if place.exists():
            place.rmdir()
        part.replace(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_new_folder(out: Path, *, apart_from: Iterable[Path], flag: str) -> None:
    """What `whole_folder` asks of `out`, to be asked before long work.

    Raises:
        DataError: `out` is a file or not empty, lies in one of those folders, or is a folder that
            cannot be replaced: the working folder, or where a disk is mounted.
    """
    place = out.resolve()
    if place.exists():
        if not place.is_dir():
            raise DataError(
                "this is a file, not a folder", where=out, hint=f"choose another {flag}"
            )
        if any(place.iterdir()):
            raise DataError("the folder is not empty", where=out, hint=f"choose another {flag}")
        if os.path.ismount(place) or Path.cwd().is_relative_to(place):
            raise DataError(
                "the folder is in use and cannot be replaced by the whole one",
                where=out,
                hint=f"name a new folder inside it as {flag}",
            )
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
