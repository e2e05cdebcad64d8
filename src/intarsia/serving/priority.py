"""Who goes first where there are more threads than processors."""

from __future__ import annotations

import os
import sys
import threading

_NICE = 10


def step_back() -> None:
    """Let the calling thread, and those that it starts, wait for threads of usual priority.

    What answers, refuses above all, takes little and must not wait for the network. On Linux only,
    where threads have a priority of their own.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
