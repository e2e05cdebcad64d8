"""What sheets are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OUT_OF_FOLD = "out-of-fold"


def sheet_name(data: str, split: str, settings: Mapping[str, Any]) -> str:
    """What the files of a sheet are called: data, split, and what was predicted otherwise.

    >>> sheet_name("my toy", "val", {"flip": True})
    'mytoy-val+flip=True'
    >>> sheet_name("toy", "val", {"scales": (0.75, 1.0)})
    'toy-val+scales=[0.75,1.0]'
    """
    # JSON gives lists back where there were tuples: one name for both
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    changed = "".join(f"+{key}={value}" for key, value in plain.items())
    return f"{data}-{split}{changed}".replace("/", "-").replace(" ", "")
