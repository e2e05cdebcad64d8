"""Which image file an annotation means by a name."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from intarsia.datasets.layouts.names import split_name
from intarsia.datasets.pairing import image_files

_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
_NOT_KEPT = re.compile(r"[^-\w.]")


class Pictures:
    """The image files below one folder, found by what annotation tools make of their names.

    A name may be a path of another machine or a URL: it means the file that agrees with most of
    its last parts. Where there is none, the eight-digit prefix of a Label Studio upload is taken
    off, then spaces and signs count as underscores, then another extension is accepted.
    """

    def __init__(self, root: Path) -> None:
        self.files = image_files(root)
        self._by_name: dict[str, list[Path]] = {}
        self._by_upload: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for file in self.files:
            name = _folded(file.name)
            self._by_name.setdefault(name, []).append(file)
            self._by_upload.setdefault(_stored(name), []).append(file)
            self._by_stem.setdefault(PurePosixPath(name).stem, []).append(file)

    def find(self, name: str, source: Path, split: str | None) -> Path | None:
        """The file meant in `source`, whose images are of `split`; None where there is none.

        Raises:
            ValueError: several files are meant alike.
        """
        wanted = _folded(_path_of(name))
        last = PurePosixPath(wanted).name
        bare = _UPLOAD.sub("", last, count=1) if _UPLOAD.match(last) else last
        found = (
            self._by_name.get(last)
            or self._by_name.get(bare)
            or self._by_upload.get(_stored(bare))
            or self._by_stem.get(last)  # a name without extension, also one with a dot in it
            or self._by_stem.get(PurePosixPath(last).stem)
        )
        if not found:
            return None
        best = [(_likeness(file, wanted, source, split), file) for file in found]
        top = max(likeness for likeness, _ in best)
        chosen = [file for likeness, file in best if likeness == top]
        if len(chosen) > 1:
            raise ValueError(f"{name} may be {chosen[0]} or {chosen[1]}")
        return chosen[0]


def _path_of(name: str) -> str:
    """The path inside a file name, a path of Windows, or a URL.

    >>> _path_of("/data/local-files/?d=cats/a%20b.jpg"), _path_of("C:\\\\x\\\\a.jpg")
    ('cats/a b.jpg', 'C:/x/a.jpg')
    """
    if name.startswith("/data/") or "://" in name:
        path, _, query = name.partition("?")
        return unquote(query.removeprefix("d=") if query.startswith("d=") else path)
    return name.replace("\\", "/")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _stored(name: str) -> str:
    """How an upload is called on the server: spaces become underscores, other signs go."""
    return _NOT_KEPT.sub("", name.replace(" ", "_"))


def _likeness(file: Path, wanted: str, source: Path, split: str | None) -> tuple[int, bool, int]:
    parts = [_folded(part) for part in file.parts]
    asked = PurePosixPath(wanted).parts
    alike = 0
    for ours, theirs in zip(reversed(parts[:-1]), reversed(asked[:-1]), strict=False):
        if ours != theirs:
            break
        alike += 1
    in_split = split is not None and any(folder_split(part) == split for part in parts[:-1])
    near = os.path.commonpath([file.parent, source.parent])
    return alike, in_split, len(Path(near).parts)


def folder_split(name: str) -> str | None:
    """The split of a folder or file name, with a year behind it or words around it.

    >>> folder_split("train2017"), folder_split("instances_val2017"), folder_split("cats")
    ('train', 'val', None)
    """
    found = {split_name(word) for word in re.split(r"[^A-Za-z]+", name)} - {None}
    return found.pop() if len(found) == 1 else None
