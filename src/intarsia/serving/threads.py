"""Threads that compute beside the one that answers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

_STEP = 5  # of niceness; with more, a service beside a training would hardly come to compute


def step_back() -> None:
    """Let the calling thread, and those that it starts, wait for threads of usual priority.

    What answers, refuses above all, takes little and must not wait for the network. On Linux only,
    where threads have a priority of their own.
    """
    if sys.platform == "linux":
        usual = os.getpriority(os.PRIO_PROCESS, os.getpid())
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), usual + _STEP)


def call_aside(function: Callable[[], T]) -> T:
    """What `function` gives or raises, called in a thread that ends with it.

    OpenMP keeps helpers for every thread that has ever computed, as long as it lives, and with more
    of them than processors each waits asleep: the network would take a quarter longer.
    """
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future.result()
