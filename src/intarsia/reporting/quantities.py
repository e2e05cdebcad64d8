"""Quantities as people read them: ratios, counts, durations, sizes."""

from __future__ import annotations

import math
from typing import Literal

Kind = Literal["text", "ratio", "number", "count", "duration", "size", "rate"]

ABSENT = "n/a"
_THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"


def quantity(value: object, kind: Kind = "text") -> str:
    """The value in words of its kind; None and non-finite numbers are "n/a".

    >>> quantity(0.68349, "ratio"), quantity(None, "ratio"), quantity(3725, "duration")
    ('0.683', 'n/a', '1 h 2 min')
    >>> quantity(3_500_000_000, "size"), quantity("Road")
    ('3.5 GB', 'Road')
    """
    if value is None:
        return ABSENT
    if kind == "text" or isinstance(value, (str, bool)) or not isinstance(value, (int, float)):
        return str(value)
    if not math.isfinite(value):
        return ABSENT
    match kind:
        case "ratio":
            return f"{value:.3f}"
        case "number":
            return f"{value:.4g}"
        case "count":
            return f"{round(value):,}".replace(",", _THIN_SPACE)
        case "duration":
            return duration(value)
        case "size":
            return size(value)
        case "rate":
            return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(0.42), duration(7.25), duration(150), duration(90_000)
    ('0.42 s', '7.2 s', '2 min 30 s', '25 h 0 min')
    """
    if seconds < 1:
        return f"{seconds:.2f} s"
    if round(seconds) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """Bytes in decimal units.

    >>> size(999), size(1_250_000)
    ('999 B', '1.2 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
