"""How much memory there is to be had, and how much is taken."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from pathlib import Path

# The folder below /sys/fs/cgroup, and what says limit, use, and what of it could be given back:
# control groups of version 2, and the controller of version 1.
_GROUPS = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
# glibc's mallopt parameters (malloc.h)
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was lacking: the machine's, or a GPU's, of which torch has a fault of its own.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError())
    (True, False)
    """
    # told by its name: torch may not be installed
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def available_memory(root: Path = Path("/")) -> int:
    """Bytes of memory that can be had without swapping, within the limit of a container."""
    return min([_of_machine(root), *_of_groups(root)])


def _of_machine(root: Path) -> int:
    try:
        text = (root / "proc/meminfo").read_text(encoding="ascii")
    except OSError:
        # not Linux: half of what the machine has, or 4 GiB where even that is unknown
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        except (AttributeError, ValueError, OSError):
            return 4 << 30
    line = next(line for line in text.splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) * 1024


def _of_groups(root: Path) -> Iterator[int]:
    """What the limits of this process's control groups, and of those around them, leave."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, kind, place = line.split(":", 2)
        if kind not in _GROUPS:
            continue
        folder, limit, used, spare = _GROUPS[kind]
        top = root / "sys/fs/cgroup" / folder
        group = top / place.lstrip("/")
        # a container sees its own group as the top, whatever it is called outside
        for level in (group, *group.parents):
            if level.is_relative_to(top):
                try:
                    most = int((level / limit).read_text(encoding="ascii"))
                    now = int((level / used).read_text(encoding="ascii"))
                    stat = (level / "memory.stat").read_text(encoding="ascii")
                except (OSError, ValueError):  # no such group here, or "max": no limit
                    continue
                counts = dict(row.split() for row in stat.splitlines())
                yield max(0, most - now + int(counts.get(spare, 0)))


def peak_memory() -> int:
    """The most bytes that this process has had in memory so far; 0 where that is unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def keep_freed_memory(*, of_threads: bool = False) -> bool:
    """Lets glibc keep freed blocks instead of handing each large one back to the system.

    A network's step or batch allocates and frees the same gigabytes again and again; returning
    them costs a page fault for every 4 KiB. See benchmarks/allocator.py. What other threads than
    the main one free is given back all the same, unless `of_threads` lets all share one heap.
    True where it applies.
    """
    if platform.system() != "Linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    if of_threads:
        mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TOP_PAD, 256 << 20)
    return bool(mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
