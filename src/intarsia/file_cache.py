"""What was worked out from files, kept between commands: by size, time and content.

One SQLite file in the user's cache folder. It is only ever a shortcut: a cache that is damaged is
begun anew, one that is locked or cannot be written is done without, and a value that does not
match its checksum is worked out again.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import logging
import os
import sqlite3
import stat
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

_LAYOUT = 1  # of the tables
_BATCH = 256
_MOST_BYTES = 1 << 30  # a cache beyond this is begun anew
# A file changed twice within one tick of the clock keeps its time: younger ones are read again.
_TICK_NS = 2_000_000_000
_TABLE = """
CREATE TABLE IF NOT EXISTS facts (
    path BLOB, kind TEXT, settings TEXT, size INTEGER, time INTEGER, seen INTEGER, hash BLOB,
    value TEXT, checksum INTEGER, PRIMARY KEY (path, kind)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_hash ON facts (hash);
"""
_log = logging.getLogger("intarsia")


def cache_folder() -> Path:
    """The user's cache for Intarsia: below $XDG_CACHE_HOME, or ~/.cache."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification: a relative path counts as none.
    base = Path(named) if named and Path(named).is_absolute() else Path.home() / ".cache"
    return base / "intarsia"


@dataclass(frozen=True)
class Question:
    """Something to be worked out from one file: `work` gives plain JSON.

    Without a `file`, nothing is remembered; of an answer with the key "fault" only the file's hash.
    `settings` is everything besides the file's content that the answer depends on.
    """

    file: Path | None
    kind: str
    settings: str
    work: Callable[[], dict[str, Any]]


@dataclass
class FileCache:
    """Answers of earlier commands. `changed` collects files with another content than then."""

    file: Path
    changed: list[Path] = field(default_factory=list)
    _base: sqlite3.Connection | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of_user(cls) -> FileCache:
        """The cache in `$XDG_CACHE_HOME/intarsia` (by default `~/.cache/intarsia`)."""
        # Another version may see other things in a file. Imported by name: the package's own
        # module comes after every room.
        version: str = importlib.import_module("intarsia").__version__
        return cls(cache_folder() / f"files-{version}.sqlite")

    def __post_init__(self) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            if self.file.exists() and self.file.stat().st_size > _MOST_BYTES:
                self.file.unlink()
        except OSError as error:
            _log.info("no cache: %s: %s", self.file.parent, error.strerror)
            return
        try:
            self._base = self._opened()
        except sqlite3.OperationalError as error:
            self._give_up(error)
        except sqlite3.DatabaseError:
            self._begin_anew()

    def _opened(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.file, timeout=10, check_same_thread=False)
        try:
            if base.execute("PRAGMA user_version").fetchone()[0] not in (0, _LAYOUT):
                raise sqlite3.DatabaseError("tables of another version")
            base.execute("PRAGMA synchronous = NORMAL")
            base.executescript(_TABLE)
            base.execute(f"PRAGMA user_version = {_LAYOUT}")
        except sqlite3.DatabaseError:
            base.close()
            raise
        return base

    def _begin_anew(self) -> None:
        """A damaged cache is worth nothing, and is ours."""
        self.close()
        try:
            self.file.unlink(missing_ok=True)
            self._base = self._opened()
        except (OSError, sqlite3.DatabaseError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        _log.info("the cache is not used: %s: %s", self.file, error)
        self.close()

    def close(self) -> None:
        if self._base is not None:
            with contextlib.suppress(sqlite3.DatabaseError):
                self._base.close()
            self._base = None

    def find(self, questions: Sequence[Question]) -> list[dict[str, Any] | None]:
        """The answers kept for these very files and questions, None where there is none."""
        states = [file_state(question.file) for question in questions]
        wanted: dict[str, dict[bytes, list[int]]] = {}
        for at, (question, state) in enumerate(zip(questions, states, strict=True)):
            if state is not None and question.file is not None:
                wanted.setdefault(question.kind, {}).setdefault(_path(question.file), []).append(at)
        found: list[dict[str, Any] | None] = [None] * len(questions)
        for kind, places in wanted.items():
            rows = self._rows(
                "SELECT path, settings, size, time, seen, value, checksum FROM facts "
                f"WHERE kind = ? AND path IN ({', '.join('?' * len(places))})",
                (kind, *places),
            )
            for path, settings, size, time_, seen, value, checksum in rows:
                if seen - time_ < _TICK_NS:
                    continue  # it was young then: its content is looked at, in `answer`
                for at in places[path]:
                    if (settings, (size, time_)) == (questions[at].settings, states[at]):
                        found[at] = _checked(value, checksum)
        return found

    def answer(self, question: Question) -> tuple[dict[str, Any], tuple[Any, ...] | None]:
        """The answer by the file's content, else worked out; and the row to keep, if any."""
        state = file_state(question.file)
        if self._base is None or state is None or question.file is None:
            return question.work(), None
        digest = _digest(question.file)
        if digest is None:
            return question.work(), None
        path = _path(question.file)
        before = self._rows(
            "SELECT hash FROM facts WHERE path = ? AND kind = ?", (path, question.kind)
        )
        if before and before[0][0] != digest:
            self.changed.append(question.file)
        value = None
        for text, checksum in self._rows(
            "SELECT value, checksum FROM facts WHERE hash = ? AND kind = ? AND settings = ?",
            (digest, question.kind, question.settings),
        ):
            value = value or _checked(text, checksum)
        seen = time.time_ns()
        found = question.work() if value is None else value
        if file_state(question.file) != state:
            return found, None  # it changed under our hands
        # What was missing, a package or memory, may be there next time: only the hash is kept.
        text = "" if "fault" in found else json.dumps(found, separators=(",", ":"))
        key = (path, question.kind, question.settings)
        return found, (*key, *state, seen, digest, text, zlib.crc32(text.encode()))

    def keep(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write rows of `answer`, all or none."""
        some = list(rows)
        if self._base is None or not some:
            return
        try:
            with self._lock, self._base:
                self._base.executemany(
                    "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", some
                )
        except sqlite3.OperationalError as error:
            self._give_up(error)
        except sqlite3.DatabaseError:
            self._begin_anew()

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        base = self._base
        if base is None:
            return []
        try:
            with self._lock:
                return base.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            self._give_up(error)
        except sqlite3.DatabaseError:
            self._begin_anew()
        return []


def answers(questions: Iterable[Question], cache: FileCache | None) -> Iterator[dict[str, Any]]:
    """The answer to every question, in order, on all cores; a few hundred are in flight at once."""
    waiting = iter(questions)
    with ThreadPoolExecutor(max_workers=min(32, os.cpu_count() or 1)) as pool:
        while batch := list(islice(waiting, _BATCH)):
            if cache is None:
                yield from pool.map(lambda question: question.work(), batch)
                continue
            known = cache.find(batch)
            missing = [q for q, found in zip(batch, known, strict=True) if found is None]
            fresh = pool.map(cache.answer, missing)
            rows = []
            try:
                for found in known:
                    if found is not None:
                        yield found
                        continue
                    worked, row = next(fresh)
                    if row is not None:
                        rows.append(row)
                    yield worked
            finally:  # what was worked out before Ctrl-C is kept
                cache.keep(rows)


def file_state(file: Path | None) -> tuple[int, int] | None:
    """Size and time of a regular file; None for anything that must not be opened."""
    if file is None:
        return None
    try:
        about = os.stat(file)  # noqa: PTH116 - faster, and there may be 100,000
    except OSError:
        return None
    return (about.st_size, about.st_mtime_ns) if stat.S_ISREG(about.st_mode) else None


def _digest(file: Path) -> bytes | None:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return None


def _path(file: Path) -> bytes:
    # whole: `data/masks/1.png` is another file where the working folder is another
    return os.fsencode(file.absolute())


def _checked(text: str, checksum: int) -> dict[str, Any] | None:
    if not isinstance(text, str) or not text or zlib.crc32(text.encode()) != checksum:
        return None
    found = json.loads(text)
    return found if isinstance(found, dict) else None
