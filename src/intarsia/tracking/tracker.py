"""What a tracker does with a training, and the one that does nothing."""

from __future__ import annotations

from typing import Any, Protocol

from intarsia.runs import Run

Row = dict[str, Any]


class Tracker(Protocol):
    """Follows one training. Its own troubles are said as warnings and never raised."""

    def epoch(self, row: Row) -> None:
        """Takes one row of the log, as `train(on_epoch=...)` gives it."""

    def finish(self, run: Run) -> None:
        """Takes what a finished run holds; the report, if there is one, has been written."""

    def abort(self, error: BaseException) -> None:
        """Notes that the training was stopped (Interrupted, Ctrl-C) or failed (all else)."""


class NoTracker:
    """Nothing was asked for."""

    def epoch(self, row: Row) -> None:
        pass

    def finish(self, run: Run) -> None:
        pass

    def abort(self, error: BaseException) -> None:
        pass
