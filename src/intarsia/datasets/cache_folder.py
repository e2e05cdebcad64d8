"""Where unpacked archives and exported tables are kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache for Intarsia: below $XDG_CACHE_HOME, or ~/.cache."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification: a relative path counts as none.
    base = Path(named) if named and Path(named).is_absolute() else Path.home() / ".cache"
    return base / "intarsia"
