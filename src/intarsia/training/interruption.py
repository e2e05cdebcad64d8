"""Ctrl-C and SIGTERM, answered at the end of a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from intarsia.errors import Interrupted

_Handler = Callable[[int, FrameType | None], Any] | int | None


class Interruption:
    """Remembers a request to stop instead of raising in the middle of a step.

    A second request is not held back: it ends the process as usual.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> Interruption:
        # only the main thread may set handlers; elsewhere the caller's own stay
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def check(self, where: Path) -> None:
        """Raises Interrupted where we were asked to stop; `where` is what can be gone on with."""
        if self.signal is None:
            return
        stopped = Interrupted(
            f"stopped by {self.signal.name}; everything so far is saved",
            where=where,
            hint="give the same command with --resume to go on",
        )
        stopped.signal_name = self.signal.name
        raise stopped

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
