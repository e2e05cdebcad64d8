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
    `settings` is everything besides the content of `file`, and of `more` files, that the answer
    depends on.
    """

    file: Path | None
    kind: str
    settings: str
    work: Callable[[], dict[str, Any]]
    more: tuple[Path, ...] = ()

    @property
    def all_settings(self) -> str:
        """The settings with the names of the further files."""
        if not self.more:
            return self.settings
        return f"{self.settings} {[file.name for file in self.more]!a}"


@dataclass
class FileCache:
    """Answers of earlier commands. `changed` collects files with another content than then."""

    file: Path
    changed: list[Path] = field(default_factory=list)
    _base: sqlite3.Connection | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

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
        except sqlite3.DatabaseError as error:
            self._failed(error)

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

    def _failed(self, error: sqlite3.DatabaseError) -> None:
        """Go on without a cache that cannot be used now, with a new one after a damaged one."""
        if isinstance(error, sqlite3.OperationalError):
            self._give_up(error)
        else:
            self._begin_anew()

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
        states = [file_state(question.file, *question.more) for question in questions]
        wanted: dict[str, dict[bytes, list[int]]] = {}
        for at, (question, state) in enumerate(zip(questions, states, strict=True)):
            if state is not None and question.file is not None:
                wanted.setdefault(question.kind, {}).setdefault(_path(question.file), []).append(at)
        texts: dict[int, str] = {}
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
                    same = (settings, (size, time_)) == (questions[at].all_settings, states[at])
                    if same and _is_sound(value, checksum):
                        texts[at] = value
        found: list[dict[str, Any] | None] = [None] * len(questions)
        # parsed together: half the time of one by one
        for at, answer in zip(texts, json.loads(f"[{','.join(texts.values())}]"), strict=True):
            found[at] = answer
        return found

    def answer(self, question: Question) -> tuple[dict[str, Any], tuple[Any, ...] | None]:
        """The answer by the file's content, else worked out; and the row to keep, if any."""
        state = file_state(question.file, *question.more)
        if self._base is None or state is None or question.file is None:
            return question.work(), None
        digest = _digest((question.file, *question.more))
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
            (digest, question.kind, question.all_settings),
        ):
            if value is None and _is_sound(text, checksum):
                value = json.loads(text)
        seen = time.time_ns()
        found = question.work() if value is None else value
        if file_state(question.file, *question.more) != state:
            return found, None  # it changed under our hands
        # What was missing, a package or memory, may be there next time: only the hash is kept.
        text = "" if "fault" in found else json.dumps(found, separators=(",", ":"))
        key = (path, question.kind, question.all_settings)
        return found, (*key, *state, seen, digest, text, zlib.crc32(text.encode()))

    def keep(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write rows of `answer`, all or none."""
        some = list(rows)
        if not some:
            return
        with self._lock:
            if self._base is None:  # it may have been given up just now
                return
            try:
                with self._base:
                    self._base.executemany(
                        "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", some
                    )
            except sqlite3.DatabaseError as error:
                self._failed(error)

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        # What follows a fault is done under the lock too: another thread that met the base closed
        # would take the cache for damaged, and delete what a second command is writing.
        with self._lock:
            if self._base is None:
                return []
            try:
                return self._base.execute(query, values).fetchall()
            except sqlite3.DatabaseError as error:
                self._failed(error)
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


def file_state(*files: Path | None) -> tuple[int, int] | None:
    """Size and time of regular files together; None for anything that must not be opened.

    The time is that of the last change, whatever it was: archives and copies bring contents with
    an old time of their own.
    """
    size = time_ = 0
    for file in files:
        if file is None:
            return None
        try:
            # of text twice as fast as of a Path, and there may be 100,000
            about = os.stat(str(file))  # noqa: PTH116
        except OSError:
            return None
        if not stat.S_ISREG(about.st_mode):
            return None
        size += about.st_size
        time_ = max(time_, about.st_mtime_ns, about.st_ctime_ns)
    return size, time_


def _digest(files: Sequence[Path]) -> bytes | None:
    digests = []
    try:
        for file in files:
            with file.open("rb") as stream:
                digests.append(hashlib.file_digest(stream, "sha256").digest())
    except OSError:
        return None
    return digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(digests)).digest()


def _path(file: Path) -> bytes:
    # whole: `data/masks/1.png` is another file where the working folder is another
    return os.fsencode(file.absolute())


def _is_sound(text: str, checksum: int) -> bool:
    """Whether this is an answer, whole as it was written; of a fault there is none."""
    return isinstance(text, str) and text != "" and zlib.crc32(text.encode()) == checksum
