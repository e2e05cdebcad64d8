"""A zipped data set, unpacked once into the user's cache."""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from intarsia.datasets.content import fingerprint
from intarsia.errors import DataError
from intarsia.file_cache import cache_folder

MAX_BYTES = 100 * 2**30
MAX_FILES = 2_000_000
_CHUNK = 1 << 20
_LEFTOVERS = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error),
    *(NotImplementedError, ValueError),
)


def is_zip(path: Path) -> bool:
    """True for a file that is called a zip."""
    return path.suffix.lower() == ".zip" and path.is_file()


def unzip(path: Path) -> tuple[Path, str]:
    """The folder that a zip was unpacked into, called as the zip is, and what to say about it.

    The folder is found again by the content of the zip. Nothing outside it is ever written, and
    a folder that was not unpacked to the end is never used.

    Raises:
        DataError: not a zip, damaged or encrypted; names that lead out of it, links, more than
            `MAX_BYTES` or `MAX_FILES`, or no room; with the entry where there is one.
    """
    digest = fingerprint(path)[1]
    # Twice: a data set in a folder called images or train takes the name of the folder above.
    folder = cache_folder() / "zips" / digest[:32] / path.stem / path.stem
    if folder.is_dir():
        return folder, f"{path.name} was unpacked before, into {folder}"
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(archive, path)
            size = sum(entry.file_size for entry, _ in entries)
            _extract(archive, entries, folder, size, path)
    except _DAMAGE as error:
        raise DataError(
            f"the zip is damaged: {error}", where=path, hint="download or write it again"
        ) from error
    return folder, f"{path.name} is unpacked into {folder} ({size / 2**20:.1f} MiB)"


def _entries(archive: zipfile.ZipFile, path: Path) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files inside with the place each goes to, when all of them are safe."""
    found: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    places: dict[str, str] = {}
    for entry in archive.infolist():
        place = PurePosixPath(entry.filename)
        mode = entry.external_attr >> 16
        if entry.flag_bits & 1:
            raise _refused("is encrypted", entry, path, "unpack it with its password first")
        if stat.S_ISLNK(mode):
            raise _refused("is a link", entry, path, "zip the files themselves")
        if _leads_out(entry.filename):
            raise _refused("leads out of the zip", entry, path, "do not trust this file")
        if entry.is_dir() or any(part in _LEFTOVERS for part in place.parts):
            continue
        # One place for two entries: one would silently replace the other.
        same = unicodedata.normalize("NFC", place.as_posix())
        if same in places:
            raise _refused("stands twice", entry, path, "zip the files again")
        places[same] = entry.filename
        found.append((entry, place))
    if not found:
        raise DataError("the zip holds no files", where=path)
    size = sum(entry.file_size for entry, _ in found)
    if size > MAX_BYTES or len(found) > MAX_FILES:
        raise DataError(
            f"the zip unpacks to {size / 2**30:.1f} GiB in {len(found)} files",
            where=path,
            expected=f"at most {MAX_BYTES / 2**30:.0f} GiB and {MAX_FILES} files",
            hint="unpack it yourself and name the folder",
        )
    return found


def _leads_out(name: str) -> bool:
    drive = len(name) > 1 and name[1] == ":"
    return name.startswith("/") or "\\" in name or drive or ".." in PurePosixPath(name).parts


def _refused(what: str, entry: zipfile.ZipInfo, path: Path, hint: str) -> DataError:
    name = entry.filename if entry.filename.isprintable() else ascii(entry.filename)[1:-1]
    return DataError(f"{name} in the zip {what}: it is not unpacked", where=path, hint=hint)


def _extract(
    archive: zipfile.ZipFile,
    entries: list[tuple[zipfile.ZipInfo, PurePosixPath]],
    folder: Path,
    size: int,
    path: Path,
) -> None:
    """Unpack beside the place, then move there: the folder is whole or not there."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
        if size > free:
            raise DataError(
                f"no room to unpack the zip: {size / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB "
                "are free",
                where=folder.parent,
                hint="make room, or set XDG_CACHE_HOME to another disk",
            )
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as temporary:
            root = Path(temporary) / "files"
            for entry, place in entries:
                target = root / place
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(archive, entry, target)
            if not folder.is_dir():  # another process may have been faster
                root.rename(folder)
    except DataError:
        raise
    except zipfile.BadZipFile:
        raise
    except OSError as error:
        raise DataError(
            f"the zip cannot be unpacked: {error.strerror or error}",
            where=path,
            hint=f"it goes into {folder.parent}; set XDG_CACHE_HOME to put it elsewhere",
        ) from error


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """One file; never more bytes than the entry declares, whatever its data unpacks to."""
    written = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                raise zipfile.BadZipFile(f"{entry.filename} is larger than it says")
            file.write(chunk)
    if written != entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename} is cut short")
