"""Progress of long work: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Progress = Callable[[int, int], None]

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_BETWEEN_LOOKS = 0.1  # a bar costs more than looking up a file that has not changed


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A callable `(done, total)` that shows how far the work is, and when it will end."""
    if sys.stderr.isatty():
        with _bar(title) as show:
            yield show
    else:
        yield _lines(title)


@contextmanager
def later_progress(title: str) -> Iterator[Progress]:
    """As `progress`, begun when it is first called: what comes before may speak for itself."""
    with ExitStack() as held:
        begun: list[Progress] = []

        def show(done: int, total: int) -> None:
            if not begun:
                begun.append(held.enter_context(progress(title)))
            begun[0](done, total)

        yield show


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        last = 0.0

        def show(done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            if done == total or now - last >= _SECONDS_BETWEEN_LOOKS:
                last = now
                bar.update(task, completed=done, total=total)

        yield show


def _lines(title: str) -> Progress:
    start = last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done and now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            left = (now - start) * (total - done) / done
            print(f"{title}: {done} of {total}, about {left:.0f} s left", file=sys.stderr)

    return show


def show_messages() -> None:
    """Print what the library says while it works (`logging`, logger `intarsia`) on stderr."""
    import logging

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # sys.stderr is looked up each time: a live bar puts its own in its place
            prefix = "warning: " if record.levelno >= logging.WARNING else ""
            print(prefix + record.getMessage(), file=sys.stderr, flush=True)

    logger = logging.getLogger("intarsia")
    logger.setLevel(logging.INFO)
    logger.handlers = [Printer()]
