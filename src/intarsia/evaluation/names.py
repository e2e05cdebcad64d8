"""What sheets are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OUT_OF_FOLD = "out-of-fold"


def sheet_name(data: str, split: str, settings: Mapping[str, Any]) -> str:
    """What the files of a sheet are called: data, split, and what was predicted otherwise.

    >>> sheet_name("my toy", "val", {"flip": True})
    'mytoy-val+flip=True'
    """
    changed = "".join(f"+{key}={value}" for key, value in settings.items())
    return f"{data}-{split}{changed}".replace("/", "-").replace(" ", "")
