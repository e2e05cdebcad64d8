"""What is remembered of files, and when it is not."""

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.file_cache import FileCache, Question, answers

LONG_AGO = 1_500_000_000


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    return path


class Work:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def question(self, file: Path, settings: str = "s") -> Question:
        def work() -> dict[str, str]:
            self.times += 1
            return {"content": file.read_bytes().decode()}

        return Question(file, "kind", settings, work)


def _ask(cache: FileCache | None, *questions: Question) -> list[dict]:
    return list(answers(questions, cache))


def test_a_second_question_is_remembered_also_by_a_later_command(file, tmp_path):
    work, base = Work(), tmp_path / "cache/files.sqlite"
    for _ in range(3):
        cache = FileCache(base)
        assert _ask(cache, work.question(file)) == [{"content": "one"}]
        cache.close()
    assert work.times == 1
    assert _ask(None, work.question(file)) == [{"content": "one"}]
    assert work.times == 2


def test_other_content_other_settings_and_a_copy(file, tmp_path):
    work, cache = Work(), FileCache(tmp_path / "files.sqlite")
    _ask(cache, work.question(file))
    _ask(cache, work.question(file, "other"))
    assert work.times == 2
    copy = file.with_name("b.bin")
    copy.write_bytes(b"one")
    assert _ask(cache, work.question(copy, "other")) == [{"content": "one"}]
    assert work.times == 2  # known by its content
    assert cache.changed == []
    file.write_bytes(b"two")
    assert _ask(cache, work.question(file, "other")) == [{"content": "two"}]
    assert cache.changed == [file]


def test_what_was_seen_long_after_it_changed_is_not_read_again(file, tmp_path, monkeypatch):
    in_an_hour = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr("time.time_ns", lambda: in_an_hour)
    work, cache = Work(), FileCache(tmp_path / "files.sqlite")
    os.utime(file, (LONG_AGO, LONG_AGO))
    question = work.question(file)
    _ask(cache, question)
    assert cache.find([question, work.question(file, "other")]) == [{"content": "one"}, None]
    time.sleep(0.02)  # past the tick of the file system
    file.write_bytes(b"two")
    os.utime(file, (LONG_AGO, LONG_AGO))  # an archive unpacked over it: the same size and time
    assert cache.find([question]) == [None]
    assert _ask(cache, question) == [{"content": "two"}]
    assert cache.changed == [file]


def test_further_files_count(file, tmp_path):
    other, cache = tmp_path / "b.bin", FileCache(tmp_path / "files.sqlite")
    other.write_bytes(b"1")

    def question(*more: Path) -> Question:
        return Question(file, "kind", "s", lambda: {"read": [f.read_text() for f in more]}, more)

    assert _ask(cache, question(other)) == [{"read": ["1"]}]
    other.write_bytes(b"2")
    assert _ask(cache, question(other)) == [{"read": ["2"]}]
    assert _ask(cache, question()) == [{"read": []}]
    other.unlink()
    other.mkdir()
    assert cache.answer(Question(file, "kind", "s", dict, (other,))) == ({}, None)


def test_a_cache_that_fails_while_it_is_written_is_done_without(file, tmp_path):
    class Locked(contextlib.nullcontext):
        def execute(self, *_: object) -> None:
            raise sqlite3.OperationalError("database is locked")

        executemany = execute

        def close(self) -> None:
            pass

    work, cache = Work(), FileCache(tmp_path / "files.sqlite")
    _, row = cache.answer(work.question(file))
    cache.close()
    cache._base = Locked()
    cache.keep([row])
    assert _ask(cache, work.question(file)) == [{"content": "one"}]
    assert (tmp_path / "files.sqlite").exists()


def test_the_same_relative_path_in_another_folder_is_another_file(tmp_path, monkeypatch):
    work, cache = Work(), FileCache(tmp_path / "files.sqlite")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.bin").write_bytes(folder.encode())
        os.utime(tmp_path / folder / "a.bin", (LONG_AGO, LONG_AGO))
        monkeypatch.chdir(tmp_path / folder)
        assert _ask(cache, work.question(Path("a.bin"))) == [{"content": folder}]
    (tmp_path / "two/a.bin").write_bytes(b"three")
    _ask(cache, work.question(Path("a.bin")))
    assert cache.changed == [Path("a.bin")]


def test_a_file_younger_than_the_tick_of_the_clock_is_looked_into(file, tmp_path):
    work, cache = Work(), FileCache(tmp_path / "files.sqlite")
    file.write_bytes(b"new")
    state = file.stat()
    _ask(cache, work.question(file))
    file.write_bytes(b"wen")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert _ask(cache, work.question(file)) == [{"content": "wen"}]


@pytest.mark.parametrize("damage", [b"", b"not a data base at all" * 99])
def test_a_damaged_cache_is_begun_anew(file, tmp_path, damage):
    base, work = tmp_path / "files.sqlite", Work()
    base.write_bytes(damage)
    cache = FileCache(base)
    _ask(cache, work.question(file))
    _ask(cache, work.question(file))
    assert work.times == 1


def test_a_flipped_value_is_worked_out_again(file, tmp_path):
    base, work = tmp_path / "files.sqlite", Work()
    _ask(FileCache(base), work.question(file))
    with sqlite3.connect(base) as raw:
        raw.execute('UPDATE facts SET value = \'{"content":"eno"}\'')
    raw.close()
    assert _ask(FileCache(base), work.question(file)) == [{"content": "one"}]
    assert work.times == 2


def test_a_cache_that_cannot_be_written_is_done_without(file, tmp_path):
    (tmp_path / "file").touch()
    work = Work()
    cache = FileCache(tmp_path / "file" / "files.sqlite")
    assert _ask(cache, work.question(file), work.question(file)) == [{"content": "one"}] * 2


def test_several_at_once(tmp_path):
    files = []
    for number in range(300):
        files.append(tmp_path / f"{number}.bin")
        files[-1].write_bytes(str(number).encode())
    found: list[list[dict]] = []

    def run() -> None:
        cache, work = FileCache(tmp_path / "files.sqlite"), Work()
        found.append(_ask(cache, *(work.question(f) for f in files)))
        cache.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[{"content": str(n)} for n in range(300)]] * 3


def test_a_check_from_memory_is_the_same_check(shapes, tmp_path):
    root = shutil.copytree(shapes, tmp_path / "set")
    (root / "train/images/train0.png").write_bytes(b"")
    (root / "val/masks/val1.png").write_bytes(b"<html>")
    base = tmp_path / "files.sqlite"
    reports = []
    for cache in (None, FileCache(base), FileCache(base)):
        reports.append(check(Dataset.open(root, cache=cache), cache=cache).to_json())
    assert reports[0] == reports[1] == reports[2]
    (root / "val/masks/val1.png").write_bytes(b"%PDF")
    cache = FileCache(base)
    report = check(Dataset.open(root, cache=cache), cache=cache)
    assert [f.file for f in report.notes if f.code == "changed-since-check"] == [
        "val/masks/val1.png"
    ]


def test_a_fault_is_not_remembered(file, tmp_path):
    """The package that was missing may be there next time."""
    cache = FileCache(tmp_path / "files.sqlite")
    found = iter([{"fault": "no pydicom"}, {"size": 3}, {"size": 4}])
    question = Question(file, "kind", "s", lambda: next(found))
    assert _ask(cache, question) == [{"fault": "no pydicom"}]
    assert _ask(cache, question) == [{"size": 3}]
    assert _ask(cache, question) == [{"size": 3}]
