"""A zip that is read in memory and is what was written, to the bit."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intarsia.errors import BundleError

MAX_BYTES = 2**31  # what ONNX can hold in one file
MAX_MEMBERS = 64
DESCRIPTION = "bundle.json"

_SEAL = b"intarsia-sha256:"
_SEAL_LENGTH = len(_SEAL) + 64
_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_STORED = (".onnx", ".png")  # what compressing would not make smaller
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError)


def pack(description: Mapping[str, Any], members: Mapping[str, bytes]) -> bytes:
    """A zip of `members` and of `description`, which gets the size and SHA-256 of each.

    Its comment, the last bytes of the file, is the SHA-256 of all bytes before: the checksums of
    a zip and of its members leave a few bytes unguarded, such as names and sizes.
    """
    sums = {name: _fact(data) for name, data in members.items()}
    text = json.dumps({**description, "members": sums}, indent=1, ensure_ascii=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {DESCRIPTION: text.encode(), **members}.items():
            info = zipfile.ZipInfo(name)  # of 1980: the same bundle has the same bytes
            stored = name.endswith(_STORED)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
        archive.comment = _SEAL + b"0" * 64
    body = buffer.getvalue()[:-_SEAL_LENGTH]
    return body + _SEAL + hashlib.sha256(body).hexdigest().encode("ascii")


def unpack(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The description of a packed file and its other members, every checksum verified.

    Raises:
        BundleError: missing, not a bundle, too large, cut short, changed, or damaged.
    """
    data = _read(path)
    _check_seal(data, path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _members(archive, path)
    except _DAMAGE as error:
        raise BundleError(f"the bundle is damaged: {error}", where=path) from error
    description = parse_json(members.pop(DESCRIPTION, b""), path, DESCRIPTION)
    expected = description.pop("members", None)
    if not isinstance(expected, dict) or set(expected) != set(members):
        raise BundleError(
            "the bundle does not hold what it says",
            where=path,
            expected="the members that bundle.json lists",
        )
    for name, content in members.items():
        if expected[name] != _fact(content):
            raise BundleError(
                f"{name} is not what was exported: its checksum does not agree",
                where=path,
                hint="copy the file again, or export it again",
            )
    return description, members


def parse_json(data: bytes, path: Path, name: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        BundleError: it is none.
    """
    try:
        content = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} cannot be read: {error}", where=path) from error
    if not isinstance(content, dict):
        raise BundleError(f"{name} is no JSON object", where=path)
    return content


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _fact(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BundleError("this is no file", where=path, expected="a bundle")
        if found.st_size > MAX_BYTES:
            raise BundleError(
                f"{found.st_size / 1e9:.1f} GB are too many for a bundle",
                where=path,
                expected=f"at most {MAX_BYTES / 1e9:.1f} GB",
            )
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"cannot read the bundle: {error.strerror or error}",
            where=path,
            expected="a file that `intarsia export` wrote",
        ) from error
    if not data:
        raise BundleError(
            "the bundle is empty (0 bytes)", where=path, hint="copy or export it again"
        )
    return data


def _check_seal(data: bytes, path: Path) -> None:
    """Raises where a bit is another one than was written."""
    seal = data[-_SEAL_LENGTH:]
    if seal.startswith(_SEAL):
        digest = hashlib.sha256(memoryview(data)[:-_SEAL_LENGTH]).hexdigest().encode("ascii")
        if seal == _SEAL + digest:
            return
        raise BundleError(
            "the bundle is damaged or was changed: its checksum does not agree",
            where=path,
            hint="copy the file again, or export it again",
        )
    if data.startswith(b"PK\x03\x04"):
        raise BundleError(
            "a zip without the seal of a bundle: cut short, packed again, or something else",
            where=path,
            expected="a file as `intarsia export` wrote it",
            hint="copy the file again, or export it again",
        )
    raise BundleError(
        "this is not a bundle", where=path, expected="a file that `intarsia export` wrote"
    )


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, bytes]:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(names) > MAX_MEMBERS or len(set(names)) != len(names):
        raise BundleError(f"{len(names)} members, or one of them twice", where=path)
    if any(entry.compress_type not in _KINDS or entry.flag_bits & 1 for entry in entries):
        raise BundleError(
            "a member is encrypted, or compressed in another way than `intarsia export` does",
            where=path,
        )
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise BundleError(
            "the members are too large", where=path, expected=f"{MAX_BYTES / 1e9:.1f} GB at most"
        )
    # zipfile gives out no more bytes than an entry declares, and checks their CRC
    return {entry.filename: archive.read(entry) for entry in entries}
