"""How much memory there is to be had."""

from __future__ import annotations

import os
from pathlib import Path


def available_memory() -> int:
    """Bytes of memory that can be had without swapping."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        # not Linux: half of what the machine has, or 4 GiB where even that is unknown
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        except (AttributeError, ValueError, OSError):
            return 4 << 30
    line = next(line for line in text.splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) * 1024
